import { spawn, type ChildProcess } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileSink } from '../../src/delivery/incidents/file.ts';
import { IncidentRunner } from '../../src/delivery/incidents/runner.ts';
import type { IncidentSink } from '../../src/delivery/incidents/sink.ts';
import { syslogSink, type SyslogOptions } from '../../src/delivery/incidents/syslog.ts';
import { webhookSink } from '../../src/delivery/incidents/webhook.ts';
import type { IncidentReport } from '../../src/ocp/incident.ts';
import { silentLog } from '../../src/base/log.ts';
import { openSqliteStore, type SqliteStore } from '../../src/store/sqlite-store.ts';
import { found, lacks } from '../interop/support/servers.ts';
import { freePort } from '../support/free-port.ts';
import { temporaryDirectory, waitFor } from '../support/postern.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { Authority } from '../support/secure-mail.ts';
import { httpServer, type Local } from './asking.ts';

/** Incidents on their way from the store to real sinks, which are there or not. */
let scratch: ReturnType<typeof temporaryDirectory>;
let store: SqliteStore;
let runner: IncidentRunner;
let log: RecordingLog;

beforeEach(async () => {
  scratch = temporaryDirectory();
  log = new RecordingLog();
  store = await openSqliteStore({ path: join(scratch.path, 'store.db'), role: 'server', log: silentLog });
  runner = new IncidentRunner({ store: store.incidents, log });
});
afterEach(async () => {
  await runner.stop();
  await store.close();
  scratch.remove();
});

const reportOf = (event: string, more: Partial<IncidentReport> = {}): IncidentReport => ({
  id: `id-${event}`,
  at: '2026-11-23T22:00:00.000Z',
  severity: 'warning',
  event,
  text: 'Eicar in a.zip',
  fields: { file: 'a.zip' },
  service: 'antivirus',
  stage: 'message',
  gate: 'gate.test',
  listener: 'inbound',
  client: '192.0.2.7',
  session: 's1',
  transaction: 't1',
  sender: 'bob@example.net',
  recipients: ['ann@example.com'],
  recipientCount: 1,
  ...more,
});

async function report(...reports: IncidentReport[]): Promise<void> {
  await store.commit({ queue: [], quarantine: [], incidents: reports });
  runner.wake();
}

const linesOf = (path: string): string[] =>
  existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
    : [];

describe('the file', () => {
  const eventsIn = (path: string): string[] =>
    linesOf(path).map((line) => (JSON.parse(line) as IncidentReport).event);

  it('has a line for each, and a new one begins when it is moved away', async () => {
    const path = join(scratch.path, 'incidents.jsonl');
    await runner.setSinks([fileSink(path)]);
    await report(reportOf('one', { text: 'line\u2028s "and" ü' }), reportOf('two'));
    await waitFor(() => (linesOf(path).length === 2 ? true : undefined));
    expect(JSON.parse(linesOf(path)[0]!)).toEqual(reportOf('one', { text: 'line\u2028s "and" ü' }));
    renameSync(path, `${path}.1`);
    await report(reportOf('three'));
    await waitFor(() => (linesOf(path).length === 1 ? true : undefined));
    expect([eventsIn(`${path}.1`), eventsIn(path)]).toEqual([['one', 'two'], ['three']]);
    // What has been taken is kept no longer.
    await waitFor(async () =>
      (await store.incidents.pending({ sink: 'file', limit: 1 })).incidents.length === 0 ? true : undefined,
    );
  });

  it('gets what came while it could not be written, and what came before a restart', async () => {
    const path = join(scratch.path, 'missing', 'incidents.jsonl');
    await runner.setSinks([fileSink(path)]);
    await report(reportOf('one'));
    await waitFor(() => log.said('a sink does not take incidents')[0]);
    await report(reportOf('two'));
    await runner.stop();
    runner = new IncidentRunner({ store: store.incidents, log });
    const other = join(scratch.path, 'incidents.jsonl');
    await runner.setSinks([fileSink(other)]);
    await waitFor(() => (linesOf(other).length === 2 ? true : undefined));
    expect(eventsIn(other)).toEqual(['one', 'two']);
  });
});

