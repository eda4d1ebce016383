import type { Database } from 'better-sqlite3';
import { OperationalError } from '../base/errors.ts';

/**
 * The tables, as an ordered list of migrations: a database at version n (`PRAGMA user_version`) has had the first n.
 * What is in a release is never edited; a change is a new entry at the end.
 *
 * - `message.refs`: how many queue and quarantine rows refer to it. 0: nothing does, its octets are to be removed.
 *   -1: it is still being written. Both are swept when a server opens the database.
 * - `message.bytes`: the content up to 64 KiB; NULL if it is in `message_chunk`, in rows of 256 KiB.
 * - AUTOINCREMENT: a message id is never used twice. Otherwise a slow reader of a removed message could be given,
 *   and deliver, somebody else's.
 * - `queue.due_at` is max(next_attempt_at, lease_until): the one number that `claim` looks for, hence the index.
 * - `broken`: how often a message broke a service; see `broken.ts`.
 * - `incident` and `incident_sink`: see `incidents.ts`; AUTOINCREMENT, since a sink counts by the numbers.
 * - `blob.state`: 0 its file is being written, 1 it can be served, 2 the file is removed. See `blob-table.ts`.
 * - `kv.id` is the revision of a value: a number never used twice. Keys are text; see `key-values.ts`.
 * - `sender` and `recipients` are JSON. Times are milliseconds since the epoch.
 */
