/**
 * An SMTP reply (RFC 5321 section 4.2) with its enhanced status code (RFC 3463), as a value.
 *
 * `text` is what the peer may read. Causes that only the operator should see never go in here; they are logged.
 */
export interface Reply {
  /** 200 to 599. */
  readonly code: number;
  /** `5.7.1`; its class is that of `code`. Absent for greetings, 354 and EHLO. */
  readonly enhanced?: string;
  /** One line a string, without CR or LF, without the codes. */
  readonly lines: readonly string[];
}

/** A reply of one or more lines. Control characters in the text become spaces, so that no text can forge a line. */
export function reply(code: number, enhanced: string | undefined, ...lines: string[]): Reply {
  const clean = (lines.length === 0 ? [''] : lines).map(cleanText);
  return enhanced === undefined ? { code, lines: clean } : { code, enhanced, lines: clean };
}

/** The text after the codes, on one line. */
export function replyText(value: Reply): string {
  return value.lines.join(' ');
}

/** `550 5.7.1 text`, for logs and the Diagnostic-Code of a DSN. */
export function formatReply(value: Reply): string {
  return [String(value.code), value.enhanced, replyText(value)]
    .filter((part) => part !== undefined && part !== '')
    .join(' ');
}

export const isPositive = (value: Reply): boolean => value.code >= 200 && value.code < 400;

function cleanText(line: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what this removes
  return line.replace(/[\u0000-\u001f\u007f]+/g, ' ').trim();
}
