import { z } from 'zod';
import { describeError } from '../../base/errors.ts';
import type { ArcSealing } from '../../mail/dkim/seal.ts';
import type { MessageImage } from '../../mail/image.ts';
import { isMimeValue } from '../../mail/mime-value.ts';
import type { Authentication } from './authentication.ts';
import { readKeyFile } from './held-keys.ts';
import type { KeyOperation } from './key.ts';
import { HEADERS, OVERSIGN } from './key-dkim.ts';
import type { LibraryThreads } from './library-threads.ts';
import { answered, readRequest, refused } from './request.ts';

const sealSchema = z.strictObject({
  op: z.literal('arc-seal'),
  key: z.string(),
  authservId: z
    .string()
    .max(253)
    .refine(isMimeValue, 'must be a token such as mx.example.com, or a quoted string (RFC 8601 section 2.2)'),
  results: z
    .array(
      z
        .string()
        .max(900)
        .regex(/^[\x20-\x7e]+$/, 'must be printable ASCII'),
    )
    .max(50),
});

/** What a thread is given to seal. */
export interface ArcSealInput {
  readonly image: MessageImage;
  readonly pem: string;
  readonly sealing: ArcSealing;
}

/**
 * `arc-seal`: the three fields of another hop. What it says of the chain so far (`cv=`) is what Postern itself has found of the message as
 * it arrived, not what the plugin says.
 */
export function arcSealer({
  threads,
  authentication,
}: {
  threads: LibraryThreads;
  authentication: Authentication;
}): KeyOperation {
  return async ({ octets, facts, image, grant, keys, about, signal }) => {
    const read = readRequest(octets, sealSchema);
    if (!('fields' in read)) return read;
    if (read.body.length > 0) return refused('INVALID', 'it seals the message and takes no octets');
    if (image === undefined) return refused('DENIED', 'at this stage there is no message');
    const { key: name, authservId, results } = read.fields;
    about(`arc-seal ${name}`);
    const found = keys.find(grant, { name, type: 'dkim' });
    if (!('key' in found)) return found;
    const { domain, selector } = found.key;
    const file = await readKeyFile(found.key, signal);
    if (!('text' in file)) return file;
    let cv: ArcSealing['cv'];
    try {
      cv = (await authentication.results({ facts, image })).arc!.result;
    } catch (thrown) {
      return refused('UNAVAILABLE', describeError(thrown));
    }
    const sealing: ArcSealing = {
      domain,
      selector,
      headers: ['DKIM-Signature', ...HEADERS],
      oversign: OVERSIGN,
      time: Math.floor(Date.now() / 1000),
      cv,
      authservId,
      results,
    };
    const input = { image, pem: file.text, sealing };
    const made = await threads.run({ task: 'arcSeal', input }, { signal });
    if ('fault' in made) return refused('UNAVAILABLE', `the key ${name} can't seal: ${made.fault}`);
    const { output: fields = '' } = made;
    return answered({ domain, selector, sealed: fields !== '' }, Buffer.from(fields, 'latin1'));
  };
}
