import { pino } from 'pino';

/** How long a line may wait for others to be written with, in milliseconds. */
const DELAY_MS = 20;
const MAX_CHARACTERS = 64 * 1024;

/**
 * Where the log goes: standard error, several lines a write. A write for each line is a hop to another thread and back, which
 * under load costs about as much as all of a transaction's sockets.
 */
export class LogOutput {
  readonly #output = pino.destination({ dest: 2, sync: false });
  #lines = '';
  #timer: NodeJS.Timeout | undefined;

  write(line: string): void {
    this.#lines += line;
    if (this.#lines.length > MAX_CHARACTERS) this.#pass();
    else this.#timer ??= setTimeout(() => this.#pass(), DELAY_MS);
  }

  /** Writes all that was logged, before the process ends. */
  flushSync(): void {
    this.#pass();
    this.#output.flushSync();
  }

  #pass(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#output.write(this.#lines);
    this.#lines = '';
  }
}
