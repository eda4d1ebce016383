import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Grants } from '../../src/ocp/capability.ts';
import { factsOf, serviceOf, startBench } from '../abi/wat.ts';
import { httpServer, type Local } from '../capability/asking.ts';
import { realCapabilities } from '../capability/real.ts';
import { LANGUAGES, moduleOf, skipped, withoutPlace, type Language } from './language.ts';

// A compiler may have to compile its library first.
vi.setConfig({ testTimeout: 180_000 });

/**
 * One filter in each language that keeps values, counts, asks a real server and hears every kind of refusal, over the program's own
 * capabilities: all come to the same outcomes.
 */
const [reference, ...others] = LANGUAGES;
let server: Local;

beforeAll(async () => {
  server = await httpServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      response.writeHead(418, { 'X-Answer': `${request.method} ${request.url}` });
      response.end(`${String(request.headers['x-test'])} ${body.replace('\n', ' ')}`);
    });
  });
});

afterAll(async () => {
  await server.close();
});

/** What becomes of each task. */
async function seen(language: Language): Promise<Readonly<Record<string, unknown>>> {
  const filter = await moduleOf(language, 'capability/filter');
  const url = `http://127.0.0.1:${server.port}`;
  // Nobody can listen there: it is no port to connect to.
  const down = 'http://127.0.0.1:1';
  const grants: Grants = {
    clock: true,
    kv: { keys: 10, bytes: 100 },
    http: {
      targets: [url, down],
      allowPrivate: false,
      requestsPerMinute: 100,
      timeoutMs: 5000,
      responseBytes: 1000,
      secrets: [],
    },
  };
  const settings = { url, down, long: 'x'.repeat(200) };
  const tasks = ['all', 'key', 'quota', 'outage', 'count', 'try'];
  const services = tasks.map((task) =>
    serviceOf(task, { plugin: 'filter', settings: { ...settings, task }, grants }),
  );
  services.push(serviceOf('denied', { plugin: 'filter', settings }));
  services.push(
    serviceOf('name', { plugin: 'filter', settings: { ...settings, task: 'try', name: true }, grants }),
  );
  const count = { ...settings, task: 'count' };
  services.push(serviceOf('only kv', { plugin: 'filter', settings: count, grants: { kv: grants.kv! } }));
  services.push(serviceOf('nothing', { plugin: 'filter', settings: count }));
  const capabilities = await realCapabilities(services);
  const bench = await startBench({
    folder: new URL('./', import.meta.url),
    services,
    files: { filter },
    capabilities: capabilities.host,
  });
  try {
    expect(bench.problems).toEqual([]);
    const found: Record<string, unknown> = {};
    for (const { name } of services) {
      const job = { stage: 'rcpt' as const, services: [name], facts: factsOf('rcpt'), state: {} };
      const { result, logs } = (await bench.sandbox.run(job)).outcomes[0]!;
      const cause = result.kind === 'failure' ? { cause: withoutPlace(result.cause) } : {};
      found[name] = { result: { ...result, ...cause }, logs };
    }
    return found;
  } finally {
    await bench.close();
    await capabilities.close();
  }
}

let expected: Promise<Readonly<Record<string, unknown>>> | undefined;
const expectedOf = () => (expected ??= seen(reference!));

test('AssemblyScript: what is expected of all', async () => {
  const found = await expectedOf();
  // After it comes what the host says of what it had refused.
  const failure = (kind: string, cause: string) => ({
    kind: 'failure',
    failure: kind,
    cause: expect.stringContaining(cause) as string,
  });
  expect(found['all']).toEqual({
    result: { kind: 'decision', decision: { tags: { answer: 'one two three' } } },
    logs: [
      { level: 'debug', text: 'kv: NOT_FOUND: there is no such key' },
      {
        level: 'debug',
        text: expect.stringMatching(
          /^http: DENIED: http:\/\/127\.0\.0\.2 is not among the targets that are granted, http:/,
        ) as string,
      },
      {
        level: 'info',
        text: 'yes||ä "|0|no|yes||60|9007199254740000|-7|yes|no|418|POST /echo|one two three|0|DENIED',
      },
    ],
  });
  expect(found['key']).toMatchObject({
    result: failure(
      'trap',
      'it says: Cannot use the key "": the host found the index, the range or the text invalid',
    ),
  });
  expect(found['quota']).toMatchObject({
    result: failure(
      'trap',
      'it says: Cannot use the key "long": a limit of the service, or of a grant, would be passed',
    ),
  });
  const over = { level: 'debug', text: expect.stringMatching(/^kv: LIMIT: /) };
  const tried = [
    { level: 'debug', text: 'kv: NOT_FOUND: there is no such key' },
    { level: 'info', text: 'none|yes|no|yes|two 60|7|-2' },
    over,
    over,
    over,
    { level: 'debug', text: 'kv: NOT_FOUND: there is no such key' },
    { level: 'info', text: 'yes|trouble|trouble|trouble|none' },
  ];
  expect(found['try']).toEqual({ result: { kind: 'decision', decision: {} }, logs: tried });
  // What is wrong about the request ends the call all the same.
  expect(found['name']).toMatchObject({
    result: failure(
      'trap',
      'it says: Cannot use the key "k": the host found the index, the range or the text invalid',
    ),
  });
  expect(found['outage']).toMatchObject({
    result: failure(
      'capability',
      'it says: no answer: UNAVAILABLE; the capability http was out of order: connect ECONNREFUSED 127.0.0.1:1',
    ),
  });
  expect(found['denied']).toMatchObject({
    result: failure(
      'trap',
      'it says: Cannot tell the time: not allowed by the operator (allowModify, a grant), or not at this stage',
    ),
  });
  const counted = (tags: Readonly<Record<string, string>>) => ({
    result: { kind: 'decision', decision: { tags } },
    logs: [],
  });
  expect(found['count']).toEqual(counted({ count: '1', others: 'yesyes' }));
  expect(found['only kv']).toEqual(counted({ count: '1', others: 'nono' }));
  expect(found['nothing']).toEqual(counted({ count: 'none', others: 'nono' }));
});

for (const language of others) {
  const reason = skipped(language);
  describe.skipIf(reason !== '')(`${language.name}${reason}`, () => {
    test('all that the SDK offers of capabilities does the same', async () => {
      expect(await seen(language)).toEqual(await expectedOf());
    });

    test('what a filter does not call is not imported', async () => {
      const module = await WebAssembly.compile(new Uint8Array(await moduleOf(language, 'capability/filter')));
      const calls = WebAssembly.Module.imports(module)
        .filter((imported) => imported.module === 'ocp_smtp_v1')
        .map((imported) => imported.name);
      expect(calls.sort()).toEqual(['answer_read', 'clock', 'http', 'kv']);
    });
  });
}