describe('the store', () => {
  it('keeps 10,000 for a sink that is down, and says how many were not', async () => {
    await store.incidents.setSinks(['file', 'webhook']);
    const many = Array.from({ length: 10_003 }, (_, index) => reportOf(`e${index}`));
    await report(...many);
    const pending = await store.incidents.pending({ sink: 'file', limit: 2 });
    expect(pending.dropped).toBe(3);
    expect(pending.incidents.map(({ number }) => number)).toEqual([4, 5]);
    await store.incidents.taken({ sink: 'file', number: 10_003 });
    expect(await store.incidents.pending({ sink: 'file', limit: 2 })).toEqual({ dropped: 0, incidents: [] });
    expect((await store.incidents.pending({ sink: 'webhook', limit: 20_000 })).incidents).toHaveLength(
      10_000,
    );
    // One that is not there any more keeps nothing back.
    await store.incidents.setSinks(['file']);
    await store.incidents.setSinks(['file', 'webhook']);
    expect(await store.incidents.pending({ sink: 'webhook', limit: 1 })).toEqual({
      dropped: 0,
      incidents: [],
    });
    await report(reportOf('new'));
    for (const sink of ['file', 'webhook'])
      expect((await store.incidents.pending({ sink, limit: 5 })).incidents).toMatchObject([
        { number: 10_004 },
      ]);
  });

  it('keeps none without a sink', async () => {
    await runner.setSinks([]);
    expect(runner.hasSinks).toBe(false);
    await report(reportOf('one'));
    await store.incidents.setSinks(['file']);
    expect(await store.incidents.pending({ sink: 'file', limit: 1 })).toEqual({ dropped: 0, incidents: [] });
  });

  it('has a sink that is down hold up no other', async () => {
    const silent: IncidentSink = {
      name: 'syslog',
      batch: 1,
      deliver: (_reports, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('aborted')));
        }),
    };
    const path = join(scratch.path, 'incidents.jsonl');
    await runner.setSinks([silent, fileSink(path)]);
    await report(reportOf('one'));
    const [line] = await waitFor(() => (linesOf(path).length === 1 ? linesOf(path) : undefined));
    expect(JSON.parse(line!)).toEqual(reportOf('one'));
  });
});

describe('the webhook', () => {
  let server: Local | undefined;
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  it('is posted each, signed, again until it takes it, and follows no redirect', async () => {
    const seen: { body: string; signature: string | undefined; type: string | undefined }[] = [];
    const answers = [500, 302];
    server = await httpServer((request, response) => {
      void text(request).then((body) => {
        const { 'x-postern-signature': signature, 'content-type': type } = request.headers;
        seen.push({ body, signature: String(signature), type });
        response.writeHead(answers.shift() ?? 204, { Location: '/elsewhere' }).end();
      });
    });
    const secret = join(scratch.path, 'key');
    writeFileSync(secret, 'hidden\n');
    const url = `http://127.0.0.1:${server.port}/hook?a=b`;
    await runner.setSinks([webhookSink({ url, secret, timeoutMs: 2000 })]);
    await report(reportOf('one'), reportOf('two'));
    await waitFor(() => (seen.length === 4 ? true : undefined));
    const bodies = seen.map(({ body }) => (JSON.parse(body) as IncidentReport).event);
    expect(bodies).toEqual(['one', 'one', 'one', 'two']);
    for (const { body, signature, type } of seen) {
      expect(signature).toBe(`sha256=${createHmac('sha256', 'hidden').update(body).digest('hex')}`);
      expect(type).toBe('application/json');
    }
    expect(log.said('a sink does not take incidents').map(({ cause }) => cause)).toEqual([
      'it answered 500',
      'it answered 302',
    ]);
  });

  it('has a time', async () => {
    server = await httpServer(() => {});
    const sink = webhookSink({ url: `http://127.0.0.1:${server.port}/`, timeoutMs: 100 });
    await expect(sink.deliver([reportOf('one')], new AbortController().signal)).rejects.toThrow(
      'No result within 100 ms',
    );
  });
});

describe('syslog by datagrams', () => {
  const signal = new AbortController().signal;
  const nobody = async (): Promise<IncidentSink> =>
    syslogSink({ protocol: 'udp', host: '127.0.0.1', port: await freePort() });

  it('says that nobody listens there', async () => {
    await expect((await nobody()).deliver([reportOf('one')], signal)).rejects.toThrow('ECONNREFUSED');
  });

  it('is not begun, or left, when its time is over', async () => {
    const sink = await nobody();
    await expect(sink.deliver([reportOf('one')], AbortSignal.abort(new Error('late')))).rejects.toThrow(
      'late',
    );
    const ending = new AbortController();
    const delivered = sink.deliver([reportOf('one')], ending.signal);
    ending.abort();
    await expect(delivered).rejects.toThrow('it took too long');
  });
});

