import { z } from 'zod';
import { describeError } from '../../base/errors.ts';
import { withTimeLimit } from '../../base/time-limit.ts';
import type { CapabilityAnswer, Directory, DirectoryGrant } from '../../ocp/capability.ts';
import { AnswerCache } from './answer-cache.ts';
import { fileTable } from './directory-file.ts';
import { ldapTable } from './directory-ldap.ts';
import type { CapabilityPart } from './host.ts';
import type { LibraryThreads } from './library-threads.ts';
import { Rate } from '../../base/rate.ts';
import { answered, readRequest, refused } from './request.ts';

/**
 * Look-ups in tables that the operator defines (`sdk/ABI.md`): a plugin names a table of its grant and a key, never a file, a server or a
 * filter. What is found is kept for a while; rows and octets of an answer are bounded.
 */
const ANSWER_LIMIT = 64 * 1024;

const requestSchema = z.strictObject({
  table: z.string().max(64),
  // No control characters: no address and no name has any, and LDAP filters and log lines are made of it.
  key: z
    .string()
    .min(1, 'must not be empty')
    .max(1000, 'must have at most 1000 characters')
    .regex(/^[^\p{Cc}\p{Surrogate}]*$/u, 'must be text without control characters'),
});

/** From the name of a column or attribute to its values. */
export type Row = Readonly<Record<string, readonly string[]>>;

export type Found =
  | { readonly kind: 'found'; readonly rows: readonly Row[] }
  /** There are more rows than `maxRows`. */
  | { readonly kind: 'many' }
  /** It is out of order; `cause` is in words. */
  | { readonly kind: 'failed'; readonly cause: string };

/** One of them. */
export interface Table {
  /** May reject for what is out of order. */
  find(key: string, options: { signal: AbortSignal }): Promise<Found>;
  close(): void;
}

/** With a close of its own, for the connections that it keeps. */
export interface DirectoryPart extends CapabilityPart<DirectoryGrant> {
  close(): void;
}

export function directoryPart(directories: readonly Directory[], threads: LibraryThreads): DirectoryPart {
  const tables = new Map(
    directories.map((directory) => [directory.name, { directory, table: open(directory, threads) }]),
  );
  const cache = new AnswerCache<Found>();
  const rate = new Rate();
  return {
    async call({ service, grant, octets, signal, about }) {
      const read = readRequest(octets, requestSchema);
      if (!('fields' in read)) return read;
      const { table: name, key } = read.fields;
      // Not the key: it is somebody's address.
      about(name);
      const known = grant.tables.includes(name) ? tables.get(name) : undefined;
      if (known === undefined) {
        const granted = grant.tables.join(', ');
        return refused('DENIED', `${name} is not among the tables that are granted, ${granted}`);
      }
      if (!rate.take(service, grant.requestsPerMinute)) {
        return refused('LIMIT', `it would be more than ${grant.requestsPerMinute} requests in a minute`);
      }
      const { directory, table } = known;
      const kept = cache.get(`${name} ${key}`)?.answer;
      if (kept !== undefined) return told(kept, directory);
      const found = await withTimeLimit({ ms: directory.timeoutMs, signal }, (limit) =>
        table.find(key, { signal: limit }),
      ).catch((thrown: unknown): Found => ({ kind: 'failed', cause: describeError(thrown) }));
      if (found.kind !== 'failed')
        cache.put(`${name} ${key}`, { answer: found, ttl: directory.cacheMs / 1000 });
      return told(found, directory);
    },
    close() {
      for (const { table } of tables.values()) table.close();
    },
  };
}

function open(directory: Directory, threads: LibraryThreads): Table {
  return directory.type === 'ldap' ? ldapTable(directory) : fileTable(directory, threads);
}

function told(found: Found, { name, maxRows }: Directory): CapabilityAnswer {
  if (found.kind === 'failed') return refused('UNAVAILABLE', `${name}: ${found.cause}`);
  if (found.kind === 'many') return refused('LIMIT', `${name} has more than ${maxRows} rows for the key`);
  const answer = answered({ rows: found.rows });
  if (answer.kind === 'answer' && answer.octets.length > ANSWER_LIMIT) {
    return refused('LIMIT', `what ${name} has for the key is more than ${ANSWER_LIMIT} octets`);
  }
  return answer;
}
