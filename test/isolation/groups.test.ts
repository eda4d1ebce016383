import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { spoolOf, SpoolWriter, type Spool } from '../../src/base/spool.ts';
import { imageSource } from '../../src/mail/image-reader.ts';
import { imageOf } from '../../src/mail/image.ts';
import type { CapabilityHost } from '../../src/ocp/capability.ts';
import type { CalloutResult, CalloutState, FailurePolicy, Service } from '../../src/ocp/service.ts';
import type { Stage } from '../../src/ocp/stage.ts';
import { checkPlugin } from '../../src/sandbox/plugin-module.ts';
import { Process } from '../../src/sandbox/process.ts';
import type { Report, Task } from '../../src/sandbox/wire.ts';
import { compileWat, factsOf, serviceOf, startBench, vectorText, type Bench } from '../abi/wat.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { waitFor } from '../support/postern.ts';
import { confinedProcesses, unconfinable } from './support.ts';

/** Services in confined processes beside others in threads: order, facts, message and state go from one to the next. */
const plugin = (body: string): Uint8Array => compileWat('plugin.wat', vectorText(body));

/** Inserts `X-<name>: 1` at the top, keeps a state, counts what it had kept before, and scores 1. */
const marking = (name: string): Uint8Array =>
  plugin(`
    (data (i32.const 1024) "X-${name}")
    (data (i32.const 1040) "{\\22score\\22:1}")
    (func (export "on_message") (result i32)
      (call $log_info (call $input_offset))
      (call $is (call $header_insert (i32.const 0) (i32.const 1024) (i32.const 3) (i32.const 1049) (i32.const 1)) (i32.const 0))
      (i32.store8 (i32.const 1100) (i32.const 48))
      (drop (call $state_get (i32.const 1024) (i32.const 3) (i32.const 1100) (i32.const 1)))
      (i32.store8 (i32.const 1100) (i32.add (i32.load8_u (i32.const 1100)) (i32.const 1)))
      (call $is (call $state_set (i32.const 1024) (i32.const 3) (i32.const 1100) (i32.const 1)) (i32.const 0))
      (call $say (i32.const 1040) (i32.const 11))
      (global.get $wrong))`);

/** Adds up all octets, 1000 at a time, and says the sum as its score. */
const SUM = `
  (func (export "on_message") (result i32) (local $at i32) (local $got i32) (local $i i32) (local $sum i32)
    (loop $more
      (local.set $got (call $message_read (local.get $at) (i32.const 2048) (i32.const 1000)))
      (local.set $at (i32.add (local.get $at) (local.get $got)))
      (local.set $i (i32.const 0))
      (loop $octet
        (if (i32.lt_u (local.get $i) (local.get $got))
          (then
            (local.set $sum (i32.add (local.get $sum) (i32.load8_u (i32.add (i32.const 2048) (local.get $i)))))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br $octet))))
      (br_if $more (i32.gt_s (local.get $got) (i32.const 0))))
    (i32.store (i32.const 1024) (local.get $sum))
    (call $is (call $state_set (i32.const 1028) (i32.const 1) (i32.const 1024) (i32.const 4)) (i32.const 0))
    (call $done))`;

