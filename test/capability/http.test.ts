import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { spoolOf } from '../../src/base/spool.ts';
import { imageOf } from '../../src/mail/image.ts';
import type { CallSubject, CapabilityHost, HttpGrant } from '../../src/ocp/capability.ts';
import { createCapabilityHost } from '../../src/sandbox/capabilities/host.ts';
import type { Resolve } from '../../src/sandbox/capabilities/http-address.ts';
import { httpPart } from '../../src/sandbox/capabilities/http.ts';
import { selfSigned } from '../../src/smtp/tls.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { factsOf } from '../abi/wat.ts';
import { ask, gone, httpServer, listening, rawServer, type Heard, type Local } from './asking.ts';

function hostOf(grant: HttpGrant, options: { log?: RecordingLog; resolve?: Resolve } = {}): CapabilityHost {
  const { log = new RecordingLog(), resolve } = options;
  return createCapabilityHost({
    services: [
      { name: 's', grants: { http: grant } },
      { name: 'without', grants: {} },
    ],
    parts: { http: httpPart(resolve && { resolve }) },
    log,
  });
}

const grantOf = (targets: readonly string[], more: Partial<HttpGrant> = {}): HttpGrant => ({
  targets,
  allowPrivate: false,
  requestsPerMinute: 1000,
  timeoutMs: 10_000,
  responseBytes: 100_000,
  secrets: [],
  ...more,
});

const http = (host: CapabilityHost, fields: object | string, body?: string | Uint8Array): Promise<Heard> =>
  ask(host, { service: 's', capability: 'http', fields, ...(body !== undefined && { body }) });

let directory: string;
const servers: Local[] = [];
const started = async (server: Promise<Local>): Promise<Local> => {
  servers.push(await server);
  return server;
};

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'postern-http-'));
});
afterAll(() => rm(directory, { recursive: true }));
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Says what it was asked, with octets that JSON would not survive. */
async function echo(): Promise<{ at: string; port: number; seen: Seen[] }> {
  const seen: Seen[] = [];
  const { port } = await started(
    httpServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString('latin1');
        seen.push({ method: request.method, url: request.url, headers: request.headers, body });
        response.writeHead(201, { 'X-Two': ['a', 'b'], 'Content-Type': 'text/x' });
        response.end(Buffer.from([0, 10, 13, 255, 10]));
      });
    }),
  );
  return { at: `http://127.0.0.1:${port}`, port, seen };
}

describe('a request', () => {
  it('is sent as it was asked, and answered as the server did, octet for octet', async () => {
    const { at, port, seen } = await echo();
    const heard = await http(
      hostOf(grantOf([at])),
      { method: 'POST', url: `${at}/a/b?c=d#e`, headers: { 'X-Spam': 'a\tb', 'content-type': 'text/plain' } },
      Uint8Array.of(10, 0, 255, 13, 10),
    );
    expect(heard.said).toMatchObject({ status: 201, headers: { 'x-two': 'a, b', 'content-type': 'text/x' } });
    expect(heard.body).toBe('\0\n\r\xff\n');
    expect(seen).toEqual([
      {
        method: 'POST',
        url: '/a/b?c=d',
        headers: {
          host: `127.0.0.1:${port}`,
          connection: 'close',
          'content-length': '5',
          'content-type': 'text/plain',
          'x-spam': 'a\tb',
        },
        body: '\n\0\xff\r\n',
      },
    ]);
  });

  it.each(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'])('can be a %s without a body', async (method) => {
    const { at, seen } = await echo();
    const heard = await http(hostOf(grantOf([at])), { method, url: at });
    expect(heard).toMatchObject({ said: { status: 201 }, body: method === 'HEAD' ? '' : '\0\n\r\xff\n' });
    expect(seen).toMatchObject([{ method, url: '/', body: '' }]);
  });

  it('is logged without what it says', async () => {
    const { at } = await echo();
    const log = new RecordingLog();
    await http(
      hostOf(grantOf([at]), { log }),
      { url: `${at}/token?key=hidden`, headers: { A: 'hidden' } },
      'hidden',
    );
    expect(log.said('a capability answered')).toEqual([
      { service: 's', capability: 'http', target: `GET ${at}`, requests: 1, octets: expect.any(Number) },
    ]);
    expect(JSON.stringify(log.lines)).not.toContain('hidden');
  });
});

