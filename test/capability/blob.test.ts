import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startWeb, type Web } from '../../src/admin/web.ts';
import { silentLog } from '../../src/base/log.ts';
import { imageOf } from '../../src/mail/image.ts';
import type { BlobGrant, CallSubject, CapabilityHost } from '../../src/ocp/capability.ts';
import { blobPart } from '../../src/sandbox/capabilities/blob.ts';
import { createCapabilityHost } from '../../src/sandbox/capabilities/host.ts';
import { openBlobFiles, type BlobFiles } from '../../src/store/blob-files.ts';
import { openSqliteStore, type SqliteStore } from '../../src/store/sqlite-store.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { FILE, putting } from './putting.ts';

/** `blob` over the real store, and the real web server that serves what was put. */
const GRANT: BlobGrant = {
  blobs: 5,
  bytes: 2_000_000,
  blobBytes: 1_000_000,
  longestMs: 3_600_000,
  putsPerMinute: 100,
};

let directory: string;
let store: SqliteStore;
let files: BlobFiles;
let web: Web;
let host: CapabilityHost;
let log: RecordingLog;

async function open(): Promise<void> {
  store = await openSqliteStore({ path: join(directory, 'store.db'), role: 'server', log: silentLog });
  files = await openBlobFiles({ directory: join(directory, 'blobs'), index: store.blobIndex, log });
  web = await serve();
  const publicUrl = `http://127.0.0.1:${web.port}`;
  const services = ['s', 't', 'watched'].map((name) => ({ name, grants: { blob: GRANT } }));
  host = createCapabilityHost({
    services: [...services, { name: 'without', grants: {} }],
    parts: { blob: blobPart({ blobs: files, publicUrl, monitored: new Set(['watched']) }) },
    log,
  });
}

const serve = (limits: { connections?: number; requestsPerMinute?: number } = {}): Promise<Web> =>
  startWeb({
    address: '127.0.0.1',
    port: 0,
    publicUrl: 'https://files.example.com/mail',
    connections: 100,
    requestsPerMinute: 1000,
    ...limits,
    blobs: files,
    log,
  });

async function close(): Promise<void> {
  await web.close(0);
  await files.close();
  await store.close();
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'postern-blob-'));
  log = new RecordingLog();
  await open();
});
afterEach(async () => {
  await close();
  await rm(directory, { recursive: true });
});

const { blob, put } = putting(() => host);

interface Fetched {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

async function fetched(url: string, options: RequestOptions & { form?: string } = {}): Promise<Fetched> {
  const { form, ...rest } = options;
  const request = httpRequest(url, { agent: false, ...(form !== undefined && { method: 'POST' }), ...rest });
  request.end(form);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve);
    request.once('error', reject);
  });
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(Buffer.from(piece as Uint8Array));
  return { status: response.statusCode!, headers: response.headers, body: Buffer.concat(pieces) };
}

const onDisk = async (): Promise<number> => (await readdir(join(directory, 'blobs'))).length;

