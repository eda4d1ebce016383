import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Grants } from '../../src/ocp/capability.ts';
import type { CalloutResult, CalloutState } from '../../src/ocp/service.ts';
import type { Stage } from '../../src/ocp/stage.ts';
import { httpServer } from '../capability/asking.ts';
import { openOutside, type Outside } from '../capability/outside.ts';
import { realCapabilities, type RealCapabilities } from '../capability/real.ts';
import {
  compileWat,
  factsOf,
  imageOfText,
  serviceOf,
  startBench,
  textOf,
  vectorText,
  type Bench,
} from './wat.ts';

const BODY = [
  '--b1\r\nContent-Type: text/plain\r\n\r\nHi there\r\n',
  '--b1\r\nContent-Type: application/octet-stream; name=a.bin\r\nContent-Transfer-Encoding: base64\r\n',
  'Content-Disposition: attachment; filename=a.bin\r\n\r\nAAECAwQF\r\n--b1--\r\n',
].join('');
const MIME = 'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b1\r\n';
const MESSAGE = `Received: from a by b\r\n\tfor c\r\nSubject: hello\r\nX-Two: one\r\nX-Two: two\r\n${MIME}\r\n${BODY}`;

const OK = { kind: 'decision', decision: {} };

describe('the vectors of the ABI', () => {
  let bench: Bench;
  let capabilities: RealCapabilities;
  beforeAll(async () => {
    const services = [
      ...['reading', 'elsewhere', 'editing', 'part-replacing', 'line-ends', 'state', 'logging'].map((name) =>
        serviceOf(name),
      ),
      ...['reporting', 'reactor', 'wasi'].map((name) => serviceOf(name)),
      serviceOf('kernel', { settings: { colour: 'red' } }),
      serviceOf('complaining', { settings: { colour: 'mauve' } }),
      serviceOf('clock', { grants: { clock: true } }),
      serviceOf('timeless', { plugin: 'clock' }),
      serviceOf('kv', { grants: { kv: { keys: 2, bytes: 100 } } }),
      serviceOf('forgetful', { plugin: 'kv' }),
      serviceOf('refused', { grants: { clock: true } }),
      serviceOf('notify', { grants: { notify: { to: ['recipients'], perHour: 1, incidents: true } } }),
      serviceOf('mute', { plugin: 'notify' }),
    ];
    capabilities = await realCapabilities(services);
    bench = await startBench({
      folder: new URL('./', import.meta.url),
      services,
      capabilities: capabilities.host,
    });
  });
  afterAll(async () => {
    await bench.close();
    await capabilities.close();
  });

  const ask = (
    name: string,
    about: { stage: Stage; message?: string; state?: CalloutState },
  ): Promise<CalloutResult> =>
    bench.sandbox.run({
      stage: about.stage,
      services: [name],
      facts: factsOf(about.stage),
      ...(about.message !== undefined && { image: imageOfText(about.message) }),
      state: about.state ?? {},
    });

  it('reading', async () => {
    const { outcomes, image } = await ask('reading', { stage: 'message', message: MESSAGE });
    expect(outcomes[0]).toMatchObject({ result: OK, modified: false, logs: [] });
    expect(await textOf(image!)).toBe(MESSAGE);
  });

  it('elsewhere', async () => {
    const { outcomes } = await ask('elsewhere', { stage: 'rcpt' });
    expect(outcomes[0]!.result).toEqual(OK);
  });

  it('editing', async () => {
    const { outcomes, image } = await ask('editing', { stage: 'message', message: MESSAGE });
    expect(outcomes[0]).toMatchObject({ result: OK, modified: true });
    expect(await textOf(image!)).toBe(
      `X-New: first\r\nReceived: from a by b\r\n\tfor c\r\nSubject: hello\r\nX-Two: changed\r\n${MIME}X-New: last\r\n\r\n` +
        BODY.replace('Hi there', 'Hello you'),
    );
  });

  it('part-replacing', async () => {
    const { outcomes, image } = await ask('part-replacing', { stage: 'message', message: MESSAGE });
    expect(outcomes[0]).toMatchObject({ result: OK, modified: true });
    const text = await textOf(image!);
    expect(text.slice(0, text.indexOf('Hi there'))).toBe(MESSAGE.slice(0, MESSAGE.indexOf('Hi there')));
    expect(
      text.endsWith('--b1\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nIt was removed.\r\n--b1--\r\n'),
    ).toBe(true);
  });

  it('line-ends', async () => {
    const { outcomes, image } = await ask('line-ends', {
      stage: 'message',
      message: 'Subject: hello\r\n\r\nHi\r\n',
    });
    expect(outcomes[0]).toMatchObject({ result: OK, modified: true });
    expect(await textOf(image!)).toBe('Subject: hello\r\nX-A: 1\r\n\r\nHi\r\n');
  });

  it('state', async () => {
    const first = await ask('state', { stage: 'mail' });
    expect(first.outcomes[0]!.result).toEqual(OK);
    expect(Buffer.from(first.state['state']!['key']!).toString()).toBe('value');
    const second = await ask('state', { stage: 'rcpt', state: first.state });
    expect(second.outcomes[0]!.result).toEqual(OK);
    expect(second.state['state']!['key']).toHaveLength(0);
  });

  it('kernel', async () => {
    const { outcomes } = await ask('kernel', { stage: 'connect' });
    expect(outcomes[0]!.result).toEqual(OK);
  });

  it('logging', async () => {
    const { outcomes } = await ask('logging', { stage: 'connect' });
    expect(outcomes[0]).toMatchObject({
      result: OK,
      logs: [
        { level: 'info', text: 'all is well' },
        { level: 'warn', text: 'a b [31m' },
      ],
    });
  });

  it('clock', async () => {
    const { outcomes } = await ask('clock', { stage: 'connect' });
    expect(outcomes[0]).toMatchObject({
      result: OK,
      logs: [
        { level: 'debug', text: 'clock: INVALID: the request is wrong: Unrecognized key: "zone"' },
        { level: 'debug', text: "clock: INVALID: the request's line is not JSON" },
      ],
    });
    const denied = await ask('timeless', { stage: 'helo' });
    expect(denied.outcomes[0]).toMatchObject({
      result: OK,
      logs: [{ level: 'debug', text: 'clock: DENIED: it is not granted' }],
    });
  });

  it.each([
    ['connect', undefined, 'it trapped: unreachable; it had been refused: at this stage there is no message'],
    [
      'helo',
      undefined,
      'it returned -1; it had been refused: clock: INVALID: the request is wrong: Unrecognized key: "zone"',
    ],
    [
      'message',
      'Subject: x\r\n\r\n',
      'it says: It does not work; it had been refused: Cannot splice: 1 octets at 1000000 are not inside a message of 14 octets',
    ],
  ] as const)('refused, at %s: the cause has what was refused', async (stage, message, cause) => {
    const { outcomes } = await ask('refused', { stage, ...(message !== undefined && { message }) });
    expect(outcomes[0]!.result).toEqual({ kind: 'failure', failure: 'trap', cause });
  });

  it('kv', async () => {
    const { outcomes } = await ask('kv', { stage: 'connect' });
    expect(outcomes[0]!.result).toEqual(OK);
    const denied = await ask('forgetful', { stage: 'helo' });
    expect(denied.outcomes[0]!.result).toEqual(OK);
    const beyond = await ask('kv', { stage: 'mail' });
    expect(beyond.outcomes[0]!.result).toMatchObject({
      failure: 'trap',
      cause: 'it named 100 octets at 65530, outside its memory of 65536',
    });
  });

  it('notify', async () => {
    const shortest = { kind: 'incident', severity: 'info', event: 'x', text: '', fields: {} };
    const { outcomes } = await ask('notify', { stage: 'message', message: MESSAGE });
    expect(outcomes[0]!.result).toEqual(OK);
    expect(outcomes[0]!.notifications).toEqual([
      { kind: 'notice', to: 'recipients', subject: 'A B', text: 'one\ntwo' },
      {
        kind: 'incident',
        severity: 'warning',
        event: 'virus-found',
        text: 'Eicar',
        fields: { file: 'a.zip' },
      },
      ...Array.from({ length: 18 }, () => shortest),
    ]);
    const early = await ask('notify', { stage: 'connect' });
    expect(early.outcomes[0]).toMatchObject({ result: OK, notifications: [shortest] });
    const denied = await ask('mute', { stage: 'helo' });
    expect(denied.outcomes[0]!.result).toEqual(OK);
    const failed = await ask('notify', { stage: 'rcpt' });
    expect(failed.outcomes[0]!.result).toMatchObject({ failure: 'trap', cause: 'it returned 1' });
    for (const answered of [denied, failed]) expect(answered.outcomes[0]).not.toHaveProperty('notifications');
    const beyond = await ask('notify', { stage: 'mail' });
    expect(beyond.outcomes[0]!.result).toMatchObject({
      failure: 'trap',
      cause: 'it named 100 octets at 65530, outside its memory of 65536',
    });
  });

  it('complaining', () => {
    expect(bench.problems).toEqual([
      {
        service: 'complaining',
        where: expect.stringMatching(/complaining\.wasm$/),
        reason: 'colour: mauve is not allowed, use red or blue',
      },
    ]);
  });

  it('reporting', async () => {
    const { outcomes } = await ask('reporting', { stage: 'report' });
    expect(outcomes[0]!.result).toEqual(OK);
  });

  it('reactor', async () => {
    for (let call = 0; call < 3; call++) {
      const { outcomes } = await ask('reactor', { stage: 'connect' });
      expect(outcomes[0]!.result).toEqual(OK);
    }
  });

  it('wasi', async () => {
    const { outcomes } = await ask('wasi', { stage: 'connect' });
    expect(outcomes[0]!.result).toEqual(OK);
    expect(outcomes[0]!.logs).toEqual([
      { level: 'info', text: 'hello ' },
      { level: 'info', text: 'world' },
    ]);
    const left = await ask('wasi', { stage: 'helo' });
    expect(left.outcomes[0]!.result).toEqual({
      kind: 'failure',
      failure: 'trap',
      cause: 'it called proc_exit(3)',
    });
  });

  it('http', async () => {
    const server = await httpServer((request, response) => {
      request.resume().on('end', () => {
        response.sendDate = false;
        response.writeHead(200, { 'Content-Length': 5 }).end('h\0\nlo');
      });
    });
    const vector = readFileSync(new URL('http.wat', import.meta.url), 'utf8');
    const text = vectorText(vector.replaceAll('20080', String(server.port)));
    const http = {
      targets: [`http://127.0.0.1:${server.port}`],
      allowPrivate: false,
      requestsPerMinute: 10,
      timeoutMs: 5000,
      responseBytes: 100,
      secrets: [],
    };
    const services = [serviceOf('http', { grants: { http } })];
    const real = await realCapabilities(services);
    const own = await startBench({
      folder: new URL('./', import.meta.url),
      services,
      files: { http: compileWat('http.wat', text) },
      capabilities: real.host,
    });
    const run = async (stage: Stage) =>
      (await own.sandbox.run({ stage, services: ['http'], facts: factsOf(stage), state: {} })).outcomes[0]!;
    try {
      expect((await run('connect')).result).toEqual(OK);
      await server.close();
      expect((await run('helo')).result).toEqual(OK);
    } finally {
      await own.close();
      await real.close();
    }
  });

  describe('of what reaches outside', () => {
    const grants: Record<string, Grants> = {
      auth: { auth: true },
      blob: { blob: { blobs: 10, bytes: 1000, blobBytes: 10, longestMs: 60_000, putsPerMinute: 100 } },
      directory: { directory: { tables: ['staff'], requestsPerMinute: 100 } },
      dns: { dns: { names: ['*.example.org'], queriesPerMinute: 100, queriesPerCall: 3, timeoutMs: 5000 } },
      key: { key: { keys: ['ours'], operationsPerMinute: 100 } },
      scan: { scan: { scanner: 'clamd', requestsPerMinute: 100, bytesPerMinute: 100 } },
    };
    const stages: Record<string, readonly Stage[]> = {
      auth: ['message', 'connect', 'rcpt'],
      blob: ['message', 'connect'],
      directory: ['connect'],
      dns: ['connect'],
      key: ['message', 'connect'],
      scan: ['message', 'connect'],
    };
    let outside: Outside;
    let own: Bench;
    beforeAll(async () => {
      const services = Object.entries(grants).flatMap(([name, granted]) => [
        serviceOf(name, { grants: granted }),
        serviceOf(`${name}, not granted`, { plugin: name }),
      ]);
      outside = await openOutside(services);
      const { capabilities: host } = outside;
      own = await startBench({ folder: new URL('./', import.meta.url), services, capabilities: host });
    });
    afterAll(async () => {
      await own.close();
      await outside.close();
    });
    const run = async (name: string, stage: Stage) => {
      const image = stage === 'message' ? { image: imageOfText(MESSAGE) } : {};
      const job = { stage, services: [name], facts: factsOf(stage), ...image, state: {} };
      return (await own.sandbox.run(job)).outcomes[0]!.result;
    };

    it.each(Object.keys(grants))('%s', async (name) => {
      for (const stage of stages[name]!) expect([stage, await run(name, stage)]).toEqual([stage, OK]);
      expect(await run(`${name}, not granted`, 'helo')).toEqual(OK);
      expect(await run(name, 'mail')).toMatchObject({
        failure: 'trap',
        cause: 'it named 100 octets at 65530, outside its memory of 65536',
      });
    });
  });

  it('is not asked at a stage that it has no export for', async () => {
    expect(bench.sandbox.answers('state', 'mail')).toBe(true);
    expect(bench.sandbox.answers('state', 'helo')).toBe(false);
    const { outcomes } = await ask('state', { stage: 'helo' });
    expect(outcomes[0]!.result).toEqual({ kind: 'notAsked' });
  });
});
