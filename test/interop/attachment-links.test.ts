import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { lacksS3Server, startS3Server, type S3Server } from '../support/s3-server.ts';
import { temporaryDirectory, waitFor, type Postern } from '../support/postern.ts';
import { sendBy, startThreeWays, WAYS, type ThreeWays } from '../support/three-ways.ts';
import { startBrowser } from './support/browser.ts';
import { mailsIn } from './support/mails.ts';
import { readMail } from './support/read-mail.ts';
import { lacks } from './support/servers.ts';

/** `attachment-links` in the real program, by SMTP, LMTP and submission: what its web server gives out is what was attached. */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });
const { path: directory, remove } = temporaryDirectory();
let gate: Postern;
let config: ThreeWays;
let s3: S3Server | undefined;
const withoutS3 = lacksS3Server();

beforeAll(async () => {
  const port = await freePort();
  if (withoutS3 === '') s3 = await startS3Server();
  const links = { plugin: 'attachment-links', allowModify: true, grants: { blob: {} } };
  config = {
    all: { group: 'inbound' },
    submission: { mode: 'queue' },
    more: { refusing: { group: 'refusing' } },
    config: {
      web: { port, publicUrl: `http://127.0.0.1:${port}` },
      ...(s3 && { blobStores: { offsite: storeOf(s3) } }),
      services: {
        ...(s3 && {
          offsite: { ...links, grants: { blob: { store: 'offsite' } }, settings: { minSize: 1000, days: 7 } },
          counted: {
            ...links,
            grants: { blob: { store: 'offsite' } },
            settings: { minSize: 1000, downloads: 1 },
          },
        }),
        links: { ...links, settings: { minSize: 1000 } },
        confirmed: { ...links, settings: { minSize: 1000, confirm: true, downloads: 1 } },
        before: { ...links, settings: { minSize: 1000 } },
        // What comes after it refuses mail: then nothing of that is to stay.
        blocked: {
          plugin: 'blocklist',
          grants: { kv: {} },
          settings: { entries: [{ sender: '*@refused.example', subject: '*', reply: { text: 'No' } }] },
        },
      },
      groups: {
        inbound: [
          { service: 'links', when: { recipient: ['ann@example.com', 'carl@example.com'] } },
          { service: 'confirmed', when: { recipient: 'eve@example.com' } },
          ...(s3
            ? [
                { service: 'offsite', when: { recipient: 'fay@example.com' } },
                { service: 'counted', when: { recipient: 'gil@example.com' } },
              ]
            : []),
        ],
        refusing: [
          { service: 'before', when: { recipient: 'ann@example.com' } },
          ...(s3 ? [{ service: 'offsite', when: { recipient: 'fay@example.com' } }] : []),
          'blocked',
        ],
      },
      bounce: { downstream: 'local' },
    },
  };
  gate = await startThreeWays(config, { directory });
});
afterAll(async () => {
  await gate?.stop();
  await s3?.end();
  remove();
});

const storeOf = ({ origin, bucket, accessKeyId, secretKeyFile }: S3Server) => ({
  protocol: 's3',
  endpoint: origin,
  region: 'us-east-1',
  bucket,
  accessKeyId,
  secretKeyFile,
});

function mail(subject: string, octets: Uint8Array, name = 'report.pdf'): string {
  const lines = Buffer.from(octets).toString('base64').replaceAll(/.{76}/g, '$&\r\n');
  return [
    'From: bob@example.net',
    `Subject: ${subject}`,
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary=edge',
    '',
    '--edge',
    'Content-Type: text/plain; charset=utf-8',
    '',
    'See attached.',
    '--edge',
    `Content-Type: application/pdf; name="${name}"`,
    'Content-Transfer-Encoding: base64',
    `Content-Disposition: attachment; filename="${name}"`,
    '',
    lines,
    '--edge--',
    '',
  ].join('\r\n');
}

async function send(
  listener: string,
  text: string,
  envelope: { to: readonly string[]; from?: string },
): Promise<string> {
  const [reply] = await sendBy(gate, listener, { ...envelope, text });
  return reply!;
}

const arrived = (address: string, subject: string): Promise<string> =>
  waitFor(async () => {
    const mails = await mailsIn(join(directory, 'mail', address));
    return mails.find((message) => message.includes(`Subject: ${subject}`));
  });

const linkIn = (message: string): string => /http:\/\/127\.0\.0\.1:\d+\/blob\/[\w-]{32}/.exec(message)![0];
const blobs = (): number => readdirSync(join(directory, 'var', 'blobs')).length;

test.each(WAYS)('%s: the link gives what was attached', async (listener) => {
  const octets = randomBytes(200_000);
  const subject = `by ${listener}`;
  const message = mail(subject, octets);
  expect(await send(listener, message, { to: ['ann@example.com'] })).toMatch(/^250 /);
  const got = await arrived('ann@example.com', subject);
  expect(got.length).toBeLessThan(3000);
  const read = await readMail(got);
  expect(read.defects).toEqual([]);
  expect(read.parts.map(({ type }) => type)).toEqual(['multipart/mixed', 'text/plain', 'text/plain']);
  const url = linkIn(read.parts[1]!.text!);
  expect(linkIn(read.parts[2]!.text!)).toBe(url);
  expect(read.parts[1]!.text!.trimEnd().endsWith('See attached.')).toBe(true);
  const response = await fetch(url);
  expect(Buffer.from(await response.arrayBuffer()).equals(octets)).toBe(true);
  expect(response.headers.get('content-disposition')).toContain('filename="report.pdf"');
});

