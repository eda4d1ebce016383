import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { imageOf, type MessageImage } from '../../src/mail/image.ts';
import type { CallSubject, CapabilityHost, ScanGrant, Scanner } from '../../src/ocp/capability.ts';
import { scanWith } from '../../src/sandbox/capabilities/clamd.ts';
import { EICAR, MARK, startClamd, type Clamd } from '../interop/support/clamd.ts';
import { lacks } from '../interop/support/servers.ts';
import { ask, gone, rawServer, type Heard, type Local } from './asking.ts';
import { realCapabilities, type RealCapabilities } from './real.ts';

const GRANT: ScanGrant = { scanner: 'clamav', requestsPerMinute: 1000, bytesPerMinute: 2 ** 30 };
const LIMITS = { timeoutMs: 20_000, maxBytes: 8 * 2 ** 20 };

let directory: string;
const open: RealCapabilities[] = [];
const servers: Local[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'postern-scan-'));
});
afterAll(() => rm(directory, { recursive: true }));
afterEach(async () => {
  for (const capabilities of open.splice(0)) await capabilities.close();
  for (const server of servers.splice(0)) await server.close();
});

async function hostWith(
  endpoint: Scanner['endpoint'],
  { grant = {}, scanner = {} }: { grant?: Partial<ScanGrant>; scanner?: Partial<Scanner> } = {},
): Promise<CapabilityHost> {
  const services = [
    { name: 's', grants: { scan: { ...GRANT, ...grant } } },
    { name: 'without', grants: {} },
  ];
  const scanners = [{ name: 'clamav', endpoint, ...LIMITS, ...scanner }];
  const capabilities = await realCapabilities(services, { scanners });
  open.push(capabilities);
  return capabilities.host;
}

const scan = (host: CapabilityHost, body: string | Uint8Array, signal?: AbortSignal): Promise<Heard> =>
  ask(host, { service: 's', capability: 'scan', fields: {}, body, ...(signal && { signal }) });

const scanIn = (host: CapabilityHost, image: MessageImage, content: object): Promise<Heard> =>
  ask(host, { service: 's', capability: 'scan', fields: { content }, subject: atMessage(image) });

const atMessage = (image: MessageImage): CallSubject => ({
  facts: {
    stage: 'message',
    session: '01jsession',
    service: '',
    listener: { name: 'inbound', protocol: 'smtp' },
    client: { address: '192.0.2.7', port: 40312 },
  },
  image,
});

async function fileImage(octets: Uint8Array): Promise<MessageImage> {
  const path = join(directory, 'message');
  await writeFile(path, octets);
  return imageOf({ kind: 'file', path, size: octets.length });
}

const missing = lacks('clamd');

