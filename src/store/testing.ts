import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { spoolOf } from '../base/spool.ts';
import { imageOf, type MessageImage } from '../mail/image.ts';
import type { NewQuarantineEntry, NewQueueEntry, Store } from './store.ts';

/** What the tests of the store share. */
export const NOW = 1_800_000_000_000;

export function imageWith(content: string | Uint8Array): MessageImage {
  return imageOf(spoolOf(Buffer.from(content)).handle);
}

/** Octets that differ from chunk to chunk, so that a misplaced one shows. */
export const contentOf = (size: number): Buffer => randomBytes(size);

export function queued(change: Partial<NewQueueEntry> = {}): NewQueueEntry {
  return {
    transaction: 'session-1',
    image: imageWith('Subject: test\r\n\r\nhello\r\n'),
    sender: { address: 'ann@example.org', params: { BODY: '8BITMIME' } },
    recipients: [{ address: 'bob@example.com', params: { NOTIFY: 'FAILURE' } }],
    downstream: 'store',
    now: NOW,
    nextAttemptAt: NOW,
    expiresAt: NOW + 1000,
    ...change,
  };
}

export function held(change: Partial<NewQuarantineEntry> = {}): NewQuarantineEntry {
  const { nextAttemptAt: _next, expiresAt: _expires, leaseUntil: _lease, ...entry } = queued();
  return { ...entry, service: 'virus', reason: 'EICAR', ...change };
}

/** Commits one queue entry and returns its id. */
export async function enqueue(store: Store, change: Partial<NewQueueEntry> = {}): Promise<string> {
  const { queue } = await store.commit({ queue: [queued(change)], quarantine: [] });
  return queue[0]!;
}

/** The whole message of a queue entry, read in pieces of an odd size. */
export async function contentIn(store: Store, messageId: string): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for (let offset = 0; ;) {
    const part = await store.read(messageId, { offset, length: 100_003 });
    if (part.length === 0) return Buffer.concat(parts);
    parts.push(part);
    offset += part.length;
  }
}

export async function temporaryDirectory(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'postern-store-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