describe('a range of the message', () => {
  const text = `Subject: x\r\n\r\n${Buffer.from('the body').toString('base64')}\r\n`;
  const asking = async (content: object, more: Partial<CallSubject> = {}, body?: string) => {
    const { at, seen } = await echo();
    const facts = { ...factsOf('message'), service: 's' };
    const subject: CallSubject = { facts, image: imageOf(spoolOf(Buffer.from(text)).handle), ...more };
    const fields = { method: 'POST', url: `${at}/checkv2`, content };
    const question = {
      service: 's',
      capability: 'http',
      fields,
      subject,
      ...(body !== undefined && { body }),
    } as const;
    return { heard: await ask(hostOf(grantOf([at])), question), seen };
  };

  it('is sent without passing through the plugin', async () => {
    const { seen } = await asking({ offset: 0, length: text.length });
    expect(seen).toMatchObject([{ body: text, headers: { 'content-length': String(text.length) } }]);
    const part = await asking({ offset: 9, length: 1 });
    expect(part.seen).toMatchObject([{ body: 'x' }]);
    const none = await asking({ offset: 0, length: 0 });
    expect(none.seen).toMatchObject([{ body: '', headers: { 'content-length': '0' } }]);
  });

  it('is sent decoded, in chunks since nobody knows its length', async () => {
    const { seen } = await asking({ offset: 14, length: text.length - 14, encoding: 'base64' });
    expect(seen).toMatchObject([{ body: 'the body', headers: { 'transfer-encoding': 'chunked' } }]);
    expect(seen[0]!.headers['content-length']).toBeUndefined();
  });

  it.each([
    ['beyond the message', { offset: 1, length: text.length }, {}, undefined],
    ['beside a body', { offset: 0, length: 1 }, {}, 'more'],
    ['without a message', { offset: 0, length: 1 }, { image: undefined }, undefined],
    [
      'of a plugin that says it reads no body',
      { offset: 0, length: 1 },
      { isBodyWithheld: true as const },
      undefined,
    ],
  ])('%s is not sent', async (_what, content, more, body) => {
    const { image, ...rest } = { image: true, ...more };
    const { heard, seen } = await asking(
      content,
      image === undefined ? { image: undefined as never } : rest,
      body,
    );
    expect(heard).toMatchObject({ error: 'INVALID' });
    expect(seen).toEqual([]);
  });
});

