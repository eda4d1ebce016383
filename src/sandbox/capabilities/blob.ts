import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { describeError } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import { hashPassword } from '../../base/password-hash.ts';
import { printable } from '../../base/printable.ts';
import type { BlobAccess, BlobPut, Blobs, RemoteBlobs } from '../../ocp/blob.ts';
import type { BlobGrant, CapabilityAnswer } from '../../ocp/capability.ts';
import { networkList } from '../../ocp/when.ts';
import { contentOf, contentSchema, type Content } from './content.ts';
import type { CapabilityPart, PartRequest } from './host.ts';
import { Rate } from '../../base/rate.ts';
import { answered, readRequest, refused } from './request.ts';

/**
 * Files with an URL that nobody can guess (`sdk/ABI.md`): parts of the message, or octets. What a service put is its own, in `monitor` nothing
 * is kept: the answer is the same, and the URL leads nowhere. Postern serves them, or a store elsewhere does, which can do less.
 */
const NAME_LIMIT = 255;

const access = z
  .strictObject({
    password: z.string().min(1).max(200).optional(),
    clients: z
      .array(z.string())
      .min(1)
      .max(100)
      .refine(areNetworks, 'must be addresses or networks')
      .optional(),
    confirm: z.boolean().optional(),
  })
  .default({});

const requestSchema = z.discriminatedUnion('op', [
  z.strictObject({
    op: z.literal('put'),
    name: z.string().min(1).max(NAME_LIMIT).transform(plainName),
    type: z.string().regex(/^[a-z0-9][a-z0-9!#$&^_.+-]{0,62}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}$/),
    /** Seconds from now. */
    expires: z.int().min(1).optional(),
    downloads: z.int().min(1).max(1_000_000).optional(),
    access,
    content: contentSchema,
  }),
  z.strictObject({ op: z.literal('info'), id: z.string().max(64) }),
  z.strictObject({ op: z.literal('remove'), id: z.string().max(64) }),
]);

type PutFields = Extract<z.output<typeof requestSchema>, { op: 'put' }>;

interface Put {
  readonly request: PartRequest<BlobGrant>;
  readonly fields: PutFields;
  readonly content: Content;
  readonly remote: RemoteBlobs | undefined;
}

export function blobPart(options: {
  readonly blobs: Blobs;
  /** Where Postern serves them, without a slash at its end; absent: it does not. */
  readonly publicUrl?: string | undefined;
  readonly remotes?: readonly RemoteBlobs[];
  /** Names of services whose files are not to be kept. */
  readonly monitored: ReadonlySet<string>;
}): CapabilityPart<BlobGrant> {
  const { blobs, publicUrl, remotes = [], monitored } = options;
  const rate = new Rate();

  /** The store of a grant, or why nothing can be put. */
  function placeOf({ store }: BlobGrant): { remote: RemoteBlobs | undefined } | { fault: string } {
    if (store === undefined) {
      return publicUrl === undefined ? { fault: 'nothing serves files' } : { remote: undefined };
    }
    const remote = remotes.find(({ name }) => name === store);
    return remote === undefined ? { fault: `there is no store "${store}"` } : { remote };
  }

  async function put({ request, fields, content, remote }: Put): Promise<CapabilityAnswer> {
    const { service, grant, signal, facts } = request;
    const { encodedSize } = content;
    if (encodedSize > grant.blobBytes) {
      return refused('LIMIT', `it has ${encodedSize} octets, at most ${grant.blobBytes} are allowed`);
    }
    const longest = Math.floor(Math.min(grant.longestMs, remote?.longestMs ?? Infinity) / 1000);
    const { name, type, downloads, expires = longest } = fields;
    if (expires > longest) {
      return refused('LIMIT', `it would be kept for ${expires} s, at most ${longest} are allowed`);
    }
    if (!rate.take(service, grant.putsPerMinute)) {
      return refused('LIMIT', `it would be more than ${grant.putsPerMinute} files in a minute`);
    }
    const now = Date.now();
    const blob = {
      service,
      transaction: facts.transaction,
      name,
      type,
      downloads,
      atMost: encodedSize,
      access: await accessOf(fields.access),
      now,
      expiresAt: now + expires * 1000,
      quota: { blobs: grant.blobs, bytes: grant.bytes },
      remote,
      signal,
    };
    const result = monitored.has(service)
      ? await asIfPut(content)
      : await blobs.put(blob, () => content.octets());
    if (result.kind === 'full') {
      return refused('LIMIT', `it would keep more than ${grant.blobs} files or ${grant.bytes} octets`);
    }
    const { id, token, size, sha256 } = result;
    const url = remote === undefined ? `${publicUrl}/blob/${token}` : await remote.link(id, blob);
    return answered({ url, id, size, sha256, expires });
  }

  return {
    async call(request) {
      const { service, octets, about } = request;
      const read = readRequest(octets, requestSchema);
      if (!('fields' in read)) return read;
      const { fields, body } = read;
      try {
        if (fields.op === 'put') {
          const content = contentOf(request, { content: fields.content, body });
          if ('fault' in content) return refused('INVALID', content.fault);
          about(`put ${content.encodedSize} octets of ${fields.type}`);
          const place = placeOf(request.grant);
          if ('fault' in place) return refused('UNAVAILABLE', place.fault);
          if (place.remote !== undefined && limitsBesides(fields)) {
            return refused('INVALID', `the store ${place.remote.name} knows no "downloads" and no "access"`);
          }
          return await put({ request, fields, content, ...place });
        }
        const at = { service, id: fields.id };
        about(`${fields.op} ${fields.id}`);
        if (body.length > 0) return refused('INVALID', `${fields.op} takes no octets`);
        if (fields.op === 'remove') return answered({ removed: await blobs.remove(at) });
        const found = await blobs.info(at);
        if (found === undefined) return refused('NOT_FOUND', 'there is no such file');
        const { id, name, type, size, sha256, downloads, expiresAt } = found;
        const expires = Math.max(0, Math.ceil((expiresAt - Date.now()) / 1000));
        return answered({ id, name, type, size, sha256, expires, downloads });
      } catch (thrown) {
        return refused('UNAVAILABLE', describeError(thrown));
      }
    },
  };
}

/** Whether more is asked for than a link which is good for a time. */
const limitsBesides = ({ downloads, access: rules }: PutFields): boolean =>
  downloads !== undefined ||
  rules.password !== undefined ||
  rules.clients !== undefined ||
  rules.confirm === true;

async function accessOf({ password, clients, confirm }: z.output<typeof access>): Promise<BlobAccess> {
  return {
    ...(password !== undefined && { password: await hashPassword(password) }),
    ...(clients !== undefined && { clients }),
    ...(confirm === true && { confirm }),
  };
}

async function asIfPut(content: Content): Promise<BlobPut> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const piece of content.octets()) {
    size += piece.length;
    hash.update(piece);
  }
  const token = randomBytes(24).toString('base64url');
  return { kind: 'stored', id: newId(), token, size, sha256: hash.digest('hex') };
}

/** What a sender calls a file is not to name a place, or to look like another name. */
function plainName(name: string): string {
  return printable(name).replaceAll(/[\u200b-\u200d\ufeff/\\:*?"<>|\p{Surrogate}]/gu, '_');
}

function areNetworks(entries: readonly string[]): boolean {
  try {
    networkList(entries);
    return true;
  } catch {
    return false;
  }
}