describe('blob', () => {
  it('serves what was put, octet for octet, to be downloaded', async () => {
    const octets = randomBytes(300_000);
    const name = 'Bericht "für"\r\n../Ann😀.pdf';
    const { said } = await blob({ ...FILE, name, expires: 60 }, octets);
    const sha256 = createHash('sha256').update(octets).digest('hex');
    expect(said).toEqual({
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/blob\/[A-Za-z0-9_-]{32}$/),
      id: expect.stringMatching(/^[0-9a-z]{18}$/),
      size: 300_000,
      sha256,
      expires: 60,
    });
    const { status, headers, body } = await fetched(String(said!['url']));
    expect(status).toBe(200);
    expect(body.equals(octets)).toBe(true);
    expect(headers).toMatchObject({
      'content-type': 'application/pdf',
      'content-length': '300000',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; sandbox",
      'cache-control': 'private, no-store',
      'referrer-policy': 'no-referrer',
      etag: `"${sha256}"`,
      'content-disposition': `attachment; filename="Bericht _f_r___.._Ann_.pdf"; filename*=UTF-8''Bericht%20_f%C3%BCr___.._Ann%F0%9F%98%80.pdf`,
    });
    expect(await blob({ op: 'info', id: said!['id'] })).toMatchObject({
      said: { id: said!['id'], type: 'application/pdf', size: 300_000, sha256, expires: 60 },
    });
  });

  it('takes a part of the message without its octets passing the plugin, decoded', async () => {
    const content = randomBytes(400_000);
    const encoded = content.toString('base64').replaceAll(/.{76}/g, '$&\r\n');
    const message = Buffer.from(`Subject: x\r\n\r\n${encoded}\r\n`);
    const path = join(directory, 'message');
    await writeFile(path, message);
    const image = imageOf({ kind: 'file', path, size: message.length });
    const subject: CallSubject = {
      facts: {
        stage: 'message',
        session: '1',
        transaction: 'transaction1',
        service: '',
        listener: { name: 'in', protocol: 'smtp' },
        client: { address: '192.0.2.7', port: 1 },
      },
      image,
    };
    const range = { offset: 14, length: message.length - 14, encoding: 'base64' };
    const { said } = await blob({ ...FILE, content: range }, undefined, { subject });
    expect(said).toMatchObject({ size: 400_000 });
    expect((await fetched(String(said!['url']))).body.equals(content)).toBe(true);
    const beyond = { offset: 14, length: message.length };
    expect(await blob({ ...FILE, content: beyond }, undefined, { subject })).toMatchObject({
      error: 'INVALID',
    });
    expect(await blob({ ...FILE, content: range })).toMatchObject({ error: 'INVALID' });

    // The message can't be read any more: nothing is left of the file.
    await truncate(path, 1000);
    expect(await blob({ ...FILE, content: range }, undefined, { subject })).toMatchObject({
      error: 'UNAVAILABLE',
    });
    expect(await onDisk()).toBe(1);
  });

  it('is kept over a restart, and not what a kill left half-written', async () => {
    const { url, id } = await put();
    const reserved = {
      ...GRANT,
      id: 'half',
      place: '',
      token: new Uint8Array(32),
      service: 's',
      name: 'x',
      type: 'a/b',
    };
    const { blobs, bytes } = GRANT;
    const row = { ...reserved, size: 7, access: '{}', downloads: null, now: 1, expiresAt: Date.now() + 1e6 };
    expect(await store.blobIndex.reserve({ ...row, quota: { blobs, bytes } })).toBe(true);
    for (const name of ['half', 'litter']) await writeFile(join(directory, 'blobs', name), 'hal');
    await close();
    await open();
    expect((await fetched(url.replace(/:\d+/, `:${web.port}`))).body.toString()).toBe('content');
    await files.close();
    expect(await readdir(join(directory, 'blobs'))).toEqual([id]);
  });

  it('goes with the transaction that came to nothing, and stays with one that somebody got', async () => {
    const facts = {
      stage: 'data',
      session: '1',
      service: '',
      listener: { name: 'in', protocol: 'smtp' },
    } as const;
    const within = async (transaction: string) => {
      const client = { address: '192.0.2.7', port: 1 };
      const subject = { facts: { ...facts, client, transaction } };
      return String((await blob(FILE, 'x', { subject })).said!['url']);
    };
    const [lost, kept] = [await within('a'), await within('b')];
    files.ended('a', false);
    files.ended('b', true);
    files.ended('b', false);
    await expect.poll(async () => (await fetched(lost)).status).toBe(404);
    expect((await fetched(kept)).status).toBe(200);
    expect(await onDisk()).toBe(1);
  });

  it("is a service's own, removed by it alone", async () => {
    const { url, id } = await put();
    for (const op of ['info', 'remove']) {
      const { error, said } = await blob({ op, id }, undefined, { service: 't' });
      expect(error ?? said).toEqual(op === 'info' ? 'NOT_FOUND' : { removed: false });
    }
    expect(await blob({ op: 'remove', id })).toEqual({ said: { removed: true } });
    expect(await blob({ op: 'remove', id })).toEqual({ said: { removed: false } });
    expect((await fetched(url)).status).toBe(404);
    expect(await onDisk()).toBe(0);
  });

  it('keeps nothing of a service in monitor, and answers it alike', async () => {
    const { said } = await blob(FILE, 'content', { service: 'watched' });
    const sha256 = createHash('sha256').update('content').digest('hex');
    expect(said).toMatchObject({ size: 7, sha256, url: expect.stringContaining('/blob/') as string });
    expect((await fetched(String(said!['url']))).status).toBe(404);
    expect(await onDisk()).toBe(0);
  });

  it('holds each service to its quota', async () => {
    for (let i = 0; i < 5; i++) await put();
    expect(await blob(FILE, 'x')).toEqual({
      error: 'LIMIT',
      cause: 'it would keep more than 5 files or 2000000 octets',
    });
    expect((await blob(FILE, new Uint8Array(1_000_000), { service: 't' })).error).toBeUndefined();
    expect((await blob(FILE, new Uint8Array(999_999), { service: 't' })).error).toBeUndefined();
    expect(await blob(FILE, 'xx', { service: 't' })).toMatchObject({ error: 'LIMIT' });
    expect((await blob(FILE, 'x', { service: 't' })).error).toBeUndefined();
    expect(await blob(FILE, new Uint8Array(1_000_001), { service: 't' })).toMatchObject({
      error: 'LIMIT',
      cause: 'it has 1000001 octets, at most 1000000 are allowed',
    });
    expect(await blob({ ...FILE, expires: 3601 }, 'x', { service: 't' })).toMatchObject({ error: 'LIMIT' });
  });

  it('is denied without a grant, and out of order without its store', async () => {
    expect(await blob(FILE, 'x', { service: 'without' })).toMatchObject({ error: 'DENIED' });
    await rm(join(directory, 'blobs'), { recursive: true });
    expect(await blob(FILE, 'x')).toMatchObject({ error: 'UNAVAILABLE' });
    await store.close();
    expect(await blob(FILE, 'x')).toMatchObject({ error: 'UNAVAILABLE' });
    expect(existsSync(join(directory, 'blobs'))).toBe(false);
  });

  it('never has its URL in a log', async () => {
    const { url, id } = await put({ access: { password: 'hidden-word' } });
    await fetched(url);
    await fetched(url, { form: 'password=hidden-word' });
    const token = url.slice(url.lastIndexOf('/') + 1);
    const lines = JSON.stringify(log.lines);
    expect(lines).toContain(id);
    expect(lines).not.toContain(token);
    expect(lines).not.toContain('hidden-word');
  });

  it.each<[string, object | string, string?]>([
    ['no name', { ...FILE, name: '' }],
    ['no type', { op: 'put', name: 'a' }],
    ['a type with a header in it', { ...FILE, type: 'text/html\r\nX: y' }],
    ['a type with parameters', { ...FILE, type: 'text/html; charset=utf-8' }],
    ['no downloads', { ...FILE, downloads: 0 }],
    ['a time in the past', { ...FILE, expires: -1 }],
    ['a network that is none', { ...FILE, access: { clients: ['example.org'] } }],
    ['a prefix that is none', { ...FILE, access: { clients: ['192.0.2.0/33'] } }],
    ['an unknown rule', { ...FILE, access: { user: 'ann' } }],
    ['octets to remove', { op: 'remove', id: 'x' }, 'x'],
    ['an unknown operation', { op: 'list' }],
  ])('refuses %s', async (_what, fields, body) => {
    expect(await blob(fields, body ?? '')).toMatchObject({ error: 'INVALID' });
  });
});

