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
