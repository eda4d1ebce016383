import type { Logger } from 'pino';
import { describeError } from '../base/errors.ts';
import { loadConfig } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import type { Gate, Reloaded } from './gate.ts';

/**
 * Reads the config again for a gate, whoever asks for it: SIGHUP or the control socket. One reload at a time, in the order in which
 * they were asked for; one that comes during the start waits for its end. Each is logged with what came of it.
 */
export class Reloader {
  readonly #file: string;
  readonly #log: Logger;
  readonly #starting: Promise<Gate>;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: { file: string; log: Logger; starting: Promise<Gate> }) {
    this.#file = options.file;
    this.#log = options.log;
    this.#starting = options.starting;
  }

  /** Never rejects: what kept it from being applied is among its problems. */
  reload(): Promise<Reloaded> {
    const reloaded = this.#last.then(() => this.#reload());
    this.#last = reloaded;
    return reloaded;
  }

  /** Resolves when no reload is under way any more. */
  async idle(): Promise<void> {
    await this.#last;
  }

  async #reload(): Promise<Reloaded> {
    const file = this.#file;
    const next = loadConfig(file);
    const { applied, problems } = next.ok
      ? await this.#take(next)
      : { applied: false, problems: next.problems.map(formatProblem) };
    if (!applied) this.#log.error({ file, problems }, 'config not reloaded, the old one goes on');
    else if (problems.length > 0)
      this.#log.error({ file, problems }, 'config reloaded, but not all of it works');
    else this.#log.info({ file }, 'config reloaded');
    if (applied && next.ok) this.#log.level = next.config.log.level;
    return { applied, problems };
  }

  async #take(loaded: Parameters<Gate['reload']>[0]): Promise<Reloaded> {
    try {
      return await (await this.#starting).reload(loaded);
    } catch (error) {
      return { applied: false, problems: [describeError(error)] };
    }
  }
}