describe.skipIf(missing !== '')(`with clamd${missing}`, () => {
  let clamd: Clamd;

  beforeAll(async () => {
    clamd = await startClamd({ directory, lines: ['StreamMaxLength 1M'] });
  }, 60_000);
  afterAll(() => clamd?.stop());

  it('tells a virus from what is none, by TCP and by a Unix socket', async () => {
    for (const endpoint of [{ host: '127.0.0.1', port: clamd.port }, { path: clamd.socket }]) {
      const host = await hostWith(endpoint);
      expect(await scan(host, EICAR)).toEqual({ said: { clean: false, name: 'Eicar-Signature.UNOFFICIAL' } });
      expect(await scan(host, `begin ${MARK} end`)).toMatchObject({
        said: { name: 'Postern.Mark.UNOFFICIAL' },
      });
      expect(await scan(host, 'harmless')).toEqual({ said: { clean: true } });
      expect(await scan(host, '')).toEqual({ said: { clean: true } });
      expect(await scan(host, randomBytes(900_000))).toEqual({ said: { clean: true } });
    }
  });

  it('scans a range of the message, with its encoding undone', async () => {
    const host = await hostWith({ path: clamd.socket });
    const base64 = Buffer.from(EICAR).toString('base64');
    const head = 'Subject: x\r\n\r\n';
    const image = await fileImage(Buffer.from(`${head}${base64}\r\n${EICAR}`));
    const at = (offset: number, length: number, encoding?: string): Promise<Heard> =>
      scanIn(host, image, { offset, length, ...(encoding && { encoding }) });
    expect((await at(head.length, base64.length, 'BASE64')).said).toMatchObject({ clean: false });
    expect((await at(head.length, base64.length)).said).toEqual({ clean: true });
    expect((await at(head.length + base64.length + 2, EICAR.length)).said).toMatchObject({ clean: false });
    expect(await at(image.size - 1, 2)).toMatchObject({ error: 'INVALID' });
  });

  it('scans many at a time', async () => {
    const host = await hostWith({ path: clamd.socket });
    const heard = await Promise.all(Array.from({ length: 40 }, (_, i) => scan(host, i % 2 ? EICAR : `${i}`)));
    expect(heard.filter(({ said }) => said?.['clean'] === false)).toHaveLength(20);
    expect(heard.filter(({ said }) => said?.['clean'] === true)).toHaveLength(20);
  });

  it("takes clamd's own limit for a limit, and goes on after it", async () => {
    const host = await hostWith({ path: clamd.socket });
    expect(await scan(host, Buffer.alloc(3 * 2 ** 20, 'x'))).toMatchObject({
      error: 'LIMIT',
      cause: expect.stringContaining('StreamMaxLength') as string,
    });
    expect((await scan(host, EICAR)).said).toMatchObject({ clean: false });
  });

  it('says that it is out of order while it does not run, and not after', async () => {
    const host = await hostWith({ path: clamd.socket });
    await clamd.stop('SIGKILL');
    expect(await scan(host, EICAR)).toMatchObject({ error: 'UNAVAILABLE' });
    await clamd.start();
    expect((await scan(host, EICAR)).said).toMatchObject({ clean: false });
  });

  it('gives no verdict if it dies while it is told', async () => {
    async function* octets(): AsyncIterable<Uint8Array> {
      yield Buffer.from(EICAR);
      await clamd.stop('SIGKILL');
      yield Buffer.alloc(100_000);
    }
    const scanner = { name: 'clamav', endpoint: { path: clamd.socket }, ...LIMITS };
    const content = { encodedSize: 100_068, octets };
    const result = await scanWith(scanner, { content, signal: new AbortController().signal });
    expect(result.kind).toBe('outage');
    await clamd.start();
  });
});

