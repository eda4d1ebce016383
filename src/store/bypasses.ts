import type { Database } from 'better-sqlite3';
import { newId } from '../base/ids.ts';
import type { BypassEntry, NewBypass } from './store.ts';

/** Who is let past which service, in the store's thread. Addresses come in their normal form. */
export interface BypassTable {
  add(bypasses: readonly NewBypass[]): undefined;
  find(request: { sender: string; recipient: string; now: number }): string[];
  list(request: { limit: number; after: string; now: number }): BypassEntry[];
  remove(id: string): boolean;
}

export function bypassesOf(db: Database): BypassTable {
  const forgetEnded = db.prepare<[number]>('DELETE FROM bypass WHERE expires_at <= ?');
  const add = db.prepare(
    `INSERT INTO bypass (id, sender, recipient, service, created_at, expires_at)
     VALUES (:id, :sender, :recipient, :service, :now, :expiresAt)
     ON CONFLICT (sender, recipient, service) DO UPDATE SET expires_at = excluded.expires_at`,
  );
  const find = db
    .prepare<[object], string>(
      'SELECT service FROM bypass WHERE sender = :sender AND recipient = :recipient AND expires_at > :now',
    )
    .pluck();
  const list = db.prepare<[object], BypassEntry>(
    `SELECT id, service, sender, recipient, created_at AS createdAt, expires_at AS expiresAt
     FROM bypass WHERE id > :after AND expires_at > :now ORDER BY id LIMIT :limit`,
  );
  const remove = db.prepare<[string]>('DELETE FROM bypass WHERE id = ?');

  return {
    add(bypasses) {
      for (const bypass of bypasses) {
        forgetEnded.run(bypass.now);
        add.run({ ...bypass, id: newId() });
      }
      return undefined;
    },
    find: (request) => find.all(request),
    list: (request) => list.all(request),
    remove: (id) => remove.run(id).changes === 1,
  };
}
