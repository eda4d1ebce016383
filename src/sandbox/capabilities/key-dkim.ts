import { z } from 'zod';
import type { DkimSigning } from '../../mail/dkim/sign.ts';
import type { MessageImage } from '../../mail/image.ts';
import { readKeyFile } from './held-keys.ts';
import type { KeyOperation } from './key.ts';
import type { LibraryThreads } from './library-threads.ts';
import { answered, readRequest, refused } from './request.ts';

/** What nobody may add to it: each would be shown, or read, in the place of what was signed. */
export const OVERSIGN = [
  'From',
  'Sender',
  'Reply-To',
  'To',
  'Cc',
  'Subject',
  'Date',
  'Message-ID',
  'MIME-Version',
  'Content-Type',
  'Content-Transfer-Encoding',
];
/** What is signed where a request does not say: what readers show and go by (RFC 6376 section 5.4.1). */
export const HEADERS = [
  ...OVERSIGN,
  'In-Reply-To',
  'References',
  'List-Id',
  'List-Unsubscribe',
  'List-Unsubscribe-Post',
];

const fieldName = z.string().regex(/^[!-9<-~]{1,100}$/, 'must be the name of a header field');
const fieldNames = z.array(fieldName).min(1).max(100);

const signSchema = z.strictObject({
  op: z.literal('dkim-sign'),
  key: z.string(),
  headers: fieldNames
    .refine(
      (names) => names.some((name) => name.toLowerCase() === 'from'),
      'must have From (RFC 6376 section 5.4)',
    )
    .default(HEADERS),
  oversign: z.array(fieldName).max(100).default(OVERSIGN),
  canonicalization: z
    .enum(['relaxed/relaxed', 'relaxed/simple', 'simple/relaxed', 'simple/simple'])
    .default('relaxed/relaxed'),
  /** Seconds from now. */
  expires: z
    .int()
    .min(60)
    .max(366 * 86_400)
    .optional(),
});

/** What a thread is given to sign. */
export interface DkimSignInput {
  readonly image: MessageImage;
  readonly pem: string;
  readonly signing: DkimSigning;
}

/** `dkim-sign`: the DKIM-Signature field of the message as the service found it, as octets that go before all others. */
export function dkimSigner(threads: LibraryThreads): KeyOperation {
  return async ({ octets, image, grant, keys, about, signal }) => {
    const read = readRequest(octets, signSchema);
    if (!('fields' in read)) return read;
    if (read.body.length > 0) return refused('INVALID', 'it signs the message and takes no octets');
    if (image === undefined) return refused('DENIED', 'at this stage there is no message');
    const { key: name, headers, oversign, canonicalization, expires } = read.fields;
    about(`dkim-sign ${name}`);
    const found = keys.find(grant, { name, type: 'dkim' });
    if (!('key' in found)) return found;
    const { key } = found;
    const file = await readKeyFile(key, signal);
    if (!('text' in file)) return file;
    const time = Math.floor(Date.now() / 1000);
    const [header, body] = HOW[canonicalization];
    const signing: DkimSigning = {
      domain: key.domain,
      selector: key.selector,
      headers: [...headers, ...oversign.filter((one) => !hasName(headers, one))],
      oversign,
      canonicalization: { header, body },
      time,
      expires: expires === undefined ? undefined : time + expires,
    };
    const input = { image, pem: file.text, signing };
    const made = await threads.run({ task: 'dkimSign', input }, { signal });
    if ('fault' in made) return refused('UNAVAILABLE', `the key ${name} can't sign: ${made.fault}`);
    return answered({ domain: key.domain, selector: key.selector }, Buffer.from(made.output, 'latin1'));
  };
}

const HOW = {
  'relaxed/relaxed': ['relaxed', 'relaxed'],
  'relaxed/simple': ['relaxed', 'simple'],
  'simple/relaxed': ['simple', 'relaxed'],
  'simple/simple': ['simple', 'simple'],
} as const;

const hasName = (names: readonly string[], name: string): boolean =>
  names.some((one) => one.toLowerCase() === name.toLowerCase());