describe('what a scanner may do', () => {
  const talking = async (talk: (socket: Socket) => void): Promise<Local> => {
    const server = await rawServer(talk);
    servers.push(server);
    return server;
  };
  const scanner = (server: Local): Scanner['endpoint'] => ({ host: '127.0.0.1', port: server.port });

  it.each([
    ['says garbage', 'hello there\0'],
    ['says an error', 'INSTREAM: lstat() failed. ERROR\0'],
    ['names nothing', 'stream: FOUND\0'],
    ['says nothing and goes', ''],
    ['stops in the middle', 'stream: O'],
    ['speaks of another file', '/etc/passwd: OK\0'],
  ])('%s: no verdict', async (_, said) => {
    const server = await talking((socket) => {
      socket.resume();
      socket.end(said);
    });
    expect(await scan(await hostWith(scanner(server)), EICAR)).toMatchObject({ error: 'UNAVAILABLE' });
  });

  it('never ends its reply: no verdict', async () => {
    const server = await talking((socket) => {
      socket.resume();
      socket.write('x'.repeat(100_000));
    });
    expect(await scan(await hostWith(scanner(server)), EICAR)).toMatchObject({ error: 'UNAVAILABLE' });
  });

  it('names what steers terminals: made printable and cut', async () => {
    const server = await talking((socket) => {
      socket.resume();
      socket.end(`stream: A\u001b[31m${'x'.repeat(1000)} FOUND\0`);
    });
    const { said } = await scan(await hostWith(scanner(server)), 'x');
    expect(said?.['name']).toMatch(/^A\?\[31mx{100,200}$/);
  });

  it.each([
    ['reads nothing', (socket: Socket) => socket.pause()],
    ['reads all and says nothing', (socket: Socket) => socket.resume()],
  ])('%s: out of order after the time of its config, its connection closed', async (_, talk) => {
    const server = await talking(talk);
    const host = await hostWith(scanner(server), { scanner: { timeoutMs: 300, maxBytes: 2 ** 26 } });
    expect(await scan(host, Buffer.alloc(8 * 2 ** 20 - 100))).toMatchObject({
      error: 'UNAVAILABLE',
      cause: expect.stringContaining('no verdict within 300 ms') as string,
    });
    server.sockets[0]!.resume();
    await gone(server.sockets[0]!);
  });

  it('does not outlive the call that asks', async () => {
    const server = await talking((socket) => socket.resume());
    const host = await hostWith(scanner(server));
    const caller = new AbortController();
    const waiting = scan(host, EICAR, caller.signal);
    await expect.poll(() => server.sockets.length, { timeout: 20_000 }).toBe(1);
    caller.abort();
    expect(await waiting).toMatchObject({ error: 'UNAVAILABLE' });
    await gone(server.sockets[0]!);
    expect(await scan(host, EICAR, AbortSignal.abort())).toMatchObject({ error: 'UNAVAILABLE' });
  });

  it('is not there: out of order', async () => {
    const host = await hostWith({ path: join(directory, 'no-such-socket') });
    expect(await scan(host, EICAR)).toMatchObject({ error: 'UNAVAILABLE' });
  });
});

describe('what is refused', () => {
  const CLEAN = (socket: Socket): void => {
    socket.on('data', (octets: Buffer) => {
      if (octets.subarray(-4).equals(Buffer.alloc(4))) socket.end('stream: OK\0');
    });
  };
  let server: Local;
  beforeAll(async () => {
    server = await rawServer(CLEAN);
  });
  afterAll(() => server.close());
  const endpoint = (): Scanner['endpoint'] => ({ host: '127.0.0.1', port: server.port });

  it('is a service without the grant, and one whose scanner there is not', async () => {
    const host = await hostWith(endpoint());
    expect(await ask(host, { service: 'without', capability: 'scan', fields: {}, body: 'x' })).toMatchObject({
      error: 'DENIED',
    });
    const other = await hostWith(endpoint(), { grant: { scanner: 'sophos' } });
    expect(await scan(other, 'x')).toMatchObject({ error: 'UNAVAILABLE' });
  });

  it('is a request of another form', async () => {
    const host = await hostWith(endpoint());
    for (const fields of ['', '[]', '{"file":"/etc/passwd"}', '{"content":{"offset":-1,"length":1}}']) {
      expect(await ask(host, { service: 's', capability: 'scan', fields })).toMatchObject({
        error: 'INVALID',
      });
    }
    const both = { service: 's', capability: 'scan', fields: { content: { offset: 0, length: 1 } } } as const;
    expect(await ask(host, { ...both, body: 'x' })).toMatchObject({ error: 'INVALID' });
    expect(await ask(host, both)).toMatchObject({ error: 'INVALID' });
  });

  it('is more than the scanner takes, also if it only shows with the encoding undone', async () => {
    const host = await hostWith(endpoint(), { scanner: { maxBytes: 1000 } });
    expect(await scan(host, 'x'.repeat(1000))).toEqual({ said: { clean: true } });
    expect(await scan(host, 'x'.repeat(1001))).toMatchObject({ error: 'LIMIT' });
    const image = await fileImage(Buffer.from(Buffer.alloc(1001).toString('base64')));
    const content = { offset: 0, length: image.size, encoding: 'base64' };
    expect(await scanIn(host, image, content)).toMatchObject({ error: 'LIMIT' });
    expect(await scanIn(host, image, { ...content, length: 1332 })).toEqual({ said: { clean: true } });
  });

  it('is more than the grant allows in a minute, scans and octets', async () => {
    const few = await hostWith(endpoint(), { grant: { requestsPerMinute: 2 } });
    const answers = [await scan(few, 'x'), await scan(few, 'x'), await scan(few, 'x')];
    expect(answers.map(({ error }) => error)).toEqual([undefined, undefined, 'LIMIT']);
    const little = await hostWith(endpoint(), { grant: { bytesPerMinute: 2500 } });
    const sizes = [1000, 1000, 1000, 400];
    const heard = [];
    for (const size of sizes) heard.push((await scan(little, 'x'.repeat(size))).error);
    expect(heard).toEqual([undefined, undefined, 'LIMIT', undefined]);
  });

  it('is a message that can not be read', async () => {
    const host = await hostWith(endpoint());
    const image = await fileImage(Buffer.alloc(100));
    await rm(join(directory, 'message'));
    expect(await scanIn(host, image, { offset: 0, length: 100 })).toMatchObject({ error: 'UNAVAILABLE' });
  });
});
