import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CalloutResult, Limits, Service } from '../../src/ocp/service.ts';
import { BACKLOG_LENGTH } from '../../src/sandbox/backlog.ts';
import {
  compileWat,
  factsOf,
  imageOfText,
  serviceOf,
  startBench,
  vectorText,
  type Bench,
} from '../abi/wat.ts';

/**
 * Every limit that a service has, met exactly and then passed by the least that is possible. `within` is what the plugin does to stay
 * inside, `beyond` what takes it out. Where `cause` is absent the plugin is told (-1 or `LIMIT`), and checks that itself.
 */
interface Case {
  readonly limits?: Partial<Limits>;
  readonly within: string;
  readonly beyond: string;
  readonly cause?: string;
  /** Before the functions: tables, data. */
  readonly more?: string;
}

const grow = (pages: number, result: number): string =>
  `(call $is (memory.grow (i32.const ${pages})) (i32.const ${result}))`;
const output = (size: number): string =>
  `(call $fill (i32.const ${size})) (call $say (i32.const 1024) (i32.const ${size})) (return (i32.const 0))`;
const hold = (size: number): string => `(drop (call $alloc (i64.const ${size})))`;
const insert = (size: number, result: number): string =>
  `(call $is (call $splice (i32.const 0) (i32.const 0) (i32.const 1024) (i32.const ${size})) (i32.const ${result}))`;
const keep = (size: number, result: number): string =>
  `(call $is (call $state_set (i32.const 0) (i32.const 2) (i32.const 0) (i32.const ${size})) (i32.const ${result}))`;
const times = (count: number, body: string): string => `(local.set $i (i32.const ${count}))
  (loop $more ${body} (br_if $more (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))`;

const BLOCKS = 8 * 1024 * 1024;
const STATE = 64 * 1024;
const CASES: Record<string, Case> = {
  // One page of the 32 is there from the start.
  memoryMiB: { limits: { memoryMiB: 2 }, within: grow(31, 1), beyond: grow(32, -1) },
  outputBytes: {
    limits: { outputBytes: 2000 },
    within: output(2000),
    beyond: output(2001),
    cause: 'its output has 2001 octets, at most 2000 are allowed',
  },
  // Two of them are the decision's: its block, and that it is set; two more fill the block.
  hostCalls: {
    limits: { hostCalls: 104 },
    within: times(100, '(drop (call $message_size))'),
    beyond: times(101, '(drop (call $message_size))'),
    cause: 'it made more than 104 host calls',
  },
  addedBytes: { limits: { addedBytes: 1000 }, within: insert(1000, 0), beyond: insert(1001, -4) },
  edits: {
    within: times(10_000, insert(2, 0)),
    beyond: times(10_000, insert(2, 0)) + insert(2, -4),
  },
  // A block counts 384 octets more than its size, that of the decision included.
  'host memory': {
    within: hold(BLOCKS - 384 - 386),
    beyond: hold(BLOCKS - 384 - 385),
    cause: 'it holds more than 8388608 octets of host memory',
  },
  // The key has two octets.
  state: { within: keep(STATE - 2, 0), beyond: keep(STATE - 1, -4) },
  table: {
    more: '(table $t 0 funcref)',
    within: '(call $is (table.grow $t (ref.null func) (i32.const 100000)) (i32.const 0))',
    beyond: '(call $is (table.grow $t (ref.null func) (i32.const 100001)) (i32.const -1))',
  },
};

/** Puts a decision of so many octets at 1024, where else there are no line ends. */
const HELPERS = `
  (func $fill (param $size i32)
    (memory.fill (i32.const 1024) (i32.const 32) (local.get $size))
    (i32.store16 (i32.const 1024) (i32.const 0x7d7b)))`;
const moduleOf = (does: string, more = ''): Uint8Array =>
  compileWat(
    'plugin.wat',
    vectorText(`${more} ${HELPERS}
      (data (i32.const 1024) "${'x'.repeat(1100)}")
      (func (export "on_message") (result i32) (local $i i32) ${does} (call $done))`),
  );

