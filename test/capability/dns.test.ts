import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CapabilityHost, DnsGrant } from '../../src/ocp/capability.ts';
import { dnsPart } from '../../src/sandbox/capabilities/dns.ts';
import { createCapabilityHost } from '../../src/sandbox/capabilities/host.ts';
import { createResolver } from '../../src/sandbox/capabilities/resolver.ts';
import { lacks } from '../interop/support/servers.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { startUnbound, type Unbound } from '../support/unbound.ts';
import { ask, type Heard, type Question } from './asking.ts';

const missing = lacks('unbound');
const LONG = 'x'.repeat(250);

let unbound: Unbound | undefined;
let brokenServer: Socket | undefined;
beforeAll(async () => {
  if (missing !== '') return;
  // A zone whose own server is out of order.
  const broken = await fakeServer((query, say) => say(replyTo(query, { flags: 0x8182 })));
  brokenServer = sockets.pop();
  unbound = await startUnbound({
    zones: ['example.test.', '2.0.192.in-addr.arpa.', '8.b.d.0.1.0.0.2.ip6.arpa.', 'list.test.'],
    silent: ['silent.test.'],
    refused: ['refused.test.'],
    forwarded: { zone: 'broken.test.', port: broken.port },
    records: [
      'example.test. 60 IN SOA ns.example.test. admin.example.test. 1 3600 600 86400 7',
      'example.test. 300 IN A 192.0.2.1',
      'example.test. 300 IN A 192.0.2.2',
      'example.test. 120 IN AAAA 2001:db8::1',
      'example.test. 200 IN MX 10 mx.example.test.',
      'example.test. 200 IN MX 0 .',
      'example.test. 100 IN TXT "v=spf1 include:" "example.org -all"',
      'example.test. 100 IN TXT "caf\\195\\169"',
      '_dmarc.example.test. 100 IN TXT "v=DMARC1; p=reject"',
      ...Array.from({ length: 12 }, (_, i) => `large.example.test. 50 IN TXT "${i} ${LONG}"`),
      'always.example.test. 0 IN A 192.0.2.9',
      '7.2.0.192.in-addr.arpa. 300 IN PTR mail.example.net.',
      '7.2.0.192.list.test. 30 IN A 127.0.0.2',
      `${'0.'.repeat(22)}1.list.test. 30 IN A 127.0.0.3`,
      `7.${'0.'.repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa. 300 IN PTR six.example.net.`,
    ],
  });
});
afterAll(async () => {
  await unbound?.end();
  brokenServer?.close();
});

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close();
});