export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE message (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     size INTEGER NOT NULL,
     refs INTEGER NOT NULL,
     bytes BLOB
   ) STRICT;
   CREATE INDEX message_unreferenced ON message (id) WHERE refs <= 0;

   CREATE TABLE message_chunk (
     message_id INTEGER NOT NULL,
     seq INTEGER NOT NULL,
     bytes BLOB NOT NULL,
     PRIMARY KEY (message_id, seq)
   ) STRICT, WITHOUT ROWID;

   CREATE TABLE queue (
     number INTEGER PRIMARY KEY,
     id TEXT NOT NULL UNIQUE,
     transaction_id TEXT NOT NULL,
     message_id INTEGER NOT NULL,
     size INTEGER NOT NULL,
     sender TEXT NOT NULL,
     recipients TEXT NOT NULL,
     downstream TEXT NOT NULL,
     attempts INTEGER NOT NULL,
     created_at INTEGER NOT NULL,
     next_attempt_at INTEGER NOT NULL,
     lease_until INTEGER NOT NULL,
     due_at INTEGER NOT NULL,
     expires_at INTEGER NOT NULL,
     last_reply TEXT NOT NULL
   ) STRICT;
   CREATE INDEX queue_due ON queue (downstream, due_at);
   CREATE INDEX queue_expiry ON queue (expires_at);

   CREATE TABLE quarantine (
     number INTEGER PRIMARY KEY,
     id TEXT NOT NULL UNIQUE,
     transaction_id TEXT NOT NULL,
     message_id INTEGER NOT NULL,
     size INTEGER NOT NULL,
     sender TEXT NOT NULL,
     recipients TEXT NOT NULL,
     downstream TEXT NOT NULL,
     created_at INTEGER NOT NULL,
     service TEXT NOT NULL,
     reason TEXT NOT NULL
   ) STRICT;`,

  `CREATE TABLE broken (
     fingerprint TEXT PRIMARY KEY,
     times INTEGER NOT NULL,
     last_at INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX broken_age ON broken (last_at);`,

  `CREATE TABLE kv (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     service TEXT NOT NULL,
     key TEXT NOT NULL,
     value BLOB NOT NULL,
     expires_at INTEGER,
     UNIQUE (service, key)
   ) STRICT;
   CREATE INDEX kv_expiry ON kv (expires_at) WHERE expires_at IS NOT NULL;

   CREATE TABLE kv_use (
     service TEXT PRIMARY KEY,
     keys INTEGER NOT NULL,
     bytes INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TRIGGER kv_added AFTER INSERT ON kv BEGIN
     INSERT INTO kv_use (service, keys, bytes) VALUES (new.service, 1, octet_length(new.key) + length(new.value))
       ON CONFLICT (service) DO UPDATE SET keys = keys + 1, bytes = bytes + excluded.bytes;
   END;
   CREATE TRIGGER kv_removed AFTER DELETE ON kv BEGIN
     UPDATE kv_use SET keys = keys - 1, bytes = bytes - octet_length(old.key) - length(old.value)
       WHERE service = old.service;
   END;`,

  `CREATE TABLE bypass (
     id TEXT PRIMARY KEY,
     sender TEXT NOT NULL,
     recipient TEXT NOT NULL,
     service TEXT NOT NULL,
     created_at INTEGER NOT NULL,
     expires_at INTEGER NOT NULL,
     UNIQUE (sender, recipient, service)
   ) STRICT, WITHOUT ROWID;`,

  `CREATE TABLE incident (
     number INTEGER PRIMARY KEY AUTOINCREMENT,
     report TEXT NOT NULL
   ) STRICT;

   CREATE TABLE incident_sink (
     name TEXT PRIMARY KEY,
     taken INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;`,

  `CREATE TABLE blob (
     id TEXT PRIMARY KEY,
     token BLOB NOT NULL UNIQUE,
     service TEXT NOT NULL,
     state INTEGER NOT NULL,
     name TEXT NOT NULL,
     type TEXT NOT NULL,
     size INTEGER NOT NULL,
     sha256 TEXT NOT NULL,
     access TEXT NOT NULL,
     downloads INTEGER,
     created_at INTEGER NOT NULL,
     expires_at INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX blob_unfinished ON blob (id) WHERE state = 0;
   CREATE INDEX blob_expiry ON blob (expires_at) WHERE state = 1;
   CREATE INDEX blob_used_up ON blob (id) WHERE state = 1 AND downloads = 0;
   CREATE INDEX blob_gone ON blob (expires_at) WHERE state = 2;

   CREATE TABLE blob_use (
     service TEXT PRIMARY KEY,
     blobs INTEGER NOT NULL,
     bytes INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TRIGGER blob_added AFTER INSERT ON blob BEGIN
     INSERT INTO blob_use (service, blobs, bytes) VALUES (new.service, 1, new.size)
       ON CONFLICT (service) DO UPDATE SET blobs = blobs + 1, bytes = bytes + excluded.bytes;
   END;
   CREATE TRIGGER blob_changed AFTER UPDATE OF state, size ON blob BEGIN
     UPDATE blob_use SET
       blobs = blobs + (new.state < 2) - (old.state < 2),
       bytes = bytes + (new.state < 2) * new.size - (old.state < 2) * old.size
       WHERE service = new.service;
   END;
   CREATE TRIGGER blob_removed AFTER DELETE ON blob WHEN old.state < 2 BEGIN
     UPDATE blob_use SET blobs = blobs - 1, bytes = bytes - old.size WHERE service = old.service;
   END;`,

  `ALTER TABLE blob ADD COLUMN place TEXT NOT NULL DEFAULT '';
   DROP INDEX blob_expiry;
   DROP INDEX blob_used_up;
   CREATE INDEX blob_expiry ON blob (place, expires_at) WHERE state = 1;
   CREATE INDEX blob_used_up ON blob (place) WHERE state = 1 AND downloads = 0;
   CREATE INDEX blob_doomed ON blob (place) WHERE state = -1;`,
];

/** `PRAGMA application_id` of our databases: the octets "Post". */
const APPLICATION_ID = 0x506f7374;

/** How many migrations a database has had. Throws for one that this program must not touch. */
export function versionOf(db: Database, migrations: readonly string[] = MIGRATIONS): number {
  const version = Number(db.pragma('user_version', { simple: true }));
  const application = Number(db.pragma('application_id', { simple: true }));
  const tables = Number(db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get());
  if (application !== APPLICATION_ID && (tables > 0 || application !== 0)) {
    throw new OperationalError(
      'store_foreign',
      'the database belongs to another program; name an unused file',
    );
  }
  if (version > migrations.length) {
    throw new OperationalError(
      'store_too_new',
      `the database has schema version ${version}, this program knows up to ${migrations.length}; ` +
        'run the newer Postern, or restore the backup made before the upgrade',
    );
  }
  return version;
}

/** Brings the database up to date, each migration in a transaction of its own. Safe to repeat after a crash. */
export function migrate(db: Database, migrations: readonly string[] = MIGRATIONS): void {
  for (let version = versionOf(db, migrations); version < migrations.length; version++) {
    db.transaction(() => {
      db.exec(migrations[version]!);
      db.pragma(`application_id = ${APPLICATION_ID}`);
      db.pragma(`user_version = ${version + 1}`);
    }).immediate();
  }
}