const missing = lacks('rsyslogd', 'lmnsd_gtls.so', 'openssl');
describe.skipIf(missing !== '')(`rsyslog${missing}`, () => {
  let rsyslog: ChildProcess | undefined;
  let port: number;
  let tlsPort: number;
  let authority: Authority;
  const at = (name: string): string => join(scratch.path, name);

  /** Each line is the JSON that rsyslog makes of a message. */
  async function startRsyslog(host = 'localhost'): Promise<void> {
    const { key, certificate } = authority.issue(host, { host });
    writeFileSync(
      at('rsyslog.conf'),
      `global(workDirectory="${scratch.path}" maxMessageSize="64k" parser.escapeControlCharactersOnReceive="off")
module(load="imudp")
module(load="imtcp")
module(load="imptcp")
input(type="imudp" address="127.0.0.1" port="${port}")
input(type="imtcp" address="127.0.0.1" port="${port}")
input(type="imptcp" path="${at('socket')}")
input(type="imtcp" address="127.0.0.1" port="${tlsPort}" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon"
  streamDriver.caFile="${authority.certificate}" streamDriver.certFile="${certificate}" streamDriver.keyFile="${key}")
template(name="all" type="string" string="%jsonmesg%\\n")
action(type="omfile" file="${at('out')}" template="all")
`,
    );
    rsyslog = spawn(found('rsyslogd')!, ['-n', '-f', at('rsyslog.conf'), '-i', at('pid')], {
      stdio: 'ignore',
    });
    await waitFor(() => (existsSync(at('pid')) && existsSync(at('socket')) ? true : undefined));
  }
  async function stopRsyslog(): Promise<void> {
    const child = rsyslog;
    rsyslog = undefined;
    if (child === undefined) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }
  beforeEach(async () => {
    port = await freePort();
    tlsPort = await freePort();
    authority = new Authority(at('authority'));
  });
  afterEach(stopRsyslog);
  const overTls = (ca?: string): SyslogOptions => ({
    protocol: 'tls',
    host: 'localhost',
    port: tlsPort,
    ...(ca !== undefined && { ca }),
  });

  const heard = (count: number): Promise<Record<string, string>[]> =>
    waitFor(() => {
      const lines = linesOf(at('out'));
      return lines.length >= count
        ? lines.map((line) => JSON.parse(line) as Record<string, string>)
        : undefined;
    });
  const ways: readonly (readonly [string, () => SyslogOptions])[] = [
    ['udp', () => ({ protocol: 'udp', host: '127.0.0.1', port })],
    ['tcp', () => ({ protocol: 'tcp', host: '127.0.0.1', port })],
    ['unix', () => ({ protocol: 'unix', path: at('socket') })],
    ['tls', () => overTls(authority.certificate)],
  ];

  it.each(ways)('understands all of it, by %s', async (_way, options) => {
    await startRsyslog();
    await runner.setSinks([syslogSink(options())]);
    const fields = { 'a.b': 'quote " slash \\ bracket ] line', empty: '' };
    await report(
      reportOf('virus-found', { severity: 'critical', text: 'grün ] "x"', fields }),
      reportOf('two'),
    );
    const [first, second] = await heard(2);
    expect(first).toMatchObject({
      hostname: 'gate.test',
      syslogtag: 'postern',
      'app-name': 'postern',
      msgid: 'virus-found',
      syslogfacility: '2',
      syslogseverity: '2',
      timereported: expect.stringContaining('2026-11-23'),
    });
    expect(first!['msg']).toContain('grün ] "x"');
    const data = first!['structured-data']!;
    expect(data).toContain('[postern@32473 id="id-virus-found" service="antivirus"');
    expect(data).toContain(String.raw`a.b="quote \" slash \\ bracket \] line"`);
    expect(data).toContain('recipients="ann@example.com"');
    expect(second!['msg']).toContain('Eicar in a.zip');
    expect(second!['msgid']).toBe('two');
  });

  it.each(ways.slice(1))('gets by %s what came while it was down', async (_way, options) => {
    await runner.setSinks([syslogSink(options())]);
    await report(reportOf('one'));
    await waitFor(() => log.said('a sink does not take incidents')[0]);
    await report(reportOf('two'));
    await startRsyslog();
    const events = (await heard(2)).map(({ msgid }) => msgid);
    expect(events).toEqual(['one', 'two']);
  });

  it.each([
    ['whose authority is not known', 'localhost', () => overTls(), /verify the first certificate/],
    ['that is for another host', 'log.example.com', () => overTls(authority.certificate), /altnames/],
  ])('is told nothing if it has a certificate %s', async (_what, host, options, cause) => {
    await startRsyslog(host);
    await runner.setSinks([syslogSink(options())]);
    await report(reportOf('one'));
    const [line] = await waitFor(() => {
      const said = log.said('a sink does not take incidents');
      return said.length > 0 ? said : undefined;
    });
    expect(line!['cause']).toMatch(cause);
    expect(linesOf(at('out')).filter((one) => one.includes('id-one'))).toEqual([]);
    expect((await store.incidents.pending({ sink: 'syslog', limit: 2 })).incidents).toHaveLength(1);
  });
});