describe('the grant', () => {
  it('names scheme, host and port', async () => {
    const { at, port, seen } = await echo();
    const other = await echo();
    const host = hostOf(grantOf([at]));
    const elsewhere = [
      other.at,
      `https://127.0.0.1:${port}/`,
      `http://localhost:${port}/`,
      `http://127.0.0.2:${port}/`,
      'http://127.0.0.1/',
      `http://evil.example\\@127.0.0.1:${port}/`,
      `http://[::1]:${port}/`,
    ];
    const told = await Promise.all(elsewhere.map((url) => http(host, { url })));
    expect(told.map(({ error }) => error)).toEqual(elsewhere.map(() => 'DENIED'));
    expect(await http(host, { url: `http://a:b@127.0.0.1:${port}/` })).toMatchObject({ error: 'INVALID' });
    expect([seen, other.seen]).toEqual([[], []]);
    // The same place in other words.
    await http(host, { url: `HTTP://127.0.0.1:${port}` });
    await http(host, { url: `http://0x7f000001:${port}/` });
    expect(seen).toHaveLength(2);
  });

  it('is needed', async () => {
    const { at, seen } = await echo();
    const host = hostOf(grantOf([at]));
    for (const service of ['without', 'unknown']) {
      const asked = { service, capability: 'http' as const, fields: { url: at } };
      expect(await ask(host, asked)).toMatchObject({ error: 'DENIED' });
    }
    expect(await ask(host, { service: 's', capability: 'dns', fields: {} })).toMatchObject({
      error: 'DENIED',
    });
    expect(seen).toEqual([]);
  });

  it('does not follow redirects', async () => {
    const other = await echo();
    const { port } = await started(
      httpServer((_request, response) => response.writeHead(302, { Location: other.at }).end('moved')),
    );
    const at = `http://127.0.0.1:${port}`;
    expect(await http(hostOf(grantOf([at, other.at])), { url: at })).toMatchObject({
      said: { status: 302, headers: { location: other.at } },
      body: 'moved',
    });
    expect(other.seen).toEqual([]);
  });

  it('reaches no private address by a name, unless it says so', async () => {
    const { port, seen } = await echo();
    const at = `http://localhost:${port}`;
    const refused = await http(hostOf(grantOf([at])), { url: at });
    expect(refused).toMatchObject({ error: 'DENIED' });
    expect(refused.cause).toMatch(/^localhost leads to .*127\.0\.0\.1.*, which the grant does not reach$/);
    expect(seen).toEqual([]);
    expect(await http(hostOf(grantOf([at], { allowPrivate: true })), { url: at })).toMatchObject({
      said: { status: 201 },
    });
  });

  it('judges the address that is connected to, so a name that changes its mind gains nothing', async () => {
    const { port, seen } = await echo();
    const at = `http://rebinding.example:${port}`;
    const answers = ['127.0.0.1', '169.254.169.254', '127.0.0.1'];
    let asked = 0;
    const resolve: Resolve = (_name, _options, callback) =>
      callback(null, [{ address: answers[asked++]!, family: 4 }]);
    const host = hostOf(grantOf([at], { allowPrivate: true }), { resolve });
    // One look-up a request: what it says is judged, and is where the connection goes.
    expect(await http(host, { url: at })).toMatchObject({ said: { status: 201 } });
    expect(await http(host, { url: at })).toMatchObject({ error: 'DENIED' });
    const without = hostOf(grantOf([at]), { resolve });
    expect(await http(without, { url: at })).toMatchObject({ error: 'DENIED' });
    expect(asked).toBe(3);
    expect(seen).toMatchObject([{ headers: { host: `rebinding.example:${port}` } }]);
  });

  it('allows so many requests a minute, and warns once', async () => {
    const { at, seen } = await echo();
    const log = new RecordingLog();
    const host = hostOf(grantOf([at], { requestsPerMinute: 3 }), { log });
    const heard: Heard[] = [];
    for (let request = 0; request < 8; request++) heard.push(await http(host, { url: at }));
    expect(heard.map(({ error }) => error)).toEqual([...Array(3).fill(undefined), ...Array(5).fill('LIMIT')]);
    expect(seen).toHaveLength(3);
    expect(log.lines.filter(({ level }) => level === 'warn')).toEqual([
      {
        level: 'warn',
        message: 'a service has met the limit of a grant',
        fields: {
          service: 's',
          capability: 'http',
          cause: 'it would be more than 3 requests in a minute',
        },
      },
    ]);
  });

  it('warns of a target that the grant does not have, once, and not where nothing is granted', async () => {
    const { at } = await echo();
    const log = new RecordingLog();
    const host = hostOf(grantOf([at]), { log });
    for (let request = 0; request < 3; request++) {
      expect(await http(host, { url: 'http://127.0.0.1:9/' })).toMatchObject({ error: 'DENIED' });
      const without = await ask(host, { service: 't', capability: 'http', fields: { url: at } });
      expect(without).toMatchObject({ error: 'DENIED' });
    }
    expect(log.lines.filter(({ level }) => level === 'warn')).toMatchObject([
      { message: 'a service asked for what its grant does not have', fields: { service: 's' } },
    ]);
  });
});