describe('the web server', () => {
  it('counts downloads, never one too many, and no HEAD', async () => {
    const { url, id } = await put({ downloads: 3 });
    const head = await fetched(url, { method: 'HEAD' });
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, '7', 0]);
    const many = await Promise.all(Array.from({ length: 12 }, () => fetched(url)));
    expect(many.map(({ status }) => status).sort((a, b) => a - b)).toEqual([
      ...Array.from({ length: 3 }, () => 200),
      ...Array.from({ length: 9 }, () => 410),
    ]);
    expect(await blob({ op: 'info', id })).toMatchObject({ said: { downloads: 0 } });
    expect((await fetched(url, { method: 'HEAD' })).status).toBe(410);
  });

  it('serves ranges where nothing is counted, and the whole where it is', async () => {
    const { url } = await put({}, '0123456789');
    const part = async (range: string, headers: object = {}) => {
      const { status, headers: said, body } = await fetched(url, { headers: { range, ...headers } });
      return [status, said['content-range'], body.toString()];
    };
    expect(await part('bytes=2-4')).toEqual([206, 'bytes 2-4/10', '234']);
    expect(await part('bytes=7-')).toEqual([206, 'bytes 7-9/10', '789']);
    expect(await part('bytes=-3')).toEqual([206, 'bytes 7-9/10', '789']);
    expect(await part('bytes=5-99')).toEqual([206, 'bytes 5-9/10', '56789']);
    expect(await part('bytes=10-')).toEqual([416, 'bytes */10', '']);
    expect(await part('bytes=-0')).toEqual([416, 'bytes */10', '']);
    expect(await part('bytes=0-1,3-4')).toEqual([200, undefined, '0123456789']);
    expect(await part('bytes=4-2')).toEqual([200, undefined, '0123456789']);
    expect(await part('bytes=2-4', { 'if-range': '"other"' })).toEqual([200, undefined, '0123456789']);
    const counted = await put({ downloads: 2 }, '0123456789');
    const { status, body } = await fetched(counted.url, { headers: { range: 'bytes=2-4' } });
    expect([status, body.toString()]).toEqual([200, '0123456789']);
  });

  it('says 410 of what has expired', async () => {
    const { url } = await put({ expires: 1 });
    expect((await fetched(url)).status).toBe(200);
    await expect.poll(async () => (await fetched(url)).status, { timeout: 5000 }).toBe(410);
  });

  it('answers everything that leads nowhere alike', async () => {
    const { url } = await put();
    const paths = [
      '/',
      '/blob/',
      '/blob/x',
      `/blob/${'A'.repeat(32)}`,
      `${new URL(url).pathname}/`,
      '/blob/..%2f..%2fetc',
    ];
    const answers = await Promise.all(paths.map((path) => fetched(new URL(path, url).href)));
    for (const answer of answers) {
      expect(answer.status).toBe(404);
      expect(answer.body.equals(answers[0]!.body)).toBe(true);
    }
    expect((await fetched(url, { method: 'DELETE' })).status).toBe(405);
    expect((await fetched(url, { form: '' })).status).toBe(405);
    // With the path of its public URL, as a proxy that passes on all of it does.
    expect((await fetched(new URL(`/mail${new URL(url).pathname}`, url).href)).status).toBe(200);
  });

  it('shows a page first where a confirmation is asked for: whoever follows links counts nothing', async () => {
    const { url, id } = await put({
      name: '<script>alert(1)</script>.pdf',
      downloads: 1,
      access: { confirm: true },
    });
    for (let i = 0; i < 3; i++) {
      const { status, headers, body } = await fetched(url);
      expect(status).toBe(200);
      expect(headers['content-type']).toBe('text/html; charset=utf-8');
      expect(headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'sha256-/);
      expect(body.toString()).toContain('<form method="post">');
      expect(body.toString()).not.toContain('<script');
    }
    expect(await blob({ op: 'info', id })).toMatchObject({ said: { downloads: 1 } });
    expect((await fetched(url, { form: '' })).body.toString()).toBe('content');
    expect((await fetched(url)).status).toBe(410);
  });

  it('asks for the password, and lets nobody guess', async () => {
    const { url } = await put({ access: { password: 'über 1+1' } });
    expect((await fetched(url)).body.toString()).toContain('type="password"');
    expect((await fetched(url, { form: 'password=wrong' })).status).toBe(403);
    expect((await fetched(url, { form: `password=${'x'.repeat(5000)}` })).status).toBe(413);
    const right = await fetched(url, { form: `password=${encodeURIComponent('über 1+1')}` });
    expect([right.status, right.body.toString()]).toEqual([200, 'content']);
    const guesses: number[] = [];
    for (let i = 0; i < 12; i++) guesses.push((await fetched(url, { form: 'password=x' })).status);
    expect(guesses.slice(0, 3)).toEqual([403, 403, 403]);
    expect(guesses.at(-1)).toBe(429);
  });

  it('is for the networks that are named', async () => {
    const here = await put({ access: { clients: ['127.0.0.0/8'] } });
    const there = await put({ access: { clients: ['192.0.2.0/24', '2001:db8::1'] } });
    expect((await fetched(here.url)).status).toBe(200);
    expect((await fetched(there.url)).status).toBe(403);
  });

  it('takes only so many requests of one address', async () => {
    const { url } = await put();
    const slow = await serve({ requestsPerMinute: 5 });
    try {
      const statuses: number[] = [];
      const at = url.replace(/:\d+/, `:${slow.port}`);
      for (let i = 0; i < 8; i++) statuses.push((await fetched(at)).status);
      expect(statuses.slice(0, 5)).toEqual([200, 200, 200, 200, 200]);
      expect(statuses.at(-1)).toBe(429);
    } finally {
      await slow.close(0);
    }
  });

  it('takes only so many connections of one address, and none that says nothing', async () => {
    const narrow = await serve({ connections: 8 });
    try {
      const sockets = Array.from({ length: 5 }, () => connect(narrow.port, '127.0.0.1'));
      for (const socket of sockets) socket.on('error', () => {}).resume();
      // Two may be open; the others are closed at once, and these two when they have said no request in 10 s.
      await Promise.all(sockets.map((socket) => once(socket, 'close')));
      const { url } = await put();
      expect((await fetched(url.replace(/:\d+/, `:${narrow.port}`))).status).toBe(200);
    } finally {
      await narrow.close(0);
    }
  }, 30_000);

  it('goes on after those who break off', async () => {
    const { url } = await put({}, randomBytes(900_000));
    const socket = connect(web.port, '127.0.0.1');
    socket.write(`GET ${new URL(url).pathname} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await once(socket, 'data');
    socket.destroy();
    expect((await fetched(url)).body.length).toBe(900_000);
  });
});
