import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { imageOf } from '../../src/mail/image.ts';
import type { BlobGrant, BlobStore, CapabilityHost } from '../../src/ocp/capability.ts';
import { blobPart } from '../../src/sandbox/capabilities/blob.ts';
import { createCapabilityHost } from '../../src/sandbox/capabilities/host.ts';
import { openBlobFiles, type BlobFiles } from '../../src/store/blob-files.ts';
import { s3Blobs } from '../../src/store/s3-blobs.ts';
import { openSqliteStore, type SqliteStore } from '../../src/store/sqlite-store.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { lacksS3Server, startS3Server, type S3Server } from '../support/s3-server.ts';
import { FILE, putting } from './putting.ts';

/** `blob` with a store that speaks S3: OpenStack Swift's, which checks each signature with code of its own. */
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });
const WEEK = 7 * 86_400;
const GRANT: BlobGrant = {
  blobs: 5,
  bytes: 40_000_000,
  blobBytes: 20_000_000,
  longestMs: 30 * 86_400_000,
  putsPerMinute: 100,
  store: 'offsite',
};
const lacking = lacksS3Server();

let server: S3Server;
let directory: string;
let store: SqliteStore;
let files: BlobFiles;
let host: CapabilityHost;
let log: RecordingLog;

beforeAll(async () => {
  if (lacking === '') server = await startS3Server();
});
afterAll(() => server?.end());

function configured(changes: Partial<BlobStore> = {}): BlobStore {
  const { origin: endpoint, bucket, accessKeyId, secretKeyFile } = server;
  const common = { name: 'offsite', region: 'us-east-1', prefix: 'post/', pathStyle: true, timeoutMs: 5000 };
  return { ...common, endpoint, bucket, accessKeyId, secretKeyFile, ...changes };
}

async function open(changes: Partial<BlobStore> = {}): Promise<void> {
  const remotes = [s3Blobs(configured(changes))];
  store = await openSqliteStore({ path: join(directory, 'store.db'), role: 'server', log: silentLog });
  files = await openBlobFiles({ directory: join(directory, 'blobs'), index: store.blobIndex, log });
  files.setRemotes(remotes);
  const services = ['s', 't', 'watched'].map((name) => ({ name, grants: { blob: GRANT } }));
  host = createCapabilityHost({
    services: [...services, { name: 'other', grants: { blob: { ...GRANT, store: 'nowhere' } } }],
    parts: { blob: blobPart({ blobs: files, remotes, monitored: new Set(['watched']) }) },
    log,
  });
}

async function reopen(changes: Partial<BlobStore> = {}): Promise<void> {
  await files.close();
  await store.close();
  await open(changes);
}

const { blob, put } = putting(() => host);

const statusOf = async (url: string): Promise<number> => (await fetch(url)).status;
const facts = {
  stage: 'message',
  session: '1',
  service: '',
  listener: { name: 'in', protocol: 'smtp' },
  client: { address: '192.0.2.7', port: 1 },
} as const;
const emptied = () => expect.poll(() => server.objects(), { timeout: 20_000 }).toEqual([]);

