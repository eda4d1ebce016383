import { Worker } from 'node:worker_threads';
import { describeError } from '../base/errors.ts';
import { workerUrl } from '../base/worker-url.ts';
import type { Granted } from './granted.ts';

/**
 * Holds settings to the JSON Schema (draft 2020-12) that a package brings for them.
 *
 * The schema is its vendor's: a pattern in it may backtrack until the end of days, and a schema may refer to itself for ever. So it is
 * compiled and applied in a thread of its own, with memory and time that are bounded, and what does not end there is a fault of
 * the schema. Patterns are allowed, since without them most settings can't be described. References lead to places inside the schema only,
 * `format` is a remark, and nothing is fetched.
 */
export interface SettingsQuestion {
  readonly schema: Readonly<Record<string, unknown>>;
  /** Absent: only the schema itself is judged. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** What the keyword `granted` goes by; absent: it is a remark. */
  readonly granted?: Granted;
}

export type SettingsAnswer =
  /** What is wrong with the schema, after "its schema of settings …". */
  | { readonly schemaFault: string }
  /** What is wrong with the settings, none if they are good. Paths begin at the settings. */
  | { readonly faults: readonly SettingsFault[] };

export interface SettingsFault {
  readonly path: readonly (string | number)[];
  /** May quote the schema, so what it shows is its vendor's. Never a value of the settings. */
  readonly message: string;
}

const DEADLINE_MS = 5000;
const MEMORY_MIB = 128;

/** The answers, in the order of the questions. Never throws for anything that a schema or settings may hold. */
export async function checkSettings(
  questions: readonly SettingsQuestion[],
  { deadlineMs = DEADLINE_MS }: { deadlineMs?: number } = {},
): Promise<SettingsAnswer[]> {
  const answers: SettingsAnswer[] = [];
  let examiner: Examiner | undefined;
  try {
    for (const question of questions) {
      examiner ??= await Examiner.start();
      const answer = await examiner.ask(question, deadlineMs);
      answers.push(answer);
      if (examiner.hasEnded) examiner = undefined;
    }
  } finally {
    await examiner?.end();
  }
  return answers;
}

/** What is wrong with a schema itself, after "its schema of settings …"; undefined if it can be used. */
export async function settingsSchemaFault(schema: SettingsQuestion['schema']): Promise<string | undefined> {
  const [answer] = await checkSettings([{ schema }]);
  return answer !== undefined && 'schemaFault' in answer ? answer.schemaFault : undefined;
}

/** The thread, for one question at a time. */
class Examiner {
  hasEnded = false;
  readonly #worker: Worker;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  static async start(): Promise<Examiner> {
    const worker = new Worker(workerUrl('settings-worker.js', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: MEMORY_MIB, maxYoungGenerationSizeMb: 16, stackSizeMb: 4 },
      env: {},
    });
    // Loading it is not the schema's time.
    await new Promise<unknown>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    worker.removeAllListeners('error');
    return new Examiner(worker);
  }

  async ask(question: SettingsQuestion, deadlineMs: number): Promise<SettingsAnswer> {
    const worker = this.#worker;
    const answer = await new Promise<SettingsAnswer>((resolve) => {
      const timer = setTimeout(() => {
        this.hasEnded = true;
        resolve({ schemaFault: `takes longer than ${deadlineMs} ms to apply` });
      }, deadlineMs);
      const done = (value: SettingsAnswer): void => {
        clearTimeout(timer);
        resolve(value);
      };
      worker.once('message', done);
      worker.once('error', (error) => {
        this.hasEnded = true;
        done({ schemaFault: `cannot be applied: ${describeError(error)}` });
      });
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- this port is between threads
      worker.postMessage(question);
    });
    worker.removeAllListeners('message');
    worker.removeAllListeners('error');
    if (this.hasEnded) await this.end();
    return answer;
  }

  async end(): Promise<void> {
    // It may still fail on its way out, which is nobody's concern any more.
    this.#worker.on('error', () => {});
    await this.#worker.terminate();
  }
}
