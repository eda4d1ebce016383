import { readFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { CsvDirectory, Directory, SqliteDirectory } from '../../ocp/capability.ts';
import { parseCsv } from './csv.ts';
import type { Found, Row } from './directory.ts';

export interface TableLookup {
  readonly directory: Extract<Directory, { type: 'csv' | 'sqlite' }>;
  readonly key: string;
  /** Another one when the file has changed. */
  readonly version: string;
}

const CSV_LIMIT = 16 * 1024 * 1024;

/** What this thread has read of CSV files: from the key in lower case to the rows. */
const tables = new Map<string, { readonly version: string; readonly rows: ReadonlyMap<string, Row[]> }>();

/** In a thread of `library-threads.ts`: the rows of a file for a key. */
export async function runTable({ directory, key, version }: TableLookup): Promise<Found> {
  const rows = directory.type === 'csv' ? csvRows(directory, { key, version }) : sqliteRows(directory, key);
  return rows.length > directory.maxRows ? { kind: 'many' } : { kind: 'found', rows };
}

function csvRows(csv: CsvDirectory, { key, version }: { key: string; version: string }): readonly Row[] {
  const id = JSON.stringify(csv);
  let known = tables.get(id);
  if (known?.version !== version) {
    known = { version, rows: readCsv(csv) };
    tables.set(id, known);
  }
  return known.rows.get(key.toLowerCase()) ?? [];
}

function readCsv({ file, key, columns }: CsvDirectory): ReadonlyMap<string, Row[]> {
  const octets = readFileSync(file);
  if (octets.length > CSV_LIMIT) {
    throw new Error(`${file} has ${octets.length} octets, at most ${CSV_LIMIT} are allowed`);
  }
  const [names = [], ...records] = parseCsv(octets.toString('utf8'));
  const absent = [key, ...(columns ?? [])].find((column) => !names.includes(column));
  if (absent !== undefined) throw new Error(`${file} has no column "${absent}" in its first row`);
  const rows = new Map<string, Row[]>();
  for (const [index, record] of records.entries()) {
    if (record.length !== names.length) {
      throw new Error(
        `${file}: row ${index + 2} has ${record.length} values, and the first row ${names.length}`,
      );
    }
    const found = record[names.indexOf(key)]!.toLowerCase();
    const row = Object.fromEntries((columns ?? names).map((name) => [name, [record[names.indexOf(name)]!]]));
    const others = rows.get(found);
    if (others === undefined) rows.set(found, [row]);
    else others.push(row);
  }
  return rows;
}

function sqliteRows(sqlite: SqliteDirectory & { maxRows: number }, key: string): readonly Row[] {
  const { file, table, columns, maxRows } = sqlite;
  // Opened for each look-up: a file that was put in its place is another.
  const database = new Database(file, { readonly: true, fileMustExist: true, timeout: 1000 });
  try {
    const wanted = columns === undefined ? '*' : columns.map(quoted).join(', ');
    const found = database
      .prepare<[string, number], Record<string, string | number | Buffer | null>>(
        `SELECT ${wanted} FROM ${quoted(table)} WHERE ${quoted(sqlite.key)} = ? LIMIT ?`,
      )
      .all(key, maxRows + 1);
    return found.map((row) =>
      Object.fromEntries(Object.entries(row).map(([name, value]) => [name, textsOf(value)])),
    );
  } finally {
    database.close();
  }
}

/** An SQL identifier. */
const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** NULL is no value, and a BLOB is read as UTF-8. */
function textsOf(value: string | number | Buffer | null): string[] {
  if (value === null) return [];
  return [Buffer.isBuffer(value) ? value.toString('utf8') : String(value)];
}
