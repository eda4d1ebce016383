import { afterEach, describe, expect, it } from 'vitest';
import type { CalloutResult, FailurePolicy, Service } from '../../src/ocp/service.ts';
import type { Stage } from '../../src/ocp/stage.ts';
import {
  compileWat,
  factsOf,
  imageOfText,
  serviceOf,
  startBench,
  vectorText,
  type Bench,
} from '../abi/wat.ts';
import { waitFor } from '../support/postern.ts';

/** One service that spins, and what it costs those beside it. Real threads; orders and outcomes are asserted, no durations. */
const plugin = (body: string): Uint8Array => compileWat('plugin.wat', vectorText(body));

const files = {
  spins: plugin('(func (export "on_message") (result i32) (loop $forever (br $forever)) unreachable)'),
  // Only a message of 100 octets or more is too much for it.
  stumbles: plugin(`
    (func (export "on_message") (result i32)
      (if (i32.ge_u (call $message_size) (i32.const 100)) (then (loop $forever (br $forever))))
      (call $done))
    (export "on_data" (func $done))`),
  good: plugin('(export "on_message" (func $done)) (export "on_report" (func $done))'),
  other: plugin('(export "on_message" (func $done))'),
};

const all = (policy: FailurePolicy): Service['onFailure'] => ({
  load: policy,
  trap: policy,
  deadline: policy,
  capability: policy,
});
const LONG = { limits: { deadlineMs: 6000 } };
const SHORT = { limits: { deadlineMs: 100 } };
const services = [
  serviceOf('good'),
  serviceOf('other'),
  serviceOf('spins', LONG),
  serviceOf('spins-too', { plugin: 'spins', ...LONG }),
  serviceOf('spins-accepted', { plugin: 'spins', ...SHORT, onFailure: all('accept') }),
  serviceOf('stumbles', SHORT),
];

let bench: Bench;
afterEach(() => bench.close());
const start = async (workers: number): Promise<void> => {
  bench = await startBench({ folder: new URL('./', import.meta.url), services, files, workers });
};

const ask = (
  names: readonly string[],
  about: { stage?: Stage; size?: number } = {},
): Promise<CalloutResult> => {
  const { stage = 'message', size = 50 } = about;
  const image = imageOfText('x'.repeat(size - 2) + '\r\n');
  const facts = factsOf(stage);
  return bench.sandbox.run({
    stage,
    services: names,
    facts,
    ...(stage === 'message' && { image }),
    state: {},
  });
};
const kindsOf = ({ outcomes }: CalloutResult): string[] => outcomes.map(({ result }) => result.kind);
const failureOf = ({ outcomes }: CalloutResult): unknown => {
  const { result } = outcomes.at(-1)!;
  return result.kind === 'failure' ? [result.failure, result.cause] : result.kind;
};

describe('beside many calls of a service that spins', () => {
  it.each<[string, string[][], string[]]>([
    ['those of another go on', [['spins']], ['good']],
    ['so do those of a group that begins with the same service', [['good', 'spins']], ['good', 'other']],
    ['so do they beside two that spin', [['spins'], ['spins-too']], ['good']],
  ])('%s', async (_, spinning, names) => {
    await start(2);
    let isFirstOver = false;
    const spinners = spinning.flatMap((group) =>
      Array.from({ length: 10 }, () => ask(group).finally(() => (isFirstOver = true))),
    );
    for (let count = 0; count < 20; count++) {
      const results = await Promise.all([ask(names), ask(names)]);
      expect(results.flatMap(kindsOf)).toEqual([...names, ...names].map(() => 'decision'));
    }
    expect(isFirstOver).toBe(false);
    await bench.sandbox.close();
    expect((await Promise.all(spinners)).map((result) => kindsOf(result).at(-1))).toEqual(
      spinners.map(() => 'failure'),
    );
  });

  it('reports go after all else', async () => {
    await start(1);
    const order: string[] = [];
    const noted = async (what: string, asked: Promise<CalloutResult>): Promise<void> => {
      expect(kindsOf(await asked).at(-1)).toBe(what === 'spinner' ? 'failure' : 'decision');
      order.push(what);
    };
    const spinner = noted('spinner', ask(['spins-accepted']));
    const report = noted('report', ask(['good'], { stage: 'report' }));
    await Promise.all([spinner, report, noted('message', ask(['other']))]);
    expect(order.indexOf('message')).toBeLessThan(order.indexOf('report'));
  });
});

describe('the breaker of a service', () => {
  it('fails it unasked after three deadlines in a row, at their stage, until it answers a probe', async () => {
    await start(1);
    const large = (): Promise<CalloutResult> => ask(['stumbles'], { size: 100 });
    const late = ['deadline', 'it took longer than 100 ms'];
    const open = ['deadline', `the breaker is open after 3 failures in a row, the last: ${late[1]}`];
    for (let count = 0; count < 3; count++) expect(failureOf(await large())).toEqual(late);
    const unasked = await ask(['stumbles']);
    expect(failureOf(unasked)).toEqual(open);
    expect(unasked.outcomes[0]).toMatchObject({ micros: 0, result: { unasked: true } });
    expect(bench.sandbox.openBreakers()).toMatchObject([
      { service: 'stumbles', stage: 'message', failures: 3, failure: 'deadline', cause: late[1] },
    ]);
    expect(failureOf(await ask(['stumbles'], { stage: 'data' }))).toBe('decision');

    const probe = await waitFor(async () => {
      const { result } = (await large()).outcomes[0]!;
      return result.kind === 'failure' && result.unasked !== true ? result : undefined;
    });
    expect(probe).toMatchObject({ failure: 'deadline', probe: true });
    const answered = await waitFor(async () => {
      const result = await ask(['stumbles']);
      return kindsOf(result)[0] === 'decision' ? result : undefined;
    });
    expect(answered.outcomes).toHaveLength(1);
    // Closed: it is asked again, and again only three in a row open it.
    for (let count = 0; count < 3; count++) expect(failureOf(await large())).toEqual(late);
    expect(failureOf(await large())).toEqual(open);
  });

  it('leaves the others of its group as they are', async () => {
    await start(1);
    for (let count = 0; count < 3; count++) await ask(['spins-accepted']);
    // All at once, since a probe goes through after a second.
    const groups = [
      ['good', 'spins-accepted', 'other'],
      ['spins-accepted', 'good', 'other'],
      ['good', 'other', 'spins-accepted'],
    ];
    const results = await Promise.all(groups.map((names) => ask(names)));
    for (const [at, { outcomes }] of results.entries()) {
      const unasked = outcomes.filter(({ result }) => result.kind === 'failure' && result.unasked === true);
      expect(unasked.map(({ service }) => service)).toEqual(['spins-accepted']);
      const names = groups[at]!;
      const said = outcomes.map(({ service, result }) => [
        service,
        result.kind === 'failure' ? result.cause.slice(0, 19) : result.kind,
      ]);
      expect(said).toEqual(
        names.map((name) => [name, name === 'spins-accepted' ? 'the breaker is open' : 'decision']),
      );
    }
  });
});
