import type { Database } from 'better-sqlite3';
import { OperationalError } from '../base/errors.ts';
import type { MessageImage } from '../mail/image.ts';
import type { Role } from './database.ts';
import { openImage, readPart } from './spooled.ts';

/** Content up to this stays in its message's row. */
const INLINE_LIMIT = 64 * 1024;
/** Octets of a row of `message_chunk`. Part of the schema: reading computes the row from the offset. */
const STORED_CHUNK = 256 * 1024;
/** Octets that one step writes or removes at most: what a small request may have to wait for. */
export const STEP_OCTETS = 1024 * 1024;

const BEING_WRITTEN = -1;

/** The messages' octets in the database: written from images, read by range, removed when nothing refers to them. */
export interface Contents {
  /**
   * Writes images and returns their message ids. Yields where a transaction must end: what is written up to there is
   * marked as unfinished, and counts only after the last step, which is the caller's to commit with what refers to it.
   * Images of `STEP_OCTETS` together are written in one step.
   */
  write(images: readonly NewContent[]): Generator<undefined, number[]>;
  /** At most `length` octets; throws OperationalError `message_missing`. */
  read(id: number, range: { offset: number; length: number }): Uint8Array;
  /** One row more refers to the message, beside those that do. */
  share(id: number): void;
  /** One row less refers to the message. Large content is only marked here and removed by `sweep`. */
  release(id: number): void;
  /** True if `release` left something to sweep, or a failed write may have. */
  sweepDue: boolean;
  /** Removes content that nothing refers to, a step at a time. Never while a `write` is between two steps. */
  sweep(): Generator<undefined, undefined>;
}

export interface NewContent {
  readonly image: MessageImage;
  /** How many rows will refer to it. At least 1. */
  readonly refs: number;
}

/** A tool leaves unfinished messages alone: they are the running server's. */
export function contentsOf(db: Database, { role }: { role: Role }): Contents {
  const insert = db.prepare('INSERT INTO message (size, refs, bytes) VALUES (?, ?, ?)');
  const insertChunk = db.prepare('INSERT INTO message_chunk (message_id, seq, bytes) VALUES (?, ?, ?)');
  const finish = db.prepare(`UPDATE message SET refs = ? WHERE id = ? AND refs = ${BEING_WRITTEN}`);
  const find = db.prepare<
    [number, number, number],
    { size: number; inline: number; part: Uint8Array | null }
  >(
    'SELECT size, bytes IS NOT NULL AS inline, substr(bytes, ?, ?) AS part FROM message WHERE id = ? AND refs > 0',
  );
  const chunkPart = db
    .prepare<[number, number, number, number], Uint8Array>(
      'SELECT substr(bytes, ?, ?) FROM message_chunk WHERE message_id = ? AND seq = ?',
    )
    .pluck();
  const refer = db.prepare('UPDATE message SET refs = refs + 1 WHERE id = ? AND refs > 0');
  const unrefer = db
    .prepare<[number], number>('UPDATE message SET refs = refs - 1 WHERE id = ? AND refs > 1 RETURNING refs')
    .pluck();
  const removeInline = db.prepare('DELETE FROM message WHERE id = ? AND bytes IS NOT NULL');
  const mark = db.prepare('UPDATE message SET refs = 0 WHERE id = ?');
  const nextUnreferenced = db
    .prepare<[number], number>('SELECT id FROM message WHERE refs <= 0 AND refs >= ? LIMIT 1')
    .pluck();
  const lowest = role === 'server' ? BEING_WRITTEN : 0;
  const removeChunks = db.prepare('DELETE FROM message_chunk WHERE message_id = ? ORDER BY seq LIMIT ?');
  const remove = db.prepare('DELETE FROM message WHERE id = ?');
  const buffer = Buffer.allocUnsafe(STORED_CHUNK);

  function* writeChunks(image: MessageImage, options: { id: number; budget: { left: number } }) {
    const reader = openImage(image);
    try {
      for (let seq = 0; seq * STORED_CHUNK < image.size; seq++) {
        if (options.budget.left <= 0) {
          yield;
          options.budget.left = STEP_OCTETS;
        }
        const octets = readPart(reader, { image, buffer, offset: seq * STORED_CHUNK });
        insertChunk.run(options.id, seq, octets);
        options.budget.left -= octets.length;
      }
    } finally {
      reader.close();
    }
  }

  function insertInline({ image, refs }: NewContent): number {
    const reader = openImage(image);
    try {
      const octets = readPart(reader, { image, buffer, offset: 0 });
      return Number(insert.run(image.size, refs, octets).lastInsertRowid);
    } finally {
      reader.close();
    }
  }

  const contents: Contents = {
    sweepDue: false,

    *write(images) {
      const budget = { left: STEP_OCTETS };
      const inSteps = sizeOf(images) > STEP_OCTETS;
      const ids: number[] = [];
      for (const content of images) {
        const { image, refs } = content;
        if (image.size <= INLINE_LIMIT) {
          ids.push(insertInline({ image, refs: inSteps ? BEING_WRITTEN : refs }));
          budget.left -= image.size;
          continue;
        }
        const id = Number(insert.run(image.size, BEING_WRITTEN, null).lastInsertRowid);
        ids.push(id);
        yield* writeChunks(image, { id, budget });
      }
      for (const [index, { image, refs }] of images.entries()) {
        if (image.size <= INLINE_LIMIT && !inSteps) continue;
        // Zero rows: another server opened the database between two of our steps and swept.
        if (finish.run(refs, ids[index]).changes !== 1) {
          throw new OperationalError('store_unavailable', 'Cannot store a message: its first part is gone');
        }
      }
      return ids;
    },

    read(id, { offset, length }) {
      const row = find.get(offset + 1, length, id);
      if (row === undefined) {
        throw new OperationalError(
          'message_missing',
          `Cannot read message ${id}: it is no longer in the store`,
        );
      }
      if (row.inline === 1) return row.part ?? new Uint8Array(0); // substr of an empty blob is NULL
      const parts: Uint8Array[] = [];
      const end = Math.min(offset + length, row.size);
      for (let at = offset; at < end;) {
        const within = at % STORED_CHUNK;
        const wanted = Math.min(STORED_CHUNK - within, end - at);
        const part = chunkPart.get(within + 1, wanted, id, Math.floor(at / STORED_CHUNK));
        if (part?.length !== wanted) {
          throw new OperationalError(
            'store_corrupt',
            `Cannot read message ${id}: octets from ${at} on are missing`,
          );
        }
        parts.push(part);
        at += wanted;
      }
      return joined(parts);
    },

    share(id) {
      refer.run(id);
    },

    release(id) {
      if (unrefer.get(id) !== undefined) return;
      if (removeInline.run(id).changes === 1) return;
      mark.run(id);
      contents.sweepDue = true;
    },

    *sweep() {
      for (let id = nextUnreferenced.get(lowest); id !== undefined; id = nextUnreferenced.get(lowest)) {
        while (removeChunks.run(id, STEP_OCTETS / STORED_CHUNK).changes > 0) yield;
        remove.run(id);
        yield;
      }
      return undefined;
    },
  };
  return contents;
}

export function sizeOf(images: readonly NewContent[]): number {
  return images.reduce((sum, { image }) => sum + image.size, 0);
}

// Not Buffer.concat: its pool can't be transferred to the main thread.
function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
