import { z } from 'zod';
import type { CallSubject, KeyGrant } from '../../ocp/capability.ts';
import type { MessageImage } from '../../mail/image.ts';
import { normalAddress } from '../../mail/address.ts';
import { isForAddress } from '../../ocp/key-division.ts';
import type { OpenpgpKey, OpenpgpPartners, SmimeKey, SmimePartners } from '../../ocp/held-key.ts';
import type { HeldKeys } from './held-keys.ts';
import type { KeyOperation, KeyRequest } from './key.ts';
import type { LibraryThreads } from './library-threads.ts';
import { answered, readRequest, refused } from './request.ts';

/**
 * S/MIME and OpenPGP for the message as the service found it (`sdk/ABI.md`). No key is named: of those that are granted the ones are
 * used whose addresses the envelope has, the sender's to sign and the recipients' to decrypt. So nobody signs in another's name, whatever a
 * header says (RFC 4496 section 4.5). What is opened goes to all recipients of the call, so a key opens only if it is for each of them.
 */
export const MESSAGE_LIMIT = 50 * 1024 * 1024;

const address = z.string().max(1000);
const requests = {
  find: z.strictObject({ op: z.string() }),
  protect: z.strictObject({
    op: z.string(),
    sign: z.boolean(),
    encrypt: z.array(address).max(1000).default([]),
    cipher: z.enum(['aes-256-cbc', 'aes-256-gcm']).default('aes-256-cbc'),
  }),
  open: z.strictObject({ op: z.string() }),
};

/** The keys that a thread may use, as the config has them. */
export type SecureKeys =
  | {
      readonly format: 'smime';
      readonly signing: readonly SmimeKey[];
      readonly decrypting: readonly SmimeKey[];
      readonly partners: readonly SmimePartners[];
    }
  | {
      readonly format: 'openpgp';
      readonly signing: readonly OpenpgpKey[];
      readonly decrypting: readonly OpenpgpKey[];
      readonly partners: readonly OpenpgpPartners[];
    };

/** What a thread is given to do. */
export interface SecureMailInput {
  readonly keys: SecureKeys;
  readonly image: MessageImage;
  readonly sizeLimit: number;
  readonly work:
    | { readonly op: 'find'; readonly addresses: readonly string[] }
    | { readonly op: 'open' }
    | {
        readonly op: 'protect';
        readonly sign: boolean;
        readonly to: readonly string[];
        readonly cipher: 'aes-256-cbc' | 'aes-256-gcm';
      };
}

export interface SecureMailOutput {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly octets?: Uint8Array;
}

/** The operations of both, by name: `smime-find`, `smime-protect`, `smime-open`, and the same of `openpgp`. */
export function secureMail(threads: LibraryThreads): Readonly<Record<string, KeyOperation>> {
  const names = (['smime', 'openpgp'] as const).flatMap((format) =>
    (['find', 'protect', 'open'] as const).map((op) => ({ format, op })),
  );
  return Object.fromEntries(
    names.map(({ format, op }) => [`${format}-${op}`, operation(threads, { format, op })]),
  );
}

function operation(
  threads: LibraryThreads,
  { format, op }: { format: SecureKeys['format']; op: keyof typeof requests },
): KeyOperation {
  return async (request) => {
    const { octets, image, facts, about, signal } = request;
    const read = readRequest(octets, requests[op]);
    if (!('fields' in read)) return read;
    if (read.body.length > 0) return refused('INVALID', 'it is about the message and takes no octets');
    if (image === undefined) return refused('DENIED', 'at this stage there is no message');
    // Not `LIMIT`, which is the grant's and gone in a minute: this message never fits.
    if (op !== 'find' && image.size > MESSAGE_LIMIT) {
      return refused('INVALID', `the message has ${image.size} octets, at most ${MESSAGE_LIMIT} are allowed`);
    }
    const keys = keysFor(format, request);
    const { fields } = read;
    const recipients = new Map(
      (facts.recipients ?? []).map((one) => [normalAddress(one.address), one.address]),
    );
    about(`${format}-${op}`);
    let work: SecureMailInput['work'];
    if ('sign' in fields) {
      const to = fields.encrypt.map(normalAddress);
      if (fields.sign && keys.signing.length === 0) {
        return refused('DENIED', 'no key that is granted is for the sender');
      }
      if (to.some((one) => !recipients.has(one))) {
        return refused('DENIED', 'it would be encrypted for somebody who is no recipient of it');
      }
      if (!fields.sign && to.length === 0)
        return refused('INVALID', 'it is neither to be signed nor encrypted');
      work = { op: 'protect', sign: fields.sign, to, cipher: fields.cipher };
    } else {
      work = op === 'find' ? { op, addresses: [...recipients.keys()] } : { op: 'open' };
    }
    const input = { keys, image, sizeLimit: MESSAGE_LIMIT, work };
    const made = await threads.run({ task: 'secureMail', input }, { signal });
    if ('fault' in made) return refused('UNAVAILABLE', `it can't be done: ${made.fault}`);
    return answered(made.output.fields, made.output.octets);
  };
}

function keysFor(
  format: SecureKeys['format'],
  { keys, grant, facts }: Pick<KeyRequest, 'keys' | 'grant' | 'facts'>,
): SecureKeys {
  const at = { keys, grant, facts };
  return format === 'smime'
    ? { format, ...envelopeKeys('smime', at), partners: keys.ofType(grant, 'smime-partners') }
    : { format, ...envelopeKeys('openpgp', at), partners: keys.ofType(grant, 'openpgp-partners') };
}

function envelopeKeys<Type extends 'smime' | 'openpgp'>(
  type: Type,
  { keys, grant, facts }: { keys: HeldKeys; grant: KeyGrant; facts: CallSubject['facts'] },
) {
  const held = keys.ofType(grant, type);
  const sender = facts.sender?.address ?? '';
  const recipients = facts.recipients ?? [];
  return {
    signing: sender === '' ? [] : held.filter((one) => isForAddress(one, sender)),
    decrypting:
      recipients.length === 0
        ? []
        : held.filter((one) => recipients.every(({ address }) => isForAddress(one, address))),
  };
}