describe('secrets', () => {
  it('are sent, and never told', async () => {
    const { at, seen } = await echo();
    const file = join(directory, 'token');
    await writeFile(file, 'Bearer hidden-token\n');
    const log = new RecordingLog();
    const grant = grantOf([at], { secrets: [{ header: 'Authorization', file }] });
    const host = hostOf(grant, { log });
    expect(await http(host, { url: at })).toMatchObject({ said: { status: 201 } });
    expect(seen[0]!.headers.authorization).toBe('Bearer hidden-token');
    expect(await http(host, { url: at, headers: { authorization: 'mine' } })).toEqual({
      error: 'INVALID',
      cause: 'the header field authorization is put in by the host',
    });
    await writeFile(file, 'Bearer another');
    await http(host, { url: at });
    expect(seen[1]!.headers.authorization).toBe('Bearer another');
    await rm(file);
    expect(await http(host, { url: at })).toEqual({
      error: 'UNAVAILABLE',
      cause: `the secret for Authorization can't be read from ${file}: ENOENT`,
    });
    expect(seen).toHaveLength(2);
    for (const text of ['hidden\r\nX-More: 1', '', 'hidd\0en', 'hidden\u00fc']) {
      await writeFile(file, text);
      const heard = await http(host, { url: at });
      expect(heard.error).toBe('UNAVAILABLE');
      expect(heard.cause).not.toContain('hidd');
    }
    expect(seen).toHaveLength(2);
    expect(JSON.stringify(log.lines)).not.toContain('hidden');
  });
});

