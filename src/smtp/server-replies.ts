import type { Reply } from '../mail/reply.ts';

/** Octets of a reply line, CRLF included (RFC 5321 section 4.5.3.1.5). */
const MAX_REPLY_LINE = 512;

/**
 * A reply as it goes over the wire (RFC 5321 section 4.2.1): `250-` before every line but the last, the enhanced code on
 * each (RFC 2034 section 4). The last line of defence against a forged reply: whatever is not printable ASCII becomes `?`,
 * and a line is cut to the protocol's limit.
 */
export function wireReply(reply: Reply): string {
  const lines = reply.lines.length === 0 ? [''] : reply.lines;
  const enhanced = reply.enhanced === undefined ? '' : `${reply.enhanced} `;
  let wire = '';
  for (const [index, line] of lines.entries()) {
    const separator = index < lines.length - 1 ? '-' : ' ';
    const text = printable(`${reply.code}${separator}${enhanced}${line}`);
    wire += `${text.slice(0, MAX_REPLY_LINE - 2)}\r\n`;
  }
  return wire;
}

const printable = (text: string): string => text.replace(/[^ -~]/g, '?');
