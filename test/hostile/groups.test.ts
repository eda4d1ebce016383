import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SpoolWriter } from '../../src/base/spool.ts';
import { imageOf, type MessageImage } from '../../src/mail/image.ts';
import type { Facts } from '../../src/ocp/facts.ts';
import type { CalloutResult, CalloutState, FailurePolicy, Service } from '../../src/ocp/service.ts';
import type { Stage } from '../../src/ocp/stage.ts';
import {
  compileWat,
  factsOf,
  imageOfText,
  serviceOf,
  startBench,
  textOf,
  vectorText,
  type Bench,
} from '../abi/wat.ts';

const plugin = (body: string): Uint8Array => compileWat('plugin.wat', vectorText(body));

/** Returns this decision at every stage used here. */
const saying = (decision: object): Uint8Array => {
  const text = JSON.stringify(decision);
  const body = `(func (result i32) (call $say (i32.const 1024) (i32.const ${text.length})) (i32.const 0))`;
  const exports = ['rcpt', 'message'].map((stage) => body.replace('(func', `(func (export "on_${stage}")`));
  return plugin(`(data (i32.const 1024) "${text.replaceAll('"', '\\22')}") ${exports.join('\n')}`);
};

/** Inserts `X-<name>: 1` at the top, keeps a state, and then does what `body` says. */
const marking = (name: string, body = ''): Uint8Array =>
  plugin(`
    (data (i32.const 1024) "X-${name}")
    (data (i32.const 1040) "1")
    (func (export "on_message") (result i32)
      (call $is (call $header_insert (i32.const 0) (i32.const 1024) (i32.const 3) (i32.const 1040) (i32.const 1)) (i32.const 0))
      (call $is (call $state_set (i32.const 1024) (i32.const 3) (i32.const 1040) (i32.const 1)) (i32.const 0))
      ${body}
      (call $done))`);

const SPIN = '(loop $forever (br $forever))';
const files = {
  a: marking('a'),
  b: marking('b'),
  late: marking('l', SPIN),
  rude: marking('r', 'unreachable'),
  echo: plugin(`
    (func $echo (result i32) (call $log_info (call $input_offset)) (call $done))
    (export "on_rcpt" (func $echo)) (export "on_mail" (func $echo)) (export "on_message" (func $echo))`),
  scores: saying({ tags: { spam: 'no' }, score: 1.5 }),
  rewrites: saying({ rewrite: 'new@example.org' }),
  reports: plugin('(func (export "on_report") (result i32) (i32.const 0))'),
  fails: plugin('(func (export "on_report") (result i32) unreachable)'),
  rejects: saying({ verdict: 'reject' }),
  quarantines: saying({ verdict: 'quarantine' }),
  stops: saying({ final: true }),
};

const all = (policy: FailurePolicy): Service['onFailure'] => ({
  load: policy,
  trap: policy,
  deadline: policy,
  capability: policy,
});
const QUICK = { deadlineMs: 150 };
const services = [
  ...Object.keys(files).map((name) => serviceOf(name, name === 'late' ? { limits: QUICK } : {})),
  serviceOf('very-late', { plugin: 'late', limits: { deadlineMs: 1500 } }),
  serviceOf('late-accepted', { plugin: 'late', onFailure: all('accept'), limits: QUICK }),
  serviceOf('late-watched', { plugin: 'late', mode: 'monitor', limits: QUICK }),
  serviceOf('rude-accepted', { plugin: 'rude', onFailure: all('accept') }),
  serviceOf('a-watched', { plugin: 'a', mode: 'monitor' }),
  serviceOf('rejects-watched', { plugin: 'rejects', mode: 'monitor' }),
  serviceOf('scores-watched', { plugin: 'scores', mode: 'monitor' }),
  serviceOf('gone-accepted', { plugin: 'gone', onFailure: all('accept') }),
];

const MESSAGE = 'Subject: hello\r\n\r\nHi\r\n';
const kindsOf = (result: CalloutResult): string[] =>
  result.outcomes.map(({ service, result: { kind } }) => `${service} ${kind}`);

