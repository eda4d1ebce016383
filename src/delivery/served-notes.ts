import { closeSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';

/** Octets after which the file is written anew. */
const COMPACT_AFTER = 256 * 1024;

/**
 * Notes which entries have been served for all their recipients, before the store knows it: a line with the id in a
 * file, written in the same turn of the event loop in which the reply was read. What is written survives a kill of the process without
 * a sync (not a power cut), so after a kill these entries are settled and not sent once more. The few octets go to the
 * system's cache; nobody waits for the disk.
 *
 * The file holds 19 octets an entry, and is written anew with only what is not settled yet before it grows past 256 KiB.
 */
export class ServedNotes {
  /** Noted before the restart. The store may have been told, or not. */
  readonly left: readonly string[];
  readonly #path: string;
  readonly #log: Log;
  readonly #unsettled = new Set<string>();
  #file: number;
  #written = 0;
  #failing = false;
  #closed = false;

  /** Throws if the file can't be read or written. */
  constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
    this.#file = openSync(path, 'a+', 0o600);
    this.left = readFileSync(path, 'latin1')
      .split('\n')
      .filter((line) => /^[0-9a-z]{18}$/.test(line));
    this.#written = COMPACT_AFTER;
    for (const id of this.left) this.#unsettled.add(id);
  }

  /** False if it could not be written; then only the store can tell. */
  note(id: string): boolean {
    // The number of a closed file may be another file's.
    if (this.#closed) return false;
    try {
      if (this.#written >= COMPACT_AFTER) this.#compact();
      this.#written += writeSync(this.#file, `${id}\n`);
      this.#unsettled.add(id);
      this.#failing = false;
      return true;
    } catch (error) {
      if (!this.#failing)
        this.#log.warn({ path: this.#path, error: describeError(error) }, 'cannot note deliveries');
      this.#failing = true;
      return false;
    }
  }

  /** The store knows it. */
  settled(id: string): void {
    this.#unsettled.delete(id);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#file);
  }

  #compact(): void {
    const next = `${this.#path}.new`;
    const file = openSync(next, 'w', 0o600);
    try {
      this.#written = writeSync(file, [...this.#unsettled].map((id) => `${id}\n`).join(''));
      renameSync(next, this.#path);
    } catch (error) {
      closeSync(file);
      throw error;
    }
    closeSync(this.#file);
    this.#file = file;
  }
}
