import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CapabilityHost } from '../../src/ocp/capability.ts';
import { contentOf, contentSchema } from '../../src/sandbox/capabilities/content.ts';
import { answered, readRequest, refused } from '../../src/sandbox/capabilities/request.ts';
import { z } from 'zod';
import { readMail } from '../interop/support/read-mail.ts';
import { builtPlugin, serveEachGranted, type Asked, type Filtered } from './ask.ts';

const PLUGIN = builtPlugin('attachment-links');
const URL_START = 'https://files.example.com/blob/';

const asked = z.strictObject({
  op: z.literal('put'),
  name: z.string(),
  type: z.string(),
  expires: z.number().optional(),
  downloads: z.number().optional(),
  access: z.record(z.string(), z.unknown()),
  content: contentSchema,
});
const put: (z.output<typeof asked> & { octets: string })[] = [];

/** Takes everything but what has `x-full-x` and `x-broken-x` in it. */
const store: CapabilityHost = {
  async call(request) {
    const read = readRequest(request.octets, asked);
    if (!('fields' in read)) return read;
    const content = contentOf(request, { content: read.fields.content, body: read.body });
    if ('fault' in content) return refused('INVALID', content.fault);
    let octets = '';
    for await (const piece of content.octets()) octets += Buffer.from(piece).toString('latin1');
    if (octets.includes('x-full-x')) return refused('LIMIT', 'it is full');
    if (octets.includes('x-broken-x')) return refused('UNAVAILABLE', 'it is out of order');
    put.push({ ...read.fields, octets });
    const url = `${URL_START}${createHash('sha256').update(octets).digest('base64url').slice(0, 32)}`;
    const { expires = 30 * 86_400 } = read.fields;
    return answered({ url, id: `id${put.length}`, size: octets.length, sha256: 'x', expires });
  },
};

const SETTINGS = {
  small: { minSize: 20 },
  default: {},
  types: { types: ['VIDEO/*', 'application/x-iso'] },
  rules: {
    minSize: 20,
    days: 1,
    downloads: 3,
    confirm: true,
    clients: '192.0.2.0/24',
    text: 'Dateien <hier>:',
  },
  tempfail: { minSize: 20, failure: 'tempfail' },
  dkim: { minSize: 20, dkim: 'leave' },
  some: { minSize: 20, senders: ['@example.net'], recipients: '*@EXAMPLE.com' },
  others: { minSize: 20, senders: '<>' },
} as const;

const services = new Map<string, Asked>();
beforeAll(async () => {
  const quota = { blobs: 1000, bytes: 1e9, blobBytes: 1e8, longestMs: 1e10, putsPerMinute: 1e6 };
  const granted = { grants: { blob: quota }, capabilities: store, allowModify: true };
  const all = await serveEachGranted(PLUGIN, Object.values(SETTINGS), granted);
  for (const [index, name] of Object.keys(SETTINGS).entries()) services.set(name, all[index]!);
}, 60_000);
afterAll(() => services.get('default')?.close());

async function filter(message: string, settings: keyof typeof SETTINGS = 'small'): Promise<Filtered> {
  put.length = 0;
  return services.get(settings)!.filter(message);
}

const base64 = (text: string): string =>
  Buffer.from(text, 'latin1').toString('base64').replaceAll(/.{76}/g, '$&\n');
const part = (fields: readonly string[], body: string): string => ['--edge', ...fields, '', body].join('\n');
const mail = (...parts: readonly string[]): string =>
  [
    'From: bob@example.net',
    'Subject: Hello',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary=edge',
    '',
    'preamble',
    ...parts,
    '--edge--',
    'epilogue',
    '',
  ].join('\n');
const file = (octets: string, { name = 'report.pdf', type = 'application/pdf' } = {}): string =>
  part(
    [
      `Content-Type: ${type}`,
      'Content-Transfer-Encoding: base64',
      `Content-Disposition: attachment; filename="${name}"`,
    ],
    base64(octets),
  );
const TEXT = part(['Content-Type: text/plain; charset=utf-8'], 'See attached.');
const LONG = 'octets \0\xff of a long attachment';

test('a large attachment becomes a link in the text, in the HTML and in its place; the rest stays', async () => {
  const alternative = [
    '--edge',
    'Content-Type: multipart/alternative; boundary=alt',
    '',
    '--alt',
    'Content-Type: text/plain; charset=iso-8859-1',
    'Content-Transfer-Encoding: quoted-printable',
    '',
    'Gr=FC=DFe',
    '--alt',
    'Content-Type: text/html',
    '',
    '<html><body class="x"><p>Hi',
    '--alt--',
  ].join('\n');
  const name = 'a<b>&c.pdf';
  const { text, decision } = await filter(mail(alternative, file(LONG, { name }), file('small')));
  expect(put).toMatchObject([{ name, type: 'application/pdf', access: {}, octets: LONG }]);
  // As long as the grant allows.
  expect(put[0]).not.toHaveProperty('expires');
  expect(decision).toEqual({ tags: { 'attachment-links': '1' } });
  const read = await readMail(text);
  expect(read.defects).toEqual([]);
  const [, , plain, html, replaced, small] = read.parts.map((each) => each.text ?? '');
  const link = /https:\/\/files\.example\.com\/blob\/[\w-]{32}/;
  const [url = ''] = link.exec(plain!) ?? [];
  expect(plain).toBe(
    `Attachments of this message can be downloaded:\r\n\r\na<b>&c.pdf (30 octets, for 30 days)\r\n${url}\r\n\r\nGr\xfc\xdfe`,
  );
  expect(html).toContain(`href="${url}"`);
  expect(html).toContain('a&#60;b&#62;&#38;c.pdf (30 octets, for 30 days)</a></li>');
  expect(html!.startsWith('<html><body class="x"><div ')).toBe(true);
  expect(replaced).toContain(`a<b>&c.pdf (30 octets, for 30 days)\r\n${url}\r\n`);
  expect(small).toBe('small');
  expect(text).toContain('\r\npreamble\r\n--edge\r\n');
  expect(text.endsWith('\r\n--edge--\r\nepilogue\r\n')).toBe(true);
});