describe('a server that', () => {
  const talking = async (text: string | Uint8Array, more: Partial<HttpGrant> = {}) => {
    const server = await started(
      rawServer((socket) => {
        socket.once('data', () => socket.end(text));
      }),
    );
    const url = `http://127.0.0.1:${server.port}/`;
    return http(hostOf(grantOf([url], more)), { url });
  };

  it.each([
    ['says nothing', ''],
    ['speaks another language', '220 mail.example.net ESMTP\r\n'],
    ['ends before its body does', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort'],
    ['ends within a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab'],
    ['gives two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
    [
      'gives a length and chunks',
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['gives no number for its length', 'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nab'],
    ['has a header without an end', `HTTP/1.1 200 OK\r\nA: ${'x'.repeat(100_000)}`],
    [
      'wants another protocol',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nabc',
    ],
    ['only goes on', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(1000)],
  ])('%s is out of order', async (_what, text) => {
    expect(await talking(text)).toMatchObject({ error: 'UNAVAILABLE' });
  });

  it('ends its body with the connection is well', async () => {
    expect(await talking('HTTP/1.0 200 OK\r\n\r\nabc')).toMatchObject({ said: { status: 200 }, body: 'abc' });
  });

  it.each([
    ['says that it sends too much', 'HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nabc'],
    ['sends too much', `HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(1001)}`],
    [
      'sends too much in chunks',
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n${'x'.repeat(1001)}\r\n0\r\n\r\n`,
    ],
  ])('%s meets the limit', async (_what, text) => {
    expect(await talking(text, { responseBytes: 1000 })).toEqual({
      error: 'LIMIT',
      cause: "the response's body has more than 1000 octets",
    });
    expect(
      await talking(`HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(1000)}`, { responseBytes: 1000 }),
    ).toMatchObject({
      body: 'x'.repeat(1000),
    });
  });

  it('never stops sending is left', async () => {
    const server = await started(
      rawServer((socket) => {
        socket.resume();
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        const flood = (): void => {
          while (!socket.destroyed && socket.write(Buffer.alloc(65_536)));
        };
        socket.on('drain', flood);
        flood();
      }),
    );
    const url = `http://127.0.0.1:${server.port}/`;
    expect(await http(hostOf(grantOf([url])), { url })).toMatchObject({ error: 'LIMIT' });
    await gone(server.sockets[0]!);
  });

  it.each([
    ['never answers', ''],
    ['never comes to its end', 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n'],
    ['never ends its header', 'HTTP/1.1 200 OK\r\nX: '],
  ])('%s, or hardly, is left in time', async (_what, text) => {
    const server = await started(
      rawServer((socket) => {
        socket.resume();
        socket.write(text);
        const timer = setInterval(() => text !== '' && socket.write('x'), 20);
        socket.on('close', () => clearInterval(timer));
      }),
    );
    const url = `http://127.0.0.1:${server.port}/`;
    expect(await http(hostOf(grantOf([url], { timeoutMs: 200 })), { url })).toEqual({
      error: 'UNAVAILABLE',
      cause: 'there was no whole response within 200 ms',
    });
    await gone(server.sockets[0]!);
  });

  it('keeps a call waiting that has ended is left at once', async () => {
    const abort = new AbortController();
    const server = await started(
      rawServer((socket) => {
        socket.resume();
        abort.abort();
      }),
    );
    const url = `http://127.0.0.1:${server.port}/`;
    const asked = { service: 's', capability: 'http' as const, fields: { url }, signal: abort.signal };
    expect(await ask(hostOf(grantOf([url])), asked)).toMatchObject({ error: 'UNAVAILABLE' });
    await gone(server.sockets[0]!);
    expect(await ask(hostOf(grantOf([url])), asked)).toMatchObject({ error: 'UNAVAILABLE' });
    expect(server.sockets).toHaveLength(1);
  });

  it('is not there is out of order', async () => {
    const server = await rawServer(() => {});
    await server.close();
    const url = `http://127.0.0.1:${server.port}/`;
    expect(await http(hostOf(grantOf([url])), { url })).toMatchObject({
      error: 'UNAVAILABLE',
      cause: expect.stringContaining('ECONNREFUSED'),
    });
    const nowhere = 'http://name.invalid/';
    expect(await http(hostOf(grantOf([nowhere])), { url: nowhere })).toMatchObject({ error: 'UNAVAILABLE' });
  });
});

describe('https', () => {
  it('is verified by what the system trusts, and by its name', async () => {
    const identity = await selfSigned('localhost');
    const server = await started(
      listening(createHttpsServer(identity, (_request, response) => response.end('safe'))),
    );
    const named = `https://localhost:${server.port}`;
    const numbered = `https://127.0.0.1:${server.port}`;
    const host = () => hostOf(grantOf([named, numbered], { allowPrivate: true }));
    expect(await http(host(), { url: named })).toMatchObject({
      error: 'UNAVAILABLE',
      cause: expect.stringMatching(/self.signed/),
    });

    const file = join(directory, 'ca.pem');
    await writeFile(file, identity.cert);
    const before = process.env['SSL_CERT_FILE'];
    process.env['SSL_CERT_FILE'] = file;
    try {
      expect(await http(host(), { url: named })).toMatchObject({ said: { status: 200 }, body: 'safe' });
      expect(await http(host(), { url: numbered })).toMatchObject({
        error: 'UNAVAILABLE',
        cause: expect.stringContaining("does not match certificate's altnames"),
      });
      process.env['SSL_CERT_FILE'] = join(directory, 'none.pem');
      expect(await http(host(), { url: named })).toMatchObject({
        error: 'UNAVAILABLE',
        cause: expect.stringContaining('there is nothing to verify servers by: ENOENT'),
      });
    } finally {
      if (before === undefined) delete process.env['SSL_CERT_FILE'];
      else process.env['SSL_CERT_FILE'] = before;
    }
  });
});

describe('a plugin that', () => {
  it.each<[string, string | object]>([
    ['sends no JSON', 'GET /'],
    ['sends nothing', ''],
    ['sends a list', '[]'],
    ['sends null', 'null'],
    ['sends a key twice', '{"url":"http://127.0.0.1/","url":"http://10.0.0.1/"}'],
    ['sends __proto__', '{"url":"http://127.0.0.1/","__proto__":{}}'],
    ['sends an unknown key', { url: 'http://127.0.0.1/', timeout: 1 }],
    ['nests deeply', `{"url":${'['.repeat(30_000)}${']'.repeat(30_000)}}`],
    ['names no URL', {}],
    ['names no address', { url: '/path' }],
    ['names a file', { url: 'file:///etc/passwd' }],
    ['names another protocol', { url: 'gopher://127.0.0.1/' }],
    ['puts a line end into the URL', { url: 'http://127.0.0.1/\r\nHost: a' }],
    ['puts NUL into the URL', { url: 'http://127.0.0.1/\0' }],
    ['puts a space into the URL', { url: 'http://127.0.0.1/ HTTP/1.1' }],
    ['puts umlauts into the URL', { url: 'http://127.0.0.1/ü' }],
    ['has a URL without end', { url: `http://127.0.0.1/${'a'.repeat(9000)}` }],
    ['tunnels', { url: 'http://127.0.0.1/', method: 'CONNECT' }],
    ['wants to see what is sent', { url: 'http://127.0.0.1/', method: 'TRACE' }],
    ['puts a line end into the method', { url: 'http://127.0.0.1/', method: 'GET / HTTP/1.1\r\n' }],
    ['puts a line end into a value', { url: 'http://127.0.0.1/', headers: { A: 'b\r\nHost: c' } }],
    ['puts LF into a value', { url: 'http://127.0.0.1/', headers: { A: 'b\nc' } }],
    ['puts NUL into a value', { url: 'http://127.0.0.1/', headers: { A: 'b\0c' } }],
    ['puts what latin1 would make LF into a value', { url: 'http://127.0.0.1/', headers: { A: 'b\u010ac' } }],
    ['puts a line end into a name', { url: 'http://127.0.0.1/', headers: { 'A: b\r\nHost': 'c' } }],
    ['has an empty name', { url: 'http://127.0.0.1/', headers: { '': 'c' } }],
    ['has no text as value', { url: 'http://127.0.0.1/', headers: { A: 1 } }],
    ['has a name twice', { url: 'http://127.0.0.1/', headers: { A: '1', a: '2' } }],
    [
      'has too many fields',
      {
        url: 'http://127.0.0.1/',
        headers: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`A${i}`, 'x'])),
      },
    ],
    ...[
      'Host',
      'connection',
      'Content-Length',
      'TRANSFER-ENCODING',
      'TE',
      'Trailer',
      'Upgrade',
      'Keep-Alive',
      'Expect',
      'Proxy-Authorization',
    ].map((name): [string, object] => [
      `sets ${name}`,
      { url: 'http://127.0.0.1/', headers: { [name]: '1' } },
    ]),
  ])('%s is told that it is invalid', async (_what, fields) => {
    const host = hostOf(grantOf(['http://127.0.0.1']));
    expect(await http(host, fields)).toMatchObject({
      error: 'INVALID',
      cause: expect.stringMatching(/^.{5,300}$/),
    });
  });

  it('sends a megabyte of JSON, or no text, is refused', async () => {
    const host = hostOf(grantOf(['http://127.0.0.1']));
    expect(await http(host, { url: 'http://127.0.0.1/', more: 'x'.repeat(1024 * 1024) })).toMatchObject({
      error: 'LIMIT',
    });
    const fields = Uint8Array.of(0x7b, 0xff, 0x7d);
    expect(await ask(host, { service: 's', capability: 'http', fields })).toMatchObject({ error: 'INVALID' });
  });
});