describe('the limit of', () => {
  let bench: Bench;
  beforeAll(async () => {
    const services: Service[] = [];
    const files: Record<string, Uint8Array> = {};
    for (const [name, { limits = {}, within, beyond, more }] of Object.entries(CASES)) {
      for (const [side, does] of Object.entries({ within, beyond })) {
        files[`${name} ${side}`] = moduleOf(does, more);
        services.push(serviceOf(`${name} ${side}`, { limits }));
      }
    }
    for (const name of ['silent', 'loud']) {
      const line = `(call $log_info (call $block (i32.const 1024) (i32.const ${name === 'loud' ? 85 : 84})))`;
      files[name] = moduleOf(`${line} ${line.replace(/8\d\)/, '84)')}`);
      services.push(serviceOf(name, { limits: { logBytes: 200 } }));
    }
    bench = await startBench({ folder: new URL('./', import.meta.url), services, files });
  });
  afterAll(() => bench.close());

  it('does not keep any from loading', () => {
    expect(bench.problems).toEqual([]);
  });

  const ask = async (service: string) => {
    const image = imageOfText('Subject: x\r\n\r\nx\r\n');
    const job = {
      stage: 'message' as const,
      services: [service],
      facts: factsOf('message'),
      state: {},
      image,
    };
    return (await bench.sandbox.run(job)).outcomes[0]!;
  };

  it.each(Object.keys(CASES))('%s', async (name) => {
    const { cause } = CASES[name]!;
    const decision = { kind: 'decision', decision: {} };
    expect((await ask(`${name} within`)).result).toEqual(decision);
    expect((await ask(`${name} beyond`)).result).toEqual(
      cause === undefined ? decision : { kind: 'failure', failure: 'trap', cause },
    );
  });

  it('logBytes', async () => {
    const lines = async (service: string): Promise<number[]> =>
      (await ask(service)).logs.map(({ text }) => text.length);
    // Each line counts 16 octets more than its text.
    expect(await lines('silent')).toEqual([84, 84]);
    const { logs } = await ask('loud');
    expect(logs.slice(0, 2).map(({ text }) => text.length)).toEqual([85, 83]);
    expect(logs[2]).toEqual({ level: 'warn', text: '1 more octets of log were dropped' });
  });
});

it(`the limit of calls that wait, ${BACKLOG_LENGTH}, fails the next and none of those`, async () => {
  const files = {
    spins: moduleOf('(loop $forever (br $forever))'),
    good: moduleOf(''),
  };
  const services = [serviceOf('spins', { limits: { deadlineMs: 1000 } }), serviceOf('good')];
  const bench = await startBench({
    folder: new URL('./', import.meta.url),
    services,
    files,
    queueMs: 60_000,
  });
  const image = imageOfText('Subject: x\r\n\r\nx\r\n');
  const ask = (service: string): Promise<CalloutResult> =>
    bench.sandbox.run({ stage: 'message', services: [service], facts: factsOf('message'), state: {}, image });
  try {
    // All that can run at a time, and no more: the rest waits.
    const spinning = [ask('spins')];
    const waiting = Array.from({ length: BACKLOG_LENGTH }, () => ask('good'));
    const beyond = await ask('good');
    expect(beyond.outcomes[0]!.result).toEqual({
      kind: 'failure',
      failure: 'overload',
      cause: `${BACKLOG_LENGTH} others were waiting for a worker thread`,
      unasked: true,
    });
    const kinds = (await Promise.all(waiting)).map(({ outcomes }) => outcomes[0]!.result.kind);
    expect(new Set(kinds)).toEqual(new Set(['decision']));
    expect((await spinning[0]!).outcomes[0]!.result).toMatchObject({ failure: 'deadline' });
  } finally {
    await bench.close();
  }
});
