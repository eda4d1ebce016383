import { afterEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import type { CapabilityHost, CapabilityName, Grants } from '../../src/ocp/capability.ts';
import type { Service, ServiceOutcome } from '../../src/ocp/service.ts';
import { dnsPart } from '../../src/sandbox/capabilities/dns.ts';
import { createCapabilityHost } from '../../src/sandbox/capabilities/host.ts';
import { createResolver } from '../../src/sandbox/capabilities/resolver.ts';
import { compileWat, dataAt, factsOf, serviceOf, startBench, vectorText, type Bench } from '../abi/wat.ts';
import { startQuietDns } from '../support/quiet-dns.ts';
import { ask, gone, rawServer, type Local } from './asking.ts';
import { realCapabilities, type RealCapabilities } from './real.ts';

let bench: Bench | undefined;
let capabilities: RealCapabilities | undefined;
let server: Local | undefined;

afterEach(async () => {
  await bench?.close();
  await capabilities?.close();
  await server?.close();
  bench = capabilities = server = undefined;
});

/** A plugin that asks this at RCPT, once or as often as is said, and returns what it was told if that is an error. */
function asking(capability: CapabilityName, fields: object, { times = 1 } = {}): Uint8Array {
  const { place, range } = dataAt(1024, JSON.stringify(fields));
  return compileWat(
    'asking.wat',
    vectorText(`
      ${place}
      (func (export "on_rcpt") (result i32) (local $told i32)
        ${`(local.set $told (call $${capability} ${range}))
        (if (i32.lt_s (local.get $told) (i32.const 0)) (then (return (local.get $told))))`.repeat(times)}
        (call $say (i32.const 0) (i32.const 2))
        (i32.const 0))`),
  );
}

async function start(
  services: readonly Service[],
  files: Readonly<Record<string, Uint8Array>>,
  { workers = 2, host }: { workers?: number; host?: CapabilityHost } = {},
): Promise<(service: string) => Promise<ServiceOutcome>> {
  capabilities = await realCapabilities(services);
  const started = await startBench({
    folder: new URL('./', import.meta.url),
    services,
    files,
    workers,
    capabilities: host ?? capabilities.host,
  });
  bench = started;
  expect(started.problems).toEqual([]);
  return async (service) => {
    const job = { stage: 'rcpt' as const, services: [service], facts: factsOf('rcpt'), state: {} };
    return (await started.sandbox.run(job)).outcomes[0]!;
  };
}

const httpTo = (url: string, timeoutMs: number): Grants => ({
  http: {
    targets: [url],
    allowPrivate: false,
    requestsPerMinute: 10_000,
    timeoutMs,
    responseBytes: 1000,
    secrets: [],
  },
});

const OK = { kind: 'decision', decision: {} };

describe.each(['thread', 'process'] as const)('in a %s', (isolation) => {
  it('what one call asks can be told from what others ask', async () => {
    const calls: [service: string, call: object][] = [];
    const host: CapabilityHost = {
      async call({ service, call }) {
        calls.push([service, call]);
        return { kind: 'answer', octets: Buffer.from('{}') };
      },
    };
    const grants: Grants = { clock: true };
    const services = [serviceOf('one', { isolation, grants }), serviceOf('two', { isolation, grants })];
    const files = { one: asking('clock', {}, { times: 3 }), two: asking('clock', {}, { times: 2 }) };
    await start(services, files, { host });
    const job = { stage: 'rcpt' as const, services: ['one', 'two'], facts: factsOf('rcpt'), state: {} };
    await bench!.sandbox.run(job);
    await bench!.sandbox.run(job);
    const distinct = [...new Set(calls.map(([, call]) => call))];
    const told = calls.map(([service, call]) => `${service} ${distinct.indexOf(call)}`).join(', ');
    expect(told).toBe('one 0, one 0, one 0, two 1, two 1, one 2, one 2, one 2, two 3, two 3');
  });

  it('a call that fails after an outage has failed by that, and a deadline that passed in waiting too', async () => {
    server = await rawServer((socket) => socket.resume());
    const silent = `http://127.0.0.1:${server.port}`;
    const down = 'http://127.0.0.1:1';
    const files = {
      silent: asking('http', { url: silent }),
      down: asking('http', { url: down }),
      denied: asking('http', { url: 'http://127.0.0.2' }),
    };
    const limits = { deadlineMs: 1000 };
    const run = await start(
      [
        serviceOf('silent', { isolation, limits, grants: httpTo(silent, 60_000) }),
        serviceOf('down', { isolation, grants: httpTo(down, 1000) }),
        serviceOf('denied', { isolation, grants: httpTo(down, 1000) }),
      ],
      files,
    );
    expect((await run('silent')).result).toEqual({
      kind: 'failure',
      failure: 'capability',
      cause: 'it took longer than 1000 ms, most of that waiting for what it asked of a capability',
    });
    // Nobody waits for the server any more.
    await gone(server.sockets[0]!);
    expect((await run('down')).result).toEqual({
      kind: 'failure',
      failure: 'capability',
      cause: 'it returned -5; the capability http was out of order: connect ECONNREFUSED 127.0.0.1:1',
    });
    expect((await run('denied')).result).toEqual({
      kind: 'failure',
      failure: 'trap',
      cause:
        'it returned -3; it had been refused: http: DENIED: http://127.0.0.2 is not among the targets that are granted, http://127.0.0.1:1',
    });
  });

  it('a call that fails since its keys were used too often has failed by that, one that met another limit by itself', async () => {
    const cause = 'it would be more than 1 operations in a minute';
    const host: CapabilityHost = { call: () => Promise.resolve({ kind: 'refused', error: 'LIMIT', cause }) };
    const grants: Grants = {
      ...httpTo('http://127.0.0.1:1', 1000),
      key: { keys: ['a'], operationsPerMinute: 1 },
    };
    const services = [serviceOf('signer', { isolation, grants }), serviceOf('caller', { isolation, grants })];
    const files = { signer: asking('key', {}), caller: asking('http', {}) };
    const run = await start(services, files, { host });
    expect((await run('signer')).result).toEqual({
      kind: 'failure',
      failure: 'capability',
      cause: `it returned -4; the grant of key was used up: ${cause}`,
    });
    expect((await run('caller')).result).toEqual({
      kind: 'failure',
      failure: 'trap',
      cause: `it returned -4; it had been refused: http: LIMIT: ${cause}`,
    });
  });

  it('the facts of each service of a group say what it is granted, and no other', async () => {
    const wat = `(func (export "on_rcpt") (result i32) (call $log_info (call $input_offset)) (call $done))`;
    const files = { facts: compileWat('facts.wat', vectorText(wat)) };
    const asked = (name: string, grants: Grants) => serviceOf(name, { plugin: 'facts', isolation, grants });
    const grants: Grants = { ...httpTo('http://127.0.0.1:1', 1000), clock: true };
    const services = [asked('some', grants), asked('none', {}), asked('one', { clock: true })];
    await start(services, files);
    const names = services.map(({ name }) => name);
    const job = { stage: 'rcpt' as const, services: names, facts: factsOf('rcpt'), state: {} };
    const { outcomes } = await bench!.sandbox.run(job);
    const told = outcomes.map(({ logs }) => JSON.parse(logs[0]!.text) as { grants?: readonly string[] });
    expect(told.map((facts) => facts.grants)).toEqual([['http', 'clock'], undefined, ['clock']]);
  });

  it('counters count each call, however many run at a time', async () => {
    const files = { count: asking('kv', { op: 'increment', key: 'n' }) };
    const grants: Grants = { kv: { keys: 1, bytes: 100 } };
    const run = await start([serviceOf('count', { isolation, grants })], files, { workers: 4 });
    const outcomes = await Promise.all(Array.from({ length: 200 }, () => run('count')));
    expect(outcomes.map(({ result }) => result)).toEqual(outcomes.map(() => OK));
    const asked = { service: 'count', capability: 'kv' as const, fields: { op: 'get', key: 'n' } };
    expect(await ask(capabilities!.host, asked)).toMatchObject({ body: '200' });
    const host = await capabilities!.restart();
    expect(await ask(host, asked)).toMatchObject({ body: '200' });
  });
});

it('a storm of calls that wait for a server which never answers leaves the others alone', async () => {
  server = await rawServer((socket) => socket.resume());
  const silent = `http://127.0.0.1:${server.port}`;
  const files = {
    silent: asking('http', { url: silent }),
    count: asking('kv', { op: 'increment', key: 'n' }),
    good: compileWat(
      'good.wat',
      vectorText(
        '(func (export "on_rcpt") (result i32) (call $say (i32.const 0) (i32.const 2)) (i32.const 0))',
      ),
    ),
  };
  const run = await start(
    [
      serviceOf('silent', { limits: { deadlineMs: 6000 }, grants: httpTo(silent, 60_000) }),
      serviceOf('count', { grants: { kv: { keys: 1, bytes: 100 } } }),
      serviceOf('good'),
    ],
    files,
  );
  let ended = 0;
  const storm = Array.from({ length: 50 }, () => run('silent').finally(() => (ended += 1)));
  const others = await Promise.all(
    Array.from({ length: 200 }, (_, index) => run(index % 2 === 0 ? 'good' : 'count')),
  );
  // All of the others are through before the first of the storm is.
  expect(ended).toBe(0);
  expect(others.map(({ result }) => result)).toEqual(others.map(() => OK));
  await bench!.close();
  bench = undefined;
  const results = (await Promise.all(storm)).map(({ result }) => result.kind);
  expect(new Set(results)).toEqual(new Set(['failure']));
  for (const socket of server.sockets) await gone(socket);
});

it('calls that wait have threads of their own, which services share, and mail that needs none goes on', async () => {
  const dns = await startQuietDns();
  try {
    const resolver = createResolver({
      servers: [{ address: '127.0.0.1', port: dns.port }],
      timeoutMs: 60_000,
    });
    const grants: Grants = {
      dns: { queriesPerMinute: 10_000, queriesPerCall: 10, timeoutMs: 60_000 },
    };
    const limits = { deadlineMs: 60_000 };
    const services = [
      serviceOf('one', { plugin: 'look', limits, grants }),
      serviceOf('two', { plugin: 'look', limits, grants }),
      serviceOf('good'),
    ];
    const files = {
      look: asking('dns', { type: 'A', name: 'a.test' }),
      good: compileWat(
        'good.wat',
        vectorText(
          '(func (export "on_rcpt") (result i32) (call $say (i32.const 0) (i32.const 2)) (i32.const 0))',
        ),
      ),
    };
    const waiting = new Map<string, number>();
    const host = createCapabilityHost({ services, parts: { dns: dnsPart(resolver) }, log: silentLog });
    const counting: CapabilityHost = {
      async call(request) {
        const { service } = request;
        waiting.set(service, (waiting.get(service) ?? 0) + 1);
        try {
          return await host.call(request);
        } finally {
          waiting.set(service, waiting.get(service)! - 1);
        }
      },
    };
    bench = await startBench({
      folder: new URL('./', import.meta.url),
      services,
      files,
      workers: 2,
      queueMs: 60_000,
      capabilities: counting,
    });
    const { sandbox } = bench;
    const run = async (service: string): Promise<ServiceOutcome> => {
      const job = { stage: 'rcpt' as const, services: [service], facts: factsOf('rcpt'), state: {} };
      return (await sandbox.run(job)).outcomes[0]!;
    };
    let ended = 0;
    const storm = (service: string): Promise<ServiceOutcome>[] =>
      Array.from({ length: 50 }, () => run(service).finally(() => (ended += 1)));
    const first = storm('one');
    // More than there are workers, and not all that may wait.
    await expect.poll(() => waiting.get('one'), { timeout: 30_000 }).toBeGreaterThanOrEqual(8);
    const second = storm('two');
    await expect.poll(() => waiting.get('two'), { timeout: 30_000 }).toBeGreaterThanOrEqual(3);
    expect(waiting.get('one')).toBeLessThanOrEqual(12);
    const others = await Promise.all(Array.from({ length: 300 }, () => run('good')));
    expect(others.map(({ result }) => result)).toEqual(others.map(() => OK));
    // Not one of the look-ups is answered yet.
    expect([ended, dns.asked]).toEqual([0, 1]);
    dns.answer();
    const looked = await Promise.all([...first, ...second]);
    expect(looked.map(({ result }) => result)).toEqual(looked.map(() => OK));
  } finally {
    dns.close();
  }
});
