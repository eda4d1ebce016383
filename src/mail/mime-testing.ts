import { openSpool, spoolOf } from '../base/spool.ts';
import { indexMime, type MimeIndex, type MimePart } from './mime-index.ts';

/** What the tests of the MIME index share: messages in Latin-1, and what is found in them. */
export const crlf = (...lines: string[]): string => lines.join('\r\n');

export function index(text: string): MimeIndex {
  return indexMime(openSpool(spoolOf(Buffer.from(text, 'latin1')).handle));
}

export function bodyOf(text: string, part: MimePart | undefined): string {
  if (part === undefined) return '(no such part)';
  return text.slice(part.offset + part.headerSize, part.offset + part.headerSize + part.size);
}

/** Parts as `depth type body`, leaves only with their body. */
export function outline(text: string): string[] {
  return index(text).parts.map((part) => {
    const leaf = !part.type.startsWith('multipart/') && part.type !== 'message/rfc822';
    return `${part.depth} ${part.type}${leaf ? ` ${JSON.stringify(bodyOf(text, part))}` : ''}`;
  });
}

export const multipart = (boundary: string, type = 'mixed'): string =>
  `Content-Type: multipart/${type}; boundary="${boundary}"`;