/** A server that says what a test wants to each datagram; what it was asked is kept. */
async function fakeServer(
  answer: (query: Buffer, say: (reply: Buffer) => void, count: number) => void,
): Promise<{ port: number; asked: Buffer[] }> {
  const socket = createSocket('udp4');
  sockets.push(socket);
  const asked: Buffer[] = [];
  socket.on('message', (query, { port, address }) => {
    asked.push(query);
    answer(query, (reply) => socket.send(reply, port, address), asked.length);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { port: socket.address().port, asked };
}

/** The header and the question of an answer to a query. */
function replyTo(query: Buffer, { flags = 0x8180, answers = 0 } = {}): Buffer {
  // Without the record of RFC 6891 that ends it.
  const reply = Buffer.from(query.subarray(0, -11));
  reply.writeUInt16BE(flags, 2);
  reply.writeUInt16BE(answers, 6);
  reply.writeUInt16BE(0, 10);
  return reply;
}

const addressRecord = (last: number, ttl = 60): Buffer =>
  Buffer.of(0xc0, 12, 0, 1, 0, 1, 0, 0, 0, ttl, 0, 4, 192, 0, 2, last);

const GRANT: DnsGrant = { queriesPerMinute: 1000, queriesPerCall: 100, timeoutMs: 10_000 };

interface Asked {
  readonly host: CapabilityHost;
  readonly log: RecordingLog;
}

function hostOf(
  options: { grant?: Partial<DnsGrant>; ports?: readonly number[]; timeoutMs?: number } = {},
): Asked {
  const { grant, ports = [unbound!.port], timeoutMs = 5000 } = options;
  const log = new RecordingLog();
  const servers = ports.map((port) => ({ address: '127.0.0.1', port }));
  const host = createCapabilityHost({
    services: [
      { name: 's', grants: { dns: { ...GRANT, ...grant } } },
      { name: 'without', grants: {} },
    ],
    parts: { dns: dnsPart(createResolver({ servers, timeoutMs })) },
    log,
  });
  return { host, log };
}

const look = (
  { host }: Asked,
  fields: object,
  { service = 's', ...more }: Partial<Pick<Question, 'service' | 'call' | 'signal'>> = {},
): Promise<Heard> => ask(host, { service, capability: 'dns', fields, ...more });

describe.skipIf(missing !== '')(`a look-up with unbound${missing}`, () => {
  it.each([
    [
      { type: 'A', name: 'example.test' },
      { result: 'found', ttl: 300, records: ['192.0.2.1', '192.0.2.2'] },
    ],
    [
      { type: 'AAAA', name: 'EXAMPLE.test.' },
      { result: 'found', ttl: 120, records: ['2001:db8::1'] },
    ],
    [
      { type: 'MX', name: 'example.test' },
      {
        result: 'found',
        ttl: 200,
        records: [
          { priority: 0, exchange: '' },
          { priority: 10, exchange: 'mx.example.test' },
        ],
      },
    ],
    [
      { type: 'TXT', name: 'example.test' },
      { result: 'found', ttl: 100, records: ['café', 'v=spf1 include:example.org -all'] },
    ],
    [
      { type: 'TXT', name: '_dmarc.example.test' },
      { result: 'found', ttl: 100, records: ['v=DMARC1; p=reject'] },
    ],
    [
      { type: 'PTR', name: '7.2.0.192.in-addr.arpa' },
      { result: 'found', ttl: 300, records: ['mail.example.net'] },
    ],
    [
      { type: 'PTR', address: '192.0.2.7' },
      { result: 'found', ttl: 300, records: ['mail.example.net'] },
    ],
    [
      { type: 'PTR', address: '2001:db8::7' },
      { result: 'found', ttl: 300, records: ['six.example.net'] },
    ],
    [
      { type: 'A', address: '192.0.2.7', name: 'list.test' },
      { result: 'found', ttl: 30, records: ['127.0.0.2'] },
    ],
    [
      { type: 'A', address: '192.0.2.8', name: 'list.test' },
      { result: 'nxdomain', records: [] },
    ],
    [
      { type: 'A', name: 'none.example.test' },
      { result: 'nxdomain', ttl: 7, records: [] },
    ],
    [
      { type: 'PTR', name: 'example.test' },
      { result: 'nodata', ttl: 7, records: [] },
    ],
  ])('%j says %j', async (fields, expected) => {
    const { said } = await look(hostOf(), fields);
    const records = (said!['records'] as unknown[]).toSorted((a, b) =>
      JSON.stringify(a) < JSON.stringify(b) ? -1 : 1,
    );
    const sorted = [...expected.records].toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    expect({ ...said, records }).toMatchObject({ ...expected, records: sorted });
  });

  it('goes over TCP where the answer does not fit into a datagram', async () => {
    const { said } = await look(hostOf(), { type: 'TXT', name: 'large.example.test' });
    const records = said!['records'] as string[];
    expect(records.toSorted()).toEqual(Array.from({ length: 12 }, (_, i) => `${i} ${LONG}`).toSorted());
  });

  it.each([
    ['SERVFAIL', 'a.broken.test'],
    ['REFUSED', 'a.refused.test'],
  ])('is out of order where the answer is %s', async (code, name) => {
    const heard = await look(hostOf(), { type: 'A', name });
    expect(heard).toMatchObject({ error: 'UNAVAILABLE', cause: expect.stringContaining(`answered ${code}`) });
  });

  it('is out of order where there is no answer, after the time of the server or of the grant', async () => {
    const name = 'a.silent.test';
    expect(await look(hostOf({ timeoutMs: 150 }), { type: 'A', name })).toEqual({
      error: 'UNAVAILABLE',
      cause: `A ${name}: 127.0.0.1 port ${unbound!.port} did not answer within 150 ms`,
    });
    const impatient = hostOf({ grant: { timeoutMs: 200 } });
    const call = {};
    const late = { error: 'UNAVAILABLE', cause: `A ${name}: there was no answer in time` };
    expect(await look(impatient, { type: 'A', name }, { call })).toEqual(late);
    // The time is that of the call, whatever it goes on to ask.
    expect(await look(impatient, { type: 'A', name: 'example.test' }, { call })).toEqual({
      error: 'UNAVAILABLE',
      cause: 'the queries of this call have taken 200 ms already',
    });
    expect(await look(impatient, { type: 'A', name: 'example.test' })).toMatchObject({
      said: { result: 'found' },
    });
  });
});

describe('the grant', () => {
  it('is needed', async () => {
    const asked = hostOf({ ports: [1] });
    const fields = { type: 'A', name: 'example.test' };
    for (const service of ['without', 'unknown'])
      expect(await look(asked, fields, { service })).toMatchObject({ error: 'DENIED' });
  });

  it('names what may be looked up', async () => {
    const { port, asked: seen } = await fakeServer((query, say) => say(replyTo(query)));
    const asked = hostOf({ grant: { names: ['one.test', '*.list.test'] }, ports: [port] });
    const told: (string | undefined)[] = [];
    const names = ['one.test', 'ONE.TEST.', 'a.list.test', 'a.b.list.test'];
    const others = ['a.one.test', 'list.test', 'xlist.test', 'a.xlist.test', 'one.test.other.test', 'test'];
    for (const name of [...names, ...others]) told.push((await look(asked, { type: 'A', name })).error);
    expect(told).toEqual([...names.map(() => undefined), ...others.map(() => 'DENIED')]);
    const address = '192.0.2.7';
    expect(await look(asked, { type: 'A', address, name: 'list.test' })).toMatchObject({ said: {} });
    expect(await look(asked, { type: 'PTR', address })).toMatchObject({ error: 'DENIED' });
    // `ONE.TEST.` was known by then.
    expect(seen).toHaveLength(5);
  });

  it('bounds queries in a call and in a minute, and the latter is a warning', async () => {
    const { port, asked: seen } = await fakeServer((query, say) => say(replyTo(query)));
    const asked = hostOf({ grant: { queriesPerCall: 3, queriesPerMinute: 7 }, ports: [port] });
    const told: (string | undefined)[] = [];
    for (const [nth, call] of [{}, {}, {}].entries())
      for (let query = 0; query < 4; query++)
        told.push((await look(asked, { type: 'A', name: `n${nth}x${query}.test` }, { call })).error);
    const [ok, no] = [undefined, 'LIMIT'];
    expect(told).toEqual([ok, ok, ok, no, ok, ok, ok, no, ok, no, no, no]);
    expect(seen).toHaveLength(7);
    expect(asked.log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });
});

it.each([
  ['{}', 'at type'],
  [{ type: 'ANY', name: 'a.test' }, 'at type'],
  [{ type: 'A' }, 'neither a name nor an address'],
  [{ type: 'A', name: '' }, 'its name is not one of DNS'],
  [{ type: 'A', name: 'a..test' }, 'its name is not one of DNS'],
  [{ type: 'A', name: 'bücher.test' }, 'its name is not one of DNS'],
  [{ type: 'A', name: `${'a'.repeat(64)}.test` }, 'its name is not one of DNS'],
  [{ type: 'A', name: 'a.'.repeat(127) + 'a' }, 'at name'],
  [{ type: 'A', name: `${'a.'.repeat(120)}test`, address: '2001:db8::1' }, 'too long'],
  [{ type: 'A', address: '192.0.2.999' }, 'its address is not one of'],
  [{ type: 'A', address: 'fe80::1%eth0' }, 'its address is not one of'],
  [{ type: 'A', name: 'a.test', port: 53 }, 'Unrecognized key'],
])('%j can not be asked', async (fields, cause) => {
  expect(await look(hostOf({ ports: [1] }), fields as object)).toEqual({
    error: 'INVALID',
    cause: expect.stringContaining(cause),
  });
});

describe('an answer', () => {
  const foundAs = (last: number, ttl = 60) =>
    fakeServer((query, say) =>
      say(Buffer.concat([replyTo(query, { answers: 1 }), addressRecord(last, ttl)])),
    );
  const fields = { type: 'A', name: 'a.test' };

  it('is kept for as long as it holds, also that there is none, and one that holds for no time is not', async () => {
    const kept = await foundAs(1);
    const asked = hostOf({ ports: [kept.port] });
    for (let i = 0; i < 5; i++)
      expect(await look(asked, fields)).toMatchObject({ said: { result: 'found' } });
    expect(kept.asked).toHaveLength(1);

    const passing = await foundAs(1, 0);
    const again = hostOf({ ports: [passing.port] });
    for (let i = 0; i < 3; i++) expect(await look(again, fields)).toMatchObject({ said: { ttl: 0 } });
    expect(passing.asked).toHaveLength(3);
  });

  it('is asked for once, however many wait, and no more when nobody does', async () => {
    let release: (() => void) | undefined;
    const { port, asked: seen } = await fakeServer((query, say) => {
      release = () => say(Buffer.concat([replyTo(query, { answers: 1 }), addressRecord(1)]));
    });
    const asked = hostOf({ ports: [port] });
    const impatient = new AbortController();
    const left = look(asked, fields, { signal: impatient.signal });
    const waiting = Array.from({ length: 20 }, () => look(asked, fields));
    await expect.poll(() => seen.length).toBe(1);
    impatient.abort();
    expect(await left).toMatchObject({ error: 'UNAVAILABLE' });
    release!();
    for (const heard of await Promise.all(waiting))
      expect(heard).toMatchObject({ said: { result: 'found' } });
    expect(seen).toHaveLength(1);

    const alone = new AbortController();
    const last = look(asked, { type: 'A', name: 'b.test' }, { signal: alone.signal });
    await expect.poll(() => seen.length).toBe(2);
    alone.abort();
    expect(await last).toMatchObject({ error: 'UNAVAILABLE' });
    // That nobody waited for it is no failure of the name.
    const next = look(asked, { type: 'A', name: 'b.test' });
    await expect.poll(() => seen.length).toBe(3);
    release!();
    expect(await next).toMatchObject({ said: { result: 'found' } });
  });

  it('that is a failure is kept for a few seconds', async () => {
    const { port, asked: seen } = await fakeServer((query, say) => say(replyTo(query, { flags: 0x8182 })));
    const asked = hostOf({ ports: [port] });
    for (let i = 0; i < 5; i++) expect(await look(asked, fields)).toMatchObject({ error: 'UNAVAILABLE' });
    expect(seen).toHaveLength(2);
  });

  it('comes from the next server where one gives none', async () => {
    const dead = await fakeServer(() => {});
    const broken = await fakeServer((query, say) => say(replyTo(query, { flags: 0x8182 })));
    const well = await foundAs(3);
    const asked = hostOf({ ports: [dead.port, broken.port, well.port], timeoutMs: 200 });
    expect(await look(asked, fields)).toMatchObject({ said: { records: ['192.0.2.3'] } });
  });

  it('to another question, or with another identifier, is passed over', async () => {
    const { port } = await fakeServer((query, say) => {
      const right = Buffer.concat([replyTo(query, { answers: 1 }), addressRecord(1)]);
      const forged = Buffer.concat([replyTo(query, { answers: 1 }), addressRecord(66)]);
      const identifier = Buffer.from(forged);
      identifier.writeUInt16BE((identifier.readUInt16BE(0) + 1) % 0x1_0000, 0);
      say(identifier);
      // Nor does one that is malformed end the waiting.
      say(identifier.subarray(0, -10));
      const name = Buffer.from(forged);
      name[13] = 'b'.charCodeAt(0);
      say(name);
      const type = Buffer.from(forged);
      type[21] = 28;
      say(type);
      say(query);
      say(right);
    });
    const { said } = await look(hostOf({ ports: [port] }), fields);
    expect(said).toMatchObject({ records: ['192.0.2.1'] });
  });

  it.each<[string, (query: Buffer) => Buffer]>([
    [
      'ends too early',
      (query) => Buffer.concat([replyTo(query, { answers: 1 }), addressRecord(1).subarray(0, 13)]),
    ],
    ['counts more than there is', (query) => replyTo(query, { answers: 9 })],
    [
      'has a name that points to itself',
      (query) => {
        const reply = replyTo(query, { answers: 1 });
        return Buffer.concat([reply, Buffer.of(0xc0, reply.length), addressRecord(1).subarray(2)]);
      },
    ],
    [
      'has a name by way of many pointers',
      (query) => {
        const reply = replyTo(query, { answers: 1 });
        const at = reply.length + 12;
        const pointers = Buffer.alloc(400);
        for (let i = 1; i < 200; i++)
          pointers.writeUInt16BE(0xc000 | (at + (i === 1 ? 0 : 2 * i - 2)), 2 * i);
        const mx = Buffer.of(0xc0, 12, 0, 15, 0, 1, 0, 0, 0, 60, 400 >> 8, 400 & 0xff);
        const owned = Buffer.concat([pointers.subarray(-2), addressRecord(1).subarray(2)]);
        reply.writeUInt16BE(2, 6);
        return Buffer.concat([reply, mx, pointers, owned]);
      },
    ],
    [
      'has a name without an end',
      (query) => Buffer.concat([replyTo(query, { answers: 1 }), Buffer.alloc(600, Buffer.of(1, 0x61))]),
    ],
  ])('that %s is no answer', async (_what, reply) => {
    const { port } = await fakeServer((query, say) => say(reply(query)));
    expect(await look(hostOf({ ports: [port] }), fields)).toMatchObject({ error: 'UNAVAILABLE' });
  });

  it('can not be had where nobody listens', async () => {
    const { port } = await foundAs(1);
    sockets.pop()!.close();
    expect(await look(hostOf({ ports: [port] }), fields)).toEqual({
      error: 'UNAVAILABLE',
      cause: expect.stringContaining('ECONNREFUSED'),
    });
  });
});