describe('a group of services', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await startBench({ folder: new URL('./', import.meta.url), services, files, workers: 2 });
  });
  afterAll(() => bench.close());

  const ask = (
    names: readonly string[],
    about: { stage?: Stage; image?: MessageImage; state?: CalloutState } = {},
  ): Promise<CalloutResult> => {
    const { stage = 'message', image = imageOfText(MESSAGE), state = {} } = about;
    const facts = factsOf(stage);
    return bench.sandbox.run({ stage, services: names, facts, ...(stage === 'message' && { image }), state });
  };
  const echoed = (result: CalloutResult): Facts => JSON.parse(result.outcomes.at(-1)!.logs[0]!.text);

  it('passes the message from one to the next', async () => {
    const result = await ask(['a', 'b', 'echo']);
    expect(kindsOf(result)).toEqual(['a decision', 'b decision', 'echo decision']);
    expect(await textOf(result.image!)).toBe(`X-b: 1\r\nX-a: 1\r\n${MESSAGE}`);
    expect(echoed(result)).toMatchObject({ service: 'echo', message: { size: MESSAGE.length + 16 } });
  });

  it('goes on in another thread after a service past its deadline, with what the ones before did', async () => {
    const result = await ask(['scores', 'a', 'late-accepted', 'b', 'echo']);
    expect(kindsOf(result)).toEqual([
      'scores decision',
      'a decision',
      'late-accepted failure',
      'b decision',
      'echo decision',
    ]);
    expect(result.outcomes[2]).toMatchObject({ result: { failure: 'deadline' }, modified: false });
    expect(result.outcomes[2]!.micros).toBeGreaterThanOrEqual(150_000);
    expect(await textOf(result.image!)).toBe(`X-b: 1\r\nX-a: 1\r\n${MESSAGE}`);
    expect(Object.keys(result.state).sort()).toEqual(['a', 'b']);
    expect(echoed(result)).toMatchObject({
      tags: { spam: 'no' },
      score: 1.5,
      message: { size: MESSAGE.length + 16 },
    });
  });

  it('survives several deadlines in one group', async () => {
    const result = await ask(['late-accepted', 'a', 'late-watched', 'late-accepted', 'b']);
    expect(result.outcomes.map((outcome) => outcome.result.kind)).toEqual([
      'failure',
      'decision',
      'failure',
      'failure',
      'decision',
    ]);
    expect(await textOf(result.image!)).toBe(`X-b: 1\r\nX-a: 1\r\n${MESSAGE}`);
  });

  it('ends after a failure, unless the policy is to accept, or the service is only watched', async () => {
    expect(kindsOf(await ask(['late', 'a']))).toEqual(['late failure']);
    expect(kindsOf(await ask(['rude', 'a']))).toEqual(['rude failure']);
    expect(kindsOf(await ask(['rude-accepted', 'a']))).toEqual(['rude-accepted failure', 'a decision']);
    expect(kindsOf(await ask(['late-watched', 'a']))).toEqual(['late-watched failure', 'a decision']);
    expect(kindsOf(await ask(['gone-accepted', 'a']))).toEqual(['gone-accepted failure', 'a decision']);
    expect(kindsOf(await ask(['unheard-of', 'a']))).toEqual(['unheard-of failure']);
  });

  it('does nothing that a failed call proposed', async () => {
    const result = await ask(['rude-accepted', 'echo'], {
      state: { 'rude-accepted': { k: Buffer.from('old') } },
    });
    expect(await textOf(result.image!)).toBe(MESSAGE);
    expect(Buffer.from(result.state['rude-accepted']!['k']!).toString()).toBe('old');
    expect(Object.keys(result.state['rude-accepted']!)).toEqual(['k']);
  });

  it('does nothing that a watched service proposed, but says what it was', async () => {
    const result = await ask(['a-watched', 'rejects-watched', 'scores-watched', 'echo']);
    expect(result.outcomes[0]).toMatchObject({
      result: { kind: 'decision' },
      modified: false,
      wouldModify: true,
    });
    expect(result.outcomes[1]).not.toHaveProperty('wouldModify');
    expect(result.outcomes[1]!.result).toMatchObject({ decision: { verdict: 'reject' } });
    expect(await textOf(result.image!)).toBe(MESSAGE);
    expect(echoed(result)).not.toHaveProperty('score');
  });

  it('ends with a verdict that settles the matter', async () => {
    expect(kindsOf(await ask(['rejects', 'a']))).toEqual(['rejects decision']);
    expect(kindsOf(await ask(['stops', 'a']))).toEqual(['stops decision']);
    expect(kindsOf(await ask(['quarantines', 'a']))).toEqual(['quarantines decision', 'a decision']);
  });

  it('never ends at report, where nothing is left to decide', async () => {
    const result = await ask(['fails', 'reports'], { stage: 'report' });
    expect(kindsOf(result)).toEqual(['fails failure', 'reports decision']);
  });

  it('tells the next service the rewritten recipient', async () => {
    const result = await ask(['rewrites', 'echo'], { stage: 'rcpt' });
    expect(echoed(result).recipients).toEqual([
      { address: 'new@example.org', normal: 'new@example.org', original: 'ann@example.com', params: {} },
    ]);
  });

  it('gives each service its own state only', async () => {
    const result = await ask(['a'], { state: { b: { k: Buffer.from('b') } } });
    expect(Object.keys(result.state).sort()).toEqual(['a', 'b']);
    expect(Object.keys(result.state['a']!)).toEqual(['X-a']);
  });

  it('lets others work while one spins', async () => {
    const order: string[] = [];
    await Promise.all([
      ask(['very-late']).then(() => order.push('very-late')),
      ask(['a']).then(() => order.push('a')),
      ask(['b']).then(() => order.push('b')),
    ]);
    expect(order.at(-1)).toBe('very-late');
  });

  it('answers an empty group with the message as it is', async () => {
    const image = imageOfText(MESSAGE);
    expect(await ask([], { image })).toEqual({ outcomes: [], state: {}, image });
  });

  describe('with a message in a file', () => {
    let directory: string;
    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), 'postern-groups-'));
    });
    afterAll(() => rm(directory, { recursive: true }));

    it('reads it there, and says so when it cannot', async () => {
      const writer = new SpoolWriter(directory);
      await writer.write(Buffer.from(`${MESSAGE}${'x'.repeat(70)}\r\n`));
      for (let line = 0; line < 5000; line++) await writer.write(Buffer.from(`${'y'.repeat(70)}\r\n`));
      const spool = await writer.finish();
      const image = imageOf(spool.handle);
      expect(image.spool.kind).toBe('file');
      const result = await ask(['a', 'late-accepted', 'b'], { image });
      expect(result.outcomes.at(-1)).toMatchObject({ modified: true });
      expect(result.image!.size).toBe(image.size + 16);

      await spool.discard();
      const lost = await ask(['a'], { image });
      expect(lost.outcomes[0]!.result).toEqual({
        kind: 'failure',
        failure: 'load',
        cause: expect.stringContaining('Cannot read the message: ENOENT'),
      });
    });
  });
});

