import { createHash } from 'node:crypto';
import { normalAddress } from '../mail/address.ts';

/** Octets of a directory name. File systems allow 255. */
const NAME_LIMIT = 200;

/**
 * The name of an address's directory: the address as it compares (lower case, domain in A-labels), so that all its
 * spellings share one mailbox. All but `a-z 0-9 @ . _ + = -` is percent-encoded as UTF-8, and so is a dot at the
 * start: `..`, hidden names, `/` and NUL can't come about. Of what is then longer than 200 octets the first 120 stay,
 * then `~` and the SHA-256 of the address in hex; `~` occurs in no other name, so no two addresses share one.
 */
export function directoryName(address: string): string {
  const normal = normalAddress(address);
  let name = '';
  for (const octet of Buffer.from(normal)) {
    const char = String.fromCharCode(octet);
    const plain = /[a-z0-9@._+=-]/.test(char) && !(char === '.' && name === '');
    name += plain ? char : `%${octet.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  if (name.length <= NAME_LIMIT) return name;
  return `${name.slice(0, 120)}~${createHash('sha256').update(normal).digest('hex')}`;
}

/**
 * The directory of a folder in a Maildir++, below that of the mailbox; '' for `INBOX`, undefined for what can't be the name of one.
 *
 * `Junk` is in `.Junk`; `.` and `/` are between levels, and `INBOX` at the start is left out, so that `INBOX.Junk` is the same folder,
 * as servers with a prefix name it. Beyond ASCII a name is in modified UTF-7 (RFC 3501 section 5.1.3), as Dovecot and Courier have it.
 * No level is empty, and the name has at most 200 octets: a path can't come about here.
 */
export function folderDirectory(folder: string): string | undefined {
  const levels = folder.normalize('NFC').split(/[./]/);
  if (levels[0]?.toUpperCase() === 'INBOX') levels.shift();
  if (levels.includes('')) return undefined;
  const name = levels.map((level) => `.${modifiedUtf7(level)}`).join('');
  return name.length <= NAME_LIMIT ? name : undefined;
}

const modifiedUtf7 = (text: string): string =>
  text.replaceAll(/&|[^ -~]+/g, (run) => {
    if (run === '&') return '&-';
    const base64 = Buffer.from(run, 'utf16le').swap16().toString('base64');
    return `&${base64.replaceAll('=', '').replaceAll('/', ',')}-`;
  });

/** Makes file names that no other delivery makes: `time.MusecPpidQn.host`, by the Maildir convention. */
export class UniqueNames {
  readonly #host: string;
  #count = 0;

  constructor(hostname: string) {
    // The convention's own escapes: a slash would be a directory, what is behind a colon the reader's flags.
    this.#host = hostname.replaceAll('/', '\\057').replaceAll(':', '\\072');
  }

  next(): string {
    const now = Date.now();
    const micros = (now % 1000) * 1000 + (Number(process.hrtime.bigint() / 1000n) % 1000);
    this.#count += 1;
    return `${Math.floor(now / 1000)}.M${micros}P${process.pid}Q${this.#count}.${this.#host}`;
  }
}