test('25 MB come out as they went in, and the program does not hold them', async () => {
  const octets = randomBytes(25_000_000);
  const before = residentOf(gate.pid);
  expect(await send('inbound', mail('large', octets), { to: ['ann@example.com'] })).toMatch(/^250 /);
  const got = await arrived('ann@example.com', 'large');
  expect(got.length).toBeLessThan(3000);
  const response = await fetch(linkIn(got));
  const hash = createHash('sha256');
  for await (const piece of response.body!) hash.update(piece as Uint8Array);
  expect(hash.digest('hex')).toBe(createHash('sha256').update(octets).digest('hex'));
  // The message has 34 MB.
  expect(residentOf(gate.pid) - before).toBeLessThan(100 * 1024);
});

test('each recipient has the variant that is for it', async () => {
  const octets = randomBytes(5000);
  const to = ['ann@example.com', 'dora@example.com', 'eve@example.com'];
  expect(await send('inbound', mail('variants', octets), { to })).toMatch(/^250 /);
  const [ann, dora, eve] = await Promise.all(to.map((address) => arrived(address, 'variants')));
  expect(dora).not.toContain('/blob/');
  expect(dora!.length).toBeGreaterThan(6000);
  expect(linkIn(ann!)).not.toBe(linkIn(eve!));
  expect((await fetch(linkIn(ann!))).headers.get('content-type')).toBe('application/pdf');
  expect((await fetch(linkIn(eve!))).headers.get('content-type')).toMatch(/^text\/html/);
});

test('what is put for mail that is then refused goes', async () => {
  const count = blobs();
  const options = { to: ['ann@example.com'], from: 'bob@refused.example' };
  expect(await send('refusing', mail('refused', randomBytes(5000)), options)).toMatch(/^550 /);
  await waitFor(() => (blobs() === count ? true : undefined));
  expect(await send('refusing', mail('taken', randomBytes(5000)), { to: ['ann@example.com'] })).toMatch(
    /^250 /,
  );
  expect(blobs()).toBe(count + 1);
});

test('a kill loses no file that is linked', async () => {
  const octets = randomBytes(5000);
  expect(await send('inbound', mail('killed', octets), { to: ['carl@example.com'] })).toMatch(/^250 /);
  const url = linkIn(await arrived('carl@example.com', 'killed'));
  await gate.kill('SIGKILL');
  gate = await startThreeWays(config, { directory });
  expect(Buffer.from(await (await fetch(url)).arrayBuffer()).equals(octets)).toBe(true);
});

describe.skipIf(withoutS3 !== '')(`files in a store that speaks S3${withoutS3}`, () => {
  const linkTo = (message: string): string => /http:\/\/127\.0\.0\.1:\d+\/mail-files\/\S+/.exec(message)![0];

  test.each(WAYS)('%s: the link gives what was attached', async (listener) => {
    const octets = randomBytes(200_000);
    const subject = `offsite by ${listener}`;
    expect(await send(listener, mail(subject, octets), { to: ['fay@example.com'] })).toMatch(/^250 /);
    const read = await readMail(await arrived('fay@example.com', subject));
    expect(read.defects).toEqual([]);
    const url = linkTo(read.parts[1]!.text!);
    expect(linkTo(read.parts[2]!.text!)).toBe(url);
    const response = await fetch(url);
    expect(Buffer.from(await response.arrayBuffer()).equals(octets)).toBe(true);
    expect(response.headers.get('content-disposition')).toContain('attachment; filename="report.pdf"');
    expect(response.headers.get('content-type')).toBe('application/pdf');
  });

  test('what is put for mail that is then refused goes', async () => {
    const before = await s3!.objects();
    const options = { to: ['fay@example.com'], from: 'bob@refused.example' };
    expect(await send('refusing', mail('gone', randomBytes(5000)), options)).toMatch(/^550 /);
    await expect.poll(() => s3!.objects(), { timeout: 20_000 }).toEqual(before);
    expect(await send('refusing', mail('stays', randomBytes(5000)), { to: ['fay@example.com'] })).toMatch(
      /^250 /,
    );
    expect((await s3!.objects()).length).toBe(before.length + 1);
  });

  test('an attachment stays in the mail if the store can not do what its settings ask, or is gone', async () => {
    const before = await s3!.objects();
    expect(await send('inbound', mail('counted', randomBytes(5000)), { to: ['gil@example.com'] })).toMatch(
      /^250 /,
    );
    expect((await arrived('gil@example.com', 'counted')).length).toBeGreaterThan(6000);
    expect(await s3!.objects()).toEqual(before);
    await s3!.end();
    expect(await send('inbound', mail('ended', randomBytes(5000)), { to: ['fay@example.com'] })).toMatch(
      /^250 /,
    );
    expect((await arrived('fay@example.com', 'ended')).length).toBeGreaterThan(6000);
  });
});

const skipped = lacks('chromium');
test.skipIf(skipped !== '')(
  `a browser shows the page, whose button gives the file once${skipped}`,
  async () => {
    const octets = randomBytes(5000);
    expect(await send('inbound', mail('page', octets), { to: ['eve@example.com'] })).toMatch(/^250 /);
    const page = linkIn(await arrived('eve@example.com', 'page'));
    const downloads = join(directory, 'downloads');
    mkdirSync(downloads);
    const browser = await startBrowser(directory, { downloads });
    try {
      const shown = await browser.show(page);
      expect(shown).toContain('<h1>report.pdf</h1>');
      expect(await browser.download('button[type=submit]')).toBe('report.pdf');
      expect(readFileSync(join(downloads, 'report.pdf')).equals(octets)).toBe(true);
      expect(await browser.show(page)).toContain('This file is no longer here.');
    } finally {
      await browser.close();
    }
  },
);

function residentOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
}