const files = {
  a: marking('a'),
  b: marking('b'),
  c: marking('c'),
  sum: plugin(`(data (i32.const 1028) "s") ${SUM}`),
  spins: plugin('(func (export "on_message") (result i32) (loop $forever (br $forever)) unreachable)'),
  traps: plugin('(func (export "on_message") (result i32) unreachable)'),
  good: plugin('(export "on_message" (func $done)) (export "on_report" (func $done))'),
  // Asks kv, logs the answer, and returns what was said of it.
  asks: plugin(`
    (data (i32.const 1024) "{\\22op\\22:\\22get\\22}")
    (func (export "on_message") (result i32) (local $length i32)
      (local.set $length (call $kv (i32.const 1024) (i32.const 12)))
      (if (i32.lt_s (local.get $length) (i32.const 0)) (then (return (local.get $length))))
      (call $log_info (call $block (i32.const 2048) (call $answer_read (i32.const 0) (i32.const 2048) (i32.const 100))))
      (call $done))`),
  // Logs how often its instance was called; at a message that begins with "!", says something that is no decision.
  counts: plugin(`
    (global $calls (mut i32) (i32.const 48))
    (func (export "on_message") (result i32)
      (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
      (i32.store8 (i32.const 1024) (global.get $calls))
      (call $log_info (call $block (i32.const 1024) (i32.const 1)))
      (drop (call $message_read (i32.const 0) (i32.const 1030) (i32.const 1)))
      (if (i32.eq (i32.load8_u (i32.const 1030)) (i32.const 33))
        (then (call $say (i32.const 1030) (i32.const 1)) (return (i32.const 0))))
      (call $done))`),
  // Takes some tens of milliseconds to start, so that an instance is made ahead.
  slow: plugin(`
    (global $made (mut i32) (i32.const 0))
    (func (export "_initialize") (local $i i32)
      (loop $more
        (br_if $more (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 50000000)))))
    (export "on_message" (func $done))`),
  // Uses nearly all of the 16 MiB that it is given.
  large: plugin(`
    (func (export "on_message") (result i32)
      (call $is (i32.ge_s (memory.grow (i32.const 250)) (i32.const 0)) (i32.const 1))
      (memory.fill (i32.const 65536) (i32.const 1) (i32.const 16000000))
      (global.get $wrong)
      (call $done) (drop))`),
  complains: plugin(`
    (data (i32.const 1024) "no colour")
    (func (export "configure") (result i32) (call $say (i32.const 1024) (i32.const 9)) (i32.const 0))
    (export "on_message" (func $done))`),
  'complains-never': plugin(`
    (func (export "configure") (result i32) (loop $forever (br $forever)) unreachable)
    (export "on_message" (func $done))`),
  broken: malformed(),
};

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended with another of them.
  }
}

/** What only the engine can see is wrong: it adds where there is nothing to add. */
function malformed(): Uint8Array {
  const octets = Buffer.from(plugin('(func (export "on_message") (result i32) unreachable)'));
  const body = Buffer.from([3, 0, 0, 0x0b]);
  octets[octets.indexOf(body) + 2] = 0x6a;
  return octets;
}

const PROCESS = { isolation: 'process' as const };
const accept: FailurePolicy = 'accept';
const ALL_ACCEPTED = { onFailure: { load: accept, trap: accept, deadline: accept, capability: accept } };
const MESSAGE = 'Subject: hello\r\n\r\nHi\r\n';

let bench: Bench;
const spools: Spool[] = [];

async function start(
  services: readonly Service[],
  options: { capabilities?: CapabilityHost; log?: RecordingLog } = {},
): Promise<void> {
  bench = await startBench({
    folder: new URL('./', import.meta.url),
    services,
    files,
    workers: 2,
    ...options,
  });
}

async function ask(
  services: readonly string[],
  about: { stage?: Stage; message?: string | Spool; state?: CalloutState } = {},
): Promise<CalloutResult & { readonly text: string }> {
  const { stage = 'message', message = MESSAGE, state = {} } = about;
  const spool = typeof message === 'string' ? spoolOf(Buffer.from(message)) : message;
  const image = stage === 'message' ? imageOf(spool.handle) : undefined;
  const result = await bench.sandbox.run({
    stage,
    services,
    facts: factsOf(stage),
    ...(image && { image }),
    state,
  });
  const after = result.image && (await imageSource(spool, result.image).read(0, result.image.size));
  return { ...result, text: Buffer.from(after ?? []).toString('latin1') };
}

const kindsOf = ({ outcomes }: CalloutResult): string[] =>
  outcomes.map(
    ({ service, result }) => `${service} ${result.kind === 'failure' ? result.failure : result.kind}`,
  );
const logsOf = ({ outcomes }: CalloutResult): string[] =>
  outcomes.flatMap(({ logs }) => logs.map(({ text }) => text));

