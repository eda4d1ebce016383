import { afterEach, describe, expect, it } from 'vitest';
import type { CapabilityName, Grants } from '../../src/ocp/capability.ts';
import type { Service, ServiceOutcome } from '../../src/ocp/service.ts';
import { compileWat, factsOf, serviceOf, startBench, vectorText, type Bench } from '../abi/wat.ts';
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

/** A plugin that asks this once at RCPT, and returns what it was told if that is an error. */
function asking(capability: CapabilityName, fields: object): Uint8Array {
  const line = JSON.stringify(fields);
  const octets = [...Buffer.from(line)].map((octet) => `\\${octet.toString(16).padStart(2, '0')}`).join('');
  return compileWat(
    'asking.wat',
    vectorText(`
      (data (i32.const 1024) "${octets}")
      (func (export "on_rcpt") (result i32) (local $told i32)
        (local.set $told (call $${capability} (i32.const 1024) (i32.const ${line.length})))
        (if (i32.lt_s (local.get $told) (i32.const 0)) (then (return (local.get $told))))
        (call $say (i32.const 0) (i32.const 2))
        (i32.const 0))`),
  );
}

async function start(
  services: readonly Service[],
  files: Readonly<Record<string, Uint8Array>>,
  workers = 2,
): Promise<(service: string) => Promise<ServiceOutcome>> {
  capabilities = await realCapabilities(services);
  const started = await startBench({
    folder: new URL('./', import.meta.url),
    services,
    files,
    workers,
    capabilities: capabilities.host,
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
      cause: 'it returned -3',
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
    const run = await start([serviceOf('count', { isolation, grants })], files, 4);
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