describe.skipIf(lacking !== '')(`blob in a store that speaks S3${lacking}`, () => {
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'postern-blob-s3-'));
    log = new RecordingLog();
    await open();
  });
  afterEach(async () => {
    for (const object of await server.objects()) {
      await s3Blobs(configured({ prefix: '' })).remove(object, AbortSignal.timeout(5000));
    }
    await files.close();
    await store.close();
    await rm(directory, { recursive: true });
  });

  it('gives out what was put, octet for octet, to be downloaded, and to nobody without the whole URL', async () => {
    const octets = randomBytes(3_000_000);
    const name = 'Bericht "für"\r\n../Ann😀.pdf';
    const { said } = await blob({ ...FILE, name, expires: 60 }, octets);
    const sha256 = createHash('sha256').update(octets).digest('hex');
    const { id } = said!;
    expect(said).toEqual({ url: expect.anything() as string, id, size: 3_000_000, sha256, expires: 60 });
    expect(await server.objects()).toEqual([`post/${String(id)}`]);
    expect(await readdir(join(directory, 'blobs'))).toEqual([]);
    const url = String(said!['url']);
    expect(url.startsWith(`${server.origin}/mail-files/post/${String(id)}?`)).toBe(true);
    expect(url.length).toBeLessThan(500);
    const response = await fetch(url);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/pdf']);
    expect(response.headers.get('content-disposition')).toBe(
      `attachment; filename="Bericht _f_r___.._Ann_.pdf"; filename*=UTF-8''Bericht%20_f%C3%BCr___.._Ann%F0%9F%98%80.pdf`,
    );
    expect(Buffer.from(await response.arrayBuffer()).equals(octets)).toBe(true);
    expect(await statusOf(url.slice(0, url.indexOf('?')))).toBeGreaterThanOrEqual(400);
    expect(await statusOf(`${url}&response-content-disposition=inline`)).toBe(403);
    expect(await statusOf(url.replace('X-Amz-Expires=60', 'X-Amz-Expires=6000'))).toBe(403);
    expect(await blob({ op: 'info', id })).toMatchObject({ said: { id, size: 3_000_000, sha256 } });
  });

  it('takes a part of the message without its octets passing the plugin, decoded', async () => {
    const content = randomBytes(400_000);
    const encoded = content.toString('base64').replaceAll(/.{76}/g, '$&\r\n');
    const message = Buffer.from(`Subject: x\r\n\r\n${encoded}\r\n`);
    const path = join(directory, 'message');
    await writeFile(path, message);
    const image = imageOf({ kind: 'file', path, size: message.length });
    const range = { offset: 14, length: message.length - 14, encoding: 'base64' };
    const { said } = await blob({ ...FILE, content: range }, undefined, { subject: { facts, image } });
    expect(said).toMatchObject({ size: 400_000 });
    const response = await fetch(String(said!['url']));
    expect(Buffer.from(await response.arrayBuffer()).equals(content)).toBe(true);
  });

  it.each([
    ['downloads', { downloads: 3 }],
    ['a password', { access: { password: 'hidden-word' } }],
    ['networks', { access: { clients: ['192.0.2.0/24'] } }],
    ['a page before', { access: { confirm: true } }],
  ])('refuses %s, which it can not do', async (_what, rules) => {
    expect(await blob({ ...FILE, ...rules }, 'x')).toEqual({
      error: 'INVALID',
      cause: 'the store offsite knows no "downloads" and no "access"',
    });
    expect(await server.objects()).toEqual([]);
  });

  it('keeps nothing for longer than its URL is good for', async () => {
    expect(await blob({ ...FILE, expires: WEEK + 1 }, 'x')).toEqual({
      error: 'LIMIT',
      cause: `it would be kept for ${WEEK + 1} s, at most ${WEEK} are allowed`,
    });
    expect(await blob(FILE, 'x')).toMatchObject({ said: { expires: WEEK } });
    expect(await blob({ ...FILE, expires: WEEK }, 'x')).toMatchObject({ said: { expires: WEEK } });
  });

  it('has what expired removed, and no more', async () => {
    const kept = await put();
    const { url } = await put({ expires: 1 });
    await expect.poll(() => statusOf(url), { timeout: 10_000 }).toBe(403);
    // Each begins with a sweep; the URL ends up to a second before what it leads to.
    const swept = () => reopen().then(() => server.objects());
    await expect.poll(swept, { timeout: 10_000 }).toEqual([`post/${kept.id}`]);
    expect(await statusOf(kept.url)).toBe(200);
  });

  it('removes what transactions put that came to nothing', async () => {
    const within = async (transaction: string): Promise<string> =>
      String((await blob(FILE, 'x', { subject: { facts: { ...facts, transaction } } })).said!['id']);
    await within('a');
    const kept = await within('b');
    files.ended('a', false);
    files.ended('b', true);
    await expect.poll(() => server.objects(), { timeout: 10_000 }).toEqual([`post/${kept}`]);
  });

  it("is a service's own, removed by it alone", async () => {
    const { url, id } = await put();
    expect(await blob({ op: 'remove', id }, undefined, { service: 't' })).toEqual({
      said: { removed: false },
    });
    expect(await statusOf(url)).toBe(200);
    expect(await blob({ op: 'remove', id })).toEqual({ said: { removed: true } });
    expect(await server.objects()).toEqual([]);
    expect(await statusOf(url)).toBe(404);
    expect(await blob({ op: 'remove', id })).toEqual({ said: { removed: false } });
  });

  it('keeps nothing of a service in monitor, and answers it alike', async () => {
    const { said } = await blob(FILE, 'content', { service: 'watched' });
    expect(said).toMatchObject({ size: 7, expires: WEEK });
    expect(await statusOf(String(said!['url']))).toBe(404);
    expect(await server.objects()).toEqual([]);
  });

  it('holds each service to its quota', async () => {
    for (let i = 0; i < 5; i++) await put();
    expect(await blob(FILE, 'x')).toMatchObject({ error: 'LIMIT' });
    expect(await blob(FILE, new Uint8Array(20_000_001), { service: 't' })).toMatchObject({ error: 'LIMIT' });
    expect((await server.objects()).length).toBe(5);
  });

  it('is out of order while the store says nothing, then removes what was begun or given up meanwhile', async () => {
    const { id } = await put();
    await reopen({ timeoutMs: 1000 });
    server.pause();
    try {
      const { error, cause } = await blob(FILE, randomBytes(8_000_000));
      expect([error, cause]).toEqual([
        'UNAVAILABLE',
        expect.stringContaining('in the store offsite') as string,
      ]);
      expect(await blob({ op: 'remove', id })).toMatchObject({ error: 'UNAVAILABLE' });
      expect(await blob({ op: 'info', id })).toMatchObject({ error: 'NOT_FOUND' });
    } finally {
      server.resume();
    }
    await reopen();
    await emptied();
    await expect.poll(() => store.blobIndex.known({ ids: [id] })).toEqual([]);
    for (let i = 0; i < 5; i++) await put();
  });

  it('removes at the next start what a kill left half-written', async () => {
    const { blobs, bytes } = GRANT;
    const row = {
      id: 'half',
      place: 'offsite',
      token: new Uint8Array(32),
      service: 's',
      name: 'x',
      type: 'a/b',
    };
    const rest = { size: 7, access: '{}', downloads: null, now: 1, expiresAt: Date.now() + 1e6 };
    expect(await store.blobIndex.reserve({ ...row, ...rest, quota: { blobs, bytes } })).toBe(true);
    await server.add('post/half');
    await reopen();
    await emptied();
  });

  it('says what is wrong, without what is secret', async () => {
    const secretKeyFile = join(directory, 'other');
    expect(await blob(FILE, 'x', { service: 'other' })).toEqual({
      error: 'UNAVAILABLE',
      cause: 'there is no store "nowhere"',
    });
    await reopen({ secretKeyFile });
    expect(await blob(FILE, 'x')).toMatchObject({
      error: 'UNAVAILABLE',
      cause: expect.stringContaining('ENOENT') as string,
    });
    await writeFile(secretKeyFile, 'hidden-word');
    expect(await blob(FILE, 'x')).toMatchObject({
      error: 'UNAVAILABLE',
      cause: expect.stringMatching(
        /^Cannot put \w+ in the store offsite: it answered 403 SignatureDoesNotMatch$/,
      ) as string,
    });
    await reopen({ bucket: 'none-such' });
    expect(await blob(FILE, 'x')).toMatchObject({
      cause: expect.stringMatching(/answered 404 NoSuchBucket$/) as string,
    });
    await reopen({ endpoint: 'http://127.0.0.1:1' });
    expect(await blob(FILE, 'x')).toMatchObject({ cause: expect.stringContaining('ECONNREFUSED') as string });
    expect(JSON.stringify(log.lines)).not.toContain('hidden-word');
  });

  it('never has its URL in a log', async () => {
    const { url } = await put();
    expect(JSON.stringify(log.lines)).not.toContain(new URL(url).searchParams.get('X-Amz-Signature'));
  });
});