describe.skipIf(unconfinable !== '')(`a group with services in confined processes${unconfinable}`, () => {
  afterEach(async () => {
    await bench.close();
    for (const spool of spools.splice(0)) await spool.discard();
  });

  it.each([
    ['all in processes', ['a', 'b', 'c']],
    ['one between threads', ['b']],
    ['one at each end', ['a', 'c']],
    ['none', []],
  ])('hands everything on: %s', async (_, confined) => {
    await start(['a', 'b', 'c'].map((name) => serviceOf(name, confined.includes(name) ? PROCESS : {})));
    const first = await ask(['a', 'b', 'c', 'b']);
    expect(kindsOf(first)).toEqual(['a decision', 'b decision', 'c decision', 'b decision']);
    expect(first.text).toBe(`X-b: 1\r\nX-c: 1\r\nX-b: 1\r\nX-a: 1\r\n${MESSAGE}`);
    expect(first.outcomes.map(({ modified }) => modified)).toEqual([true, true, true, true]);
    const told = logsOf(first).map((text): Record<string, unknown> => JSON.parse(text));
    expect(told.map(({ service, score }) => [service, score])).toEqual([
      ['a', undefined],
      ['b', 1],
      ['c', 2],
      ['b', 3],
    ]);
    expect(told.map(({ message }) => message)).toEqual([22, 30, 38, 46].map((size) => ({ size })));
    const { state } = await ask(['a', 'b', 'c'], { state: first.state });
    const kept = Object.entries(state).map(([name, values]) => [
      name,
      Buffer.from(values[`X-${name}`]!).toString(),
    ]);
    expect(kept).toEqual([
      ['a', '2'],
      ['b', '3'],
      ['c', '2'],
    ]);
  });

  it('asks those that are left, where one is late or dies', async () => {
    await start([
      serviceOf('a', PROCESS),
      serviceOf('b'),
      serviceOf('late', { ...PROCESS, ...ALL_ACCEPTED, plugin: 'spins', limits: { deadlineMs: 200 } }),
      serviceOf('rude', { ...PROCESS, ...ALL_ACCEPTED, plugin: 'traps' }),
      serviceOf('traps', PROCESS),
    ]);
    const result = await ask(['a', 'late', 'b', 'rude', 'a', 'traps', 'b']);
    expect(kindsOf(result)).toEqual([
      'a decision',
      'late deadline',
      'b decision',
      'rude trap',
      'a decision',
      'traps trap',
    ]);
    expect(result.text).toBe(`X-a: 1\r\nX-b: 1\r\nX-a: 1\r\n${MESSAGE}`);
  });

  it('goes on after its process was killed in a call, and with the next call in another', async () => {
    const log = new RecordingLog();
    await start([serviceOf('spins', { ...PROCESS, ...ALL_ACCEPTED }), serviceOf('good', PROCESS)], { log });
    const before = confinedProcesses();
    const asked = ask(['spins', 'good']);
    // Whichever it is that works: those of the other service are replaced.
    await waitFor(() => Promise.resolve(before.length >= 12 || undefined));
    for (const pid of before) kill(pid);
    expect(kindsOf(await asked).slice(0, 1)).toEqual(['spins trap']);
    expect(
      kindsOf(
        await waitFor(async () => {
          const result = await ask(['good']);
          return result.outcomes[0]!.result.kind === 'decision' ? result : undefined;
        }),
      ),
    ).toEqual(['good decision']);
    expect(log.said('a confined process of the sandbox ended').length).toBeGreaterThan(3);
  });

  it.each([[1000], [64 * 1024], [64 * 1024 + 1], [256 * 1024], [3 * 1024 * 1024 + 77]])(
    'reads all of a message of %i octets',
    async (size) => {
      await start([
        serviceOf('thread', { plugin: 'sum' }),
        serviceOf('process', { ...PROCESS, plugin: 'sum' }),
        serviceOf('a', PROCESS),
      ]);
      const directory = await mkdtemp(join(tmpdir(), 'postern-spool-'));
      try {
        const writer = new SpoolWriter(directory);
        await writer.write(randomBytes(size));
        const message = await writer.finish();
        spools.push(message);
        const { state } = await ask(['thread', 'process'], { message });
        expect(Buffer.from(state['process']!['s']!)).toEqual(Buffer.from(state['thread']!['s']!));
        // And as another service has left it.
        const { state: after } = await ask(['a', 'process'], { message });
        const more = [...Buffer.from('X-a: 1\r\n')].reduce((sum, octet) => sum + octet);
        expect(Buffer.from(after['process']!['s']!).readUInt32LE()).toBe(
          Buffer.from(state['process']!['s']!).readUInt32LE() + more,
        );
      } finally {
        await rm(directory, { recursive: true });
      }
    },
  );

  it('fails where the message can not be read, which is no fault of the service', async () => {
    await start([serviceOf('sum', PROCESS)]);
    const handle = { kind: 'file' as const, path: '/nonexistent/x.eml', size: 100_000 };
    const image = imageOf(handle);
    const facts = factsOf('message');
    const job = { stage: 'message' as const, services: ['sum'], facts, image, state: {} };
    const { outcomes } = await bench.sandbox.run(job);
    const cause = expect.stringContaining('Cannot read the message: ENOENT');
    expect(outcomes).toMatchObject([{ result: { kind: 'failure', failure: 'load', cause } }]);
  });

  it('carries what a service asks outside, and its answer', async () => {
    const asked: string[] = [];
    let answer: Awaited<ReturnType<CapabilityHost['call']>> = {
      kind: 'answer',
      octets: Buffer.from('{"value":7}'),
    };
    const capabilities: CapabilityHost = {
      call: async ({ service, capability, octets }) => {
        asked.push(`${service} ${capability} ${Buffer.from(octets).toString()}`);
        return answer;
      },
    };
    await start([serviceOf('asks', PROCESS)], { capabilities });
    expect(logsOf(await ask(['asks']))).toEqual(['{"value":7}']);
    expect(asked).toEqual(['asks kv {"op":"get"}']);
    answer = { kind: 'refused', error: 'UNAVAILABLE', cause: 'the disk is away' };
    const failure = {
      failure: 'capability',
      cause: 'it returned -5; the capability kv was out of order: the disk is away',
    };
    expect((await ask(['asks'])).outcomes).toMatchObject([{ result: failure }]);
    answer = { kind: 'refused', error: 'DENIED', cause: 'it is not granted' };
    expect((await ask(['asks'])).outcomes).toMatchObject([
      {
        result: {
          failure: 'trap',
          cause: 'it returned -3; it had been refused: kv: DENIED: it is not granted',
        },
      },
    ]);
  });

  it('gives up what is asked outside when the call is late, which is then no fault of the service', async () => {
    let aborted = false;
    const capabilities: CapabilityHost = {
      call: ({ signal }) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            aborted = true;
            resolve({ kind: 'refused', error: 'UNAVAILABLE', cause: 'aborted' });
          });
        }),
    };
    await start([serviceOf('asks', { ...PROCESS, limits: { deadlineMs: 300 } })], { capabilities });
    expect(kindsOf(await ask(['asks']))).toEqual(['asks capability']);
    expect(aborted).toBe(true);
  });

  it('gives a service all the memory that it may have, again and again', async () => {
    await start([serviceOf('large', { ...PROCESS, limits: { memoryMiB: 16 } })]);
    for (let count = 0; count < 100; count++)
      expect(kindsOf(await ask(['large']))).toEqual(['large decision']);
  });

  it('only watches a service in monitor', async () => {
    await start([serviceOf('a', { ...PROCESS, mode: 'monitor' }), serviceOf('b', PROCESS)]);
    const result = await ask(['a', 'b']);
    expect(result.outcomes.map(({ modified, wouldModify }) => [modified, wouldModify])).toEqual([
      [false, true],
      [true, undefined],
    ]);
    expect(result.text).toBe(`X-b: 1\r\n${MESSAGE}`);
  });

  it('asks for a report, in which nothing that is said has a meaning', async () => {
    await start([serviceOf('good', PROCESS)]);
    expect(kindsOf(await ask(['good'], { stage: 'report' }))).toEqual(['good decision']);
  });

  it('says what is wrong with settings and plugins, and asks nothing of what did not load', async () => {
    await start([
      serviceOf('complains', PROCESS),
      serviceOf('complains-never', { ...PROCESS, limits: { deadlineMs: 200 } }),
      serviceOf('broken', PROCESS),
      serviceOf('good', PROCESS),
    ]);
    const [complains, never, broken, ...more] = bench.problems.map(({ service, reason }) => [
      service,
      reason,
    ]);
    expect(complains).toEqual(['complains', 'no colour']);
    expect(never).toEqual([
      'complains-never',
      'its check of the settings failed: it took longer than 200 ms',
    ]);
    expect(broken![0]).toBe('broken');
    expect(more).toEqual([]);
    expect(kindsOf(await ask(['broken']))).toEqual(['broken load']);
    expect(kindsOf(await ask(['good']))).toEqual(['good decision']);
  });

  it('never runs a service unconfined where it can not be confined', async () => {
    vi.stubEnv('PATH', '/nonexistent');
    await start([serviceOf('good', PROCESS), serviceOf('a')]);
    vi.unstubAllEnvs();
    const reason = expect.stringContaining(
      'there is no program "bwrap"; install Debian\'s package "bubblewrap"',
    );
    expect(bench.problems).toMatchObject([{ service: 'good', reason }]);
    expect((await ask(['good'])).outcomes).toMatchObject([{ result: { failure: 'load', cause: reason } }]);
    expect(kindsOf(await ask(['a']))).toEqual(['a decision']);
  });

  it('leaves no process behind', async () => {
    await start([serviceOf('spins', PROCESS)]);
    const asked = ask(['spins']);
    expect(confinedProcesses().length).toBeGreaterThanOrEqual(6);
    await bench.sandbox.close();
    expect(kindsOf(await asked)).toEqual(['spins load']);
    await expect.poll(confinedProcesses).toEqual([]);
  });
});