test('size is that of the decoded attachment, and types count whatever the size', async () => {
  expect((await filter(mail(TEXT, file('x'.repeat(100_000))), 'default')).modified).toBe(false);
  expect((await filter(mail(TEXT, file('x'.repeat(5_250_000))), 'default')).text.length).toBeLessThan(2000);
  // 5 MiB encoded, less than that decoded.
  expect((await filter(mail(TEXT, file('x'.repeat(4_000_000))), 'default')).modified).toBe(false);
  expect((await filter(mail(TEXT, file('x', { type: 'video/mp4' })), 'types')).modified).toBe(true);
  expect((await filter(mail(TEXT, file(LONG)), 'types')).modified).toBe(false);
});

test('rules and texts are those of the settings', async () => {
  const { text } = await filter(mail(TEXT, file(LONG), file(LONG, { name: '' })), 'rules');
  const rules = { expires: 86_400, downloads: 3, access: { clients: ['192.0.2.0/24'], confirm: true } };
  expect(put).toMatchObject([rules, { ...rules, name: 'attachment' }]);
  expect(text).toContain('Dateien <hier>:\r\n\r\nreport.pdf (30 octets, for 1 day)\r\n');
});

test('a message of nothing but an attachment has the link in its place', async () => {
  const { text } = await filter(
    `From: bob@example.net\nMIME-Version: 1.0\nContent-Type: application/x-\xff;name=a.bin\nContent-Transfer-Encoding: base64\n\n${base64(LONG)}\n`,
  );
  expect(put).toMatchObject([{ name: 'a.bin', octets: LONG }]);
  expect(text).toContain(URL_START);
});

describe('what can not be stored', () => {
  test('stays in the message, beside what can', async () => {
    for (const bad of ['x-full-x', 'x-broken-x']) {
      const { text, outcome } = await filter(
        mail(TEXT, file(LONG), file(`${bad} ${LONG}`, { name: 'b.pdf' })),
      );
      expect(text).toContain(base64(`${bad} ${LONG}`).replaceAll('\n', '\r\n'));
      expect(text.match(/files\.example\.com/g)).toHaveLength(2);
      expect(outcome.logs).toContainEqual({
        level: 'warn',
        text: expect.stringMatching(/^an attachment stays in the message/) as string,
      });
    }
  });

  test('makes the sender try again later', async () => {
    const { decision, modified } = await filter(mail(TEXT, file(LONG), file(`x-full-x ${LONG}`)), 'tempfail');
    expect(decision).toMatchObject({ verdict: 'tempfail', reply: { code: 451, enhanced: '4.3.1' } });
    expect(modified).toBe(false);
  });
});

describe('left alone is', () => {
  const nested = (type: string, inner: readonly string[]): string =>
    [
      '--edge',
      `Content-Type: ${type}; boundary=in`,
      '',
      ...inner.flatMap((one) => ['--in', one]),
      '--in--',
    ].join('\n');
  const inner = file(LONG).slice('--edge\n'.length);
  test.each([
    ['what is signed', mail(TEXT, nested('multipart/signed; protocol="application/pgp-signature"', [inner]))],
    ['what is encrypted', mail(TEXT, nested('multipart/encrypted', [inner]))],
    ['S/MIME', mail(TEXT, file(LONG, { type: 'application/pkcs7-mime' }))],
    ['what HTML shows', mail(TEXT, nested('multipart/related', [inner]))],
    [
      'an attached message',
      mail(TEXT, part(['Content-Type: message/rfc822'], mail(TEXT, file(LONG)).replaceAll('edge', 'other'))),
    ],
    [
      'mail with OpenPGP in its text',
      mail(part(['Content-Type: text/plain'], '-----BEGIN PGP SIGNED MESSAGE-----'), file(LONG)),
    ],
    ['a long text', mail(part(['Content-Type: text/plain'], 'long '.repeat(100)))],
    ['what readers see differently', mail(TEXT, file(LONG).replace('\n\n', '\nContent-Type: text/html\n\n'))],
  ])('%s', async (_, message) => {
    expect((await filter(message)).modified).toBe(false);
    expect(put).toEqual([]);
  });

  test('DKIM, if the settings say so', async () => {
    const signed = `DKIM-Signature: v=1; a=rsa-sha256; d=example.net\n${mail(TEXT, file(LONG))}`;
    expect((await filter(signed, 'dkim')).modified).toBe(false);
    expect((await filter(mail(TEXT, file(LONG)), 'dkim')).modified).toBe(true);
    expect((await filter(signed)).modified).toBe(true);
  });

  test('mail of others', async () => {
    const message = Buffer.from(mail(TEXT, file(LONG)).replaceAll('\n', '\r\n'));
    expect((await filter(mail(TEXT, file(LONG)), 'some')).modified).toBe(true);
    const two = ['ann@example.com', 'carl@example.org'].map((address) => ({
      address,
      normal: address,
      params: {},
    }));
    expect((await services.get('some')!.filter(message, { recipients: two })).modified).toBe(false);
    expect((await filter(mail(TEXT, file(LONG)), 'others')).modified).toBe(false);
  });
});
