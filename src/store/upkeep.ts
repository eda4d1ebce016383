import type { Database } from 'better-sqlite3';

/** Free pages that stay in the file for the next mail: 4 MiB. */
const KEPT_PAGES = 1024;
/** Pages given back to the file system in one step: 2 MiB. */
const STEP_PAGES = 512;

/**
 * What is done while nobody asks for anything: one step, then true if there is more to do. Moves the write-ahead log into
 * the database (without waiting for readers), and gives room back to the file system once much of the file is free.
 */
export function upkeepOf(db: Database): () => boolean {
  let checkpointed = -1;
  const changes = db.prepare<[], number>('SELECT total_changes()').pluck();

  return () => {
    const free = Number(db.pragma('freelist_count', { simple: true }));
    if (free > KEPT_PAGES) {
      db.pragma(`incremental_vacuum(${Math.min(STEP_PAGES, free - KEPT_PAGES)})`);
      checkpointed = -1;
      return true;
    }
    const now = changes.get()!;
    if (now !== checkpointed) db.pragma('wal_checkpoint(PASSIVE)');
    checkpointed = now;
    return false;
  };
}