describe('a sandbox under load', () => {
  it('defers what waits too long for a thread, whatever the policy of its services', async () => {
    const bench = await startBench({
      folder: new URL('./', import.meta.url),
      services,
      files,
      workers: 1,
      queueMs: 20,
    });
    try {
      const job = {
        stage: 'message',
        facts: factsOf('message'),
        image: imageOfText(MESSAGE),
        state: {},
      } as const;
      const busy = bench.sandbox.run({ ...job, services: ['late'] });
      const waiting = await bench.sandbox.run({ ...job, services: ['a-watched', 'rude-accepted', 'b'] });
      expect(kindsOf(waiting)).toEqual(['a-watched failure', 'rude-accepted failure']);
      expect(waiting.outcomes[1]!.result).toEqual({
        kind: 'failure',
        failure: 'overload',
        cause: 'no worker thread was free within 20 ms',
        unasked: true,
      });
      expect(kindsOf(await busy)).toEqual(['late failure']);
    } finally {
      await bench.close();
    }
  });

  it('ends what is under way when it is closed, and answers what comes after', async () => {
    const bench = await startBench({ folder: new URL('./', import.meta.url), services, files, workers: 1 });
    const job = {
      stage: 'message',
      facts: factsOf('message'),
      image: imageOfText(MESSAGE),
      state: {},
    } as const;
    const jobs = [['late'], ['a'], ['b']].map((names) => bench.sandbox.run({ ...job, services: names }));
    await bench.close();
    const late = await bench.sandbox.run({ ...job, services: ['a'] });
    for (const { outcomes } of [...(await Promise.all(jobs)), late]) {
      expect(outcomes[0]!.result).toEqual({
        kind: 'failure',
        failure: 'load',
        cause: 'the sandbox was closed',
      });
    }
  });
});