describe.skipIf(unconfinable !== '')(`one confined process${unconfinable}`, () => {
  /** A process with the plugin of this name; what it reports to each task. */
  async function hire(
    name: keyof typeof files,
    options: Partial<Service> = {},
  ): Promise<{ tell: (task: Task) => Promise<Report>; end: () => Promise<void> }> {
    const service = { ...serviceOf(name, PROCESS), ...options };
    const checked = checkPlugin(files[name], { memoryMiB: service.limits.memoryMiB });
    if ('reasons' in checked) throw new Error(checked.reasons.join());
    const reports: ((report: Report) => void)[] = [];
    const next = (): Promise<Report> => new Promise((resolve) => reports.push(resolve));
    const ready = next();
    const hired = new Process(
      { service, ...checked.plugin },
      {
        report: (report) => reports.shift()!(report),
        exit: () => {},
        late: () => {},
      },
    );
    await ready;
    const tell = (task: Task): Promise<Report> => {
      const report = next();
      hired.send(task);
      return report;
    };
    return { tell, end: () => hired.end() };
  }
  const about = (service: string, message = MESSAGE): Task => ({
    kind: 'ask',
    stage: 'message',
    services: [service],
    refusals: undefined,
    facts: factsOf('message'),
    image: imageOf(spoolOf(Buffer.from(message)).handle),
    state: {},
  });

  it('keeps an instance for as many calls as it may answer, and not after a failure', async () => {
    const { tell, end } = await hire('counts', { callsPerInstance: 3 });
    const said: string[] = [];
    // What begins with "!" makes it say what is no decision, which only Postern finds.
    for (const message of ['x\r\n', 'x\r\n', 'x\r\n', 'x\r\n', '!\r\n', 'x\r\n', 'x\r\n']) {
      const report = await tell(about('counts', message));
      said.push(report.kind === 'outcome' ? report.outcome.logs[0]!.text : report.kind);
    }
    await end();
    expect(said).toEqual(['1', '2', '3', '1', '2', '1', '2']);
  });

  it('makes an instance ahead that is slow to make, and says that it lacks one', async () => {
    const { tell, end } = await hire('slow');
    expect(await tell(about('slow'))).toMatchObject({ kind: 'outcome', lacking: ['slow'] });
    expect(await tell({ kind: 'prepare', service: 'slow' })).toMatchObject({
      kind: 'prepared',
      fault: undefined,
    });
    expect(await tell(about('slow'))).toMatchObject({
      outcome: { result: { kind: 'decision' } },
      lacking: ['slow'],
    });
    await end();
  });
});
