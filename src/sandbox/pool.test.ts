import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../base/log.ts';
import { Pool } from './pool.ts';
import { Thread } from './thread.ts';
import type { Report, Task } from './wire.ts';
import type { Work } from './work.ts';

/** Work for a pool without services: either a good task, or one that the worker can't understand, which is a bug and ends it. */
class Probe implements Work {
  readonly remaining = ['probe'];
  readonly isBackground = false;
  readonly subject = undefined;
  readonly atWork = { service: 'probe', index: 0, deadlineMs: 10_000 };
  readonly #steps: Task[];
  readonly #over: (events: string[]) => void;
  readonly #events: string[] = [];

  constructor(steps: Task[], over: (events: string[]) => void) {
    this.#steps = steps;
    this.#over = over;
  }

  settleRefused(): boolean {
    return false;
  }

  task(): Task {
    return this.#steps[0]!;
  }

  take(report: Report): boolean {
    return this.#next(report.kind);
  }

  lose(lost: { failure: string; cause: string }): boolean {
    return this.#next(`${lost.failure}: ${lost.cause}`);
  }

  #next(event: string): boolean {
    this.#events.push(event);
    this.#steps.shift();
    if (this.#steps.length > 0) return false;
    this.#over(this.#events);
    return true;
  }
}

const BAD: Task = { kind: 'configure', service: 'nobody' };
const GOOD: Task = {
  kind: 'ask',
  stage: 'connect',
  services: ['nobody'],
  refusals: undefined,
  facts: {
    stage: 'connect',
    session: 's',
    service: '',
    listener: { name: 'l', protocol: 'smtp' },
    client: { address: '192.0.2.1', port: 1 },
  },
  image: undefined,
  state: {},
};

describe('Pool', () => {
  let pool: Pool;
  beforeEach(async () => {
    pool = new Pool({
      start: (handlers) => new Thread([], handlers),
      noun: 'worker thread',
      size: 2,
      queueMs: 10_000,
      waiting: 4,
      deadlines: new Map(),
      crashDelayMs: 0,
      capabilities: { call: () => Promise.reject(new Error('nobody asks')) },
      log: silentLog,
    });
    await pool.start();
  });
  afterEach(() => pool.close());

  const run = (...steps: Task[]): Promise<string[]> =>
    new Promise((over) => pool.submit(new Probe(steps, over)));

  it('gives work to a thread and takes its report', async () => {
    expect(await run(GOOD)).toEqual(['outcome']);
  });

  it('survives threads that crash, again and again, and goes on with what is left of their work', async () => {
    const crash = expect.stringMatching(/^trap: its worker thread crashed: /);
    expect(await run(BAD, GOOD)).toEqual([crash, 'outcome']);
    const results = await Promise.all([
      run(BAD, BAD, GOOD),
      run(BAD, BAD),
      run(GOOD),
      run(BAD, GOOD),
      run(GOOD),
    ]);
    expect(results).toEqual([
      [crash, crash, 'outcome'],
      [crash, crash],
      ['outcome'],
      [crash, 'outcome'],
      ['outcome'],
    ]);
    expect(await run(GOOD)).toEqual(['outcome']);
  });

  it('fails what is under way or waiting when it closes', async () => {
    const runs = [run(GOOD), run(GOOD), run(GOOD), run(GOOD)];
    await pool.close();
    expect(await Promise.all(runs)).toEqual(runs.map(() => ['load: the sandbox was closed']));
    expect(await run(GOOD)).toEqual(['load: the sandbox was closed']);
  });
});
