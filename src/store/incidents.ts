import type { Database } from 'better-sqlite3';
import type { Operations } from './protocol.ts';
import type { StoredIncident } from './store.ts';

/** Worst case 200 MiB, where each is as long as it may be; 5 MiB where they are as short as they usually are. */
const MOST_INCIDENTS = 10_000;

/**
 * The incidents that wait for their sinks (`IncidentLog`), in the store's thread. Numbers have no gaps, since one that is rolled back is
 * given again; so what is missing before the oldest row was dropped.
 */
export interface IncidentTable {
  add(reports: readonly string[]): void;
  setSinks(request: Operations['setSinks']['request']): undefined;
  pending(request: Operations['pendingIncidents']['request']): Operations['pendingIncidents']['result'];
  taken(request: Operations['incidentsTaken']['request']): undefined;
}

export function incidentsOf(db: Database): IncidentTable {
  const insert = db
    .prepare<[string], number>('INSERT INTO incident (report) VALUES (?) RETURNING number')
    .pluck();
  const dropUpTo = db.prepare<[number]>('DELETE FROM incident WHERE number <= ?');
  const hasSinks = db.prepare<[], number>('SELECT 1 FROM incident_sink LIMIT 1').pluck();
  const last = db
    .prepare<[], number>("SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'incident'), 0)")
    .pluck();
  const addSink = db.prepare<[string, number]>(
    'INSERT INTO incident_sink (name, taken) VALUES (?, ?) ON CONFLICT DO NOTHING',
  );
  const sinks = db.prepare<[], string>('SELECT name FROM incident_sink').pluck();
  const removeSink = db.prepare<[string]>('DELETE FROM incident_sink WHERE name = ?');
  const takenBy = db.prepare<[string], number>('SELECT taken FROM incident_sink WHERE name = ?').pluck();
  const take = db.prepare<[number, string]>('UPDATE incident_sink SET taken = max(taken, ?) WHERE name = ?');
  const takenByAll = db.prepare<[], number | null>('SELECT min(taken) FROM incident_sink').pluck();
  const after = db.prepare<[number, number], StoredIncident>(
    'SELECT number, report FROM incident WHERE number > ? ORDER BY number LIMIT ?',
  );

  const prune = (): void => {
    dropUpTo.run(takenByAll.get() ?? last.get()!);
  };

  return {
    add(reports) {
      if (reports.length === 0 || hasSinks.get() === undefined) return;
      const numbers = reports.map((report) => insert.get(report)!);
      dropUpTo.run(numbers.at(-1)! - MOST_INCIDENTS);
    },
    setSinks({ names }) {
      for (const name of sinks.all()) if (!names.includes(name)) removeSink.run(name);
      for (const name of names) addSink.run(name, last.get()!);
      prune();
    },
    pending({ sink, limit }) {
      const from = takenBy.get(sink);
      if (from === undefined) return { dropped: 0, incidents: [] };
      const incidents = after.all(from, limit);
      return { dropped: (incidents[0]?.number ?? from + 1) - from - 1, incidents };
    },
    taken({ sink, number }) {
      take.run(number, sink);
      prune();
    },
  };
}
