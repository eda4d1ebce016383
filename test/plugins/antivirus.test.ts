import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CapabilityHost } from '../../src/ocp/capability.ts';
import { contentOf, contentSchema } from '../../src/sandbox/capabilities/content.ts';
import { answered, readRequest, refused } from '../../src/sandbox/capabilities/request.ts';
import { z } from 'zod';
import { readMail } from '../interop/support/read-mail.ts';
import { builtPlugin, serveEachGranted, type Asked, type Filtered } from './ask.ts';

const PLUGIN = builtPlugin('antivirus');
const VIRUS = 'x-virus-x';

/** Finds a text where it stands in what it is shown, takes no `x-long-x`, and is out of order at `x-outage-x`. */
const scanner: CapabilityHost = {
  async call(request) {
    const read = readRequest(request.octets, z.strictObject({ content: contentSchema }));
    if (!('fields' in read)) return read;
    const content = contentOf(request, { content: read.fields.content, body: read.body });
    if ('fault' in content) return refused('INVALID', content.fault);
    let text = '';
    for await (const octets of content.octets()) text += Buffer.from(octets).toString('latin1');
    shown.push(text);
    if (text.includes('x-outage-x')) return refused('UNAVAILABLE', 'it is out of order');
    if (text.includes('x-long-x')) return refused('LIMIT', 'it is too long');
    return answered(text.includes(VIRUS) ? { clean: false, name: 'Test-Virus' } : { clean: true });
  },
};
const shown: string[] = [];

const SETTINGS = {
  default: {},
  all: {
    action: ['replace', 'mark', 'warn', 'header'],
    notify: ['recipients', 'postmaster'],
    incident: true,
  },
  sender: { action: 'quarantine', notify: 'sender' },
  reject: { action: 'reject', incident: true },
  quarantine: { action: ['quarantine', 'replace'] },
  whole: { scan: 'message', action: 'quarantine' },
  both: { scan: 'both', action: 'quarantine' },
  accept: { unscanned: 'accept' },
  tempfail: { unscanned: 'tempfail' },
  refuse: { unscanned: 'reject' },
  warn: { action: 'warn', warnText: 'Vorsicht, <böse> {name} & mehr!\nNicht öffnen 😀.' },
  plainWarn: { action: 'warn' },
} as const;

const services = new Map<string, Asked>();

beforeAll(async () => {
  const grants = {
    scan: { scanner: 'test', requestsPerMinute: 1e6, bytesPerMinute: 1e9 },
    notify: { to: ['recipients', 'postmaster'] as const, perHour: 100, incidents: true },
  };
  const granted = { grants, capabilities: scanner, allowModify: true };
  const asked = await serveEachGranted(PLUGIN, Object.values(SETTINGS), granted);
  for (const [index, name] of Object.keys(SETTINGS).entries()) services.set(name, asked[index]!);
}, 60_000);
afterAll(() => services.get('default')?.close());

async function filter(message: string, settings: keyof typeof SETTINGS = 'default'): Promise<Filtered> {
  shown.length = 0;
  return services.get(settings)!.filter(message);
}

const base64 = (text: string): string => Buffer.from(text, 'latin1').toString('base64');

const part = (fields: readonly string[], body: string): string => ['--edge', ...fields, '', body].join('\n');

function mail(...parts: readonly string[]): string {
  return [
    'From: bob@example.net',
    'Subject: Hello',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary=edge',
    '',
    ...parts,
    '--edge--',
    '',
  ].join('\n');
}

const TEXT = part(['Content-Type: text/plain; charset=utf-8'], 'See attached.');
const attachment = (octets: string, name = 'a.bin'): string =>
  part(
    [
      'Content-Type: application/octet-stream',
      'Content-Transfer-Encoding: base64',
      `Content-Disposition: attachment; filename="${name}"`,
    ],
    base64(octets),
  );

describe('what is scanned', () => {
  test('is each part, decoded, and nothing is done where nothing is found', async () => {
    const quoted = part(
      ['Content-Type: text/html', 'Content-Transfer-Encoding: quoted-printable'],
      '<b>=41</b>',
    );
    const { decision, modified } = await filter(mail(TEXT, quoted, attachment('\0\x01octets')), 'all');
    expect(decision).toEqual({});
    expect(modified).toBe(false);
    expect(shown).toEqual(['See attached.', '<b>A</b>', '\0\x01octets']);
  });

  test('is an attached message part by part, and as a whole if it is encoded', async () => {
    const inner = 'Subject: inner\n\nIts text';
    await filter(
      mail(
        part(['Content-Type: message/rfc822'], inner),
        part(['Content-Type: message/rfc822', 'Content-Transfer-Encoding: base64'], base64(inner)),
      ),
    );
    expect(shown.slice(0, 2)).toEqual(['Its text', inner]);
    expect(shown).toHaveLength(3);
  });

  test('is not what only readers find that decode a multipart, so that is not let pass', async () => {
    const encoded = ['Content-Type: multipart/mixed; boundary=c', 'Content-Transfer-Encoding: base64'];
    const { decision } = await filter(mail(TEXT, part(encoded, base64('--c\n\nx\n--c--\n'))));
    expect(decision).toMatchObject({
      verdict: 'quarantine',
      reason: 'an encoded multipart is more than the virus scanner takes',
    });
  });

  test('is the whole message where the settings say so, and where readers may see other parts', async () => {
    const message = mail(TEXT, attachment(VIRUS));
    expect((await filter(message, 'whole')).decision).toEqual({});
    expect(shown).toEqual([message.replaceAll('\n', '\r\n')]);
    await filter(message, 'both');
    expect(shown).toHaveLength(3);
    const odd = part(['Content-Type: text/plain', 'Content-Type: text/html'], `in the header ${VIRUS}`);
    await filter(mail(odd));
    expect(shown).toHaveLength(2);
    const junk = part(['garbage', 'Content-Type: application/zip'], 'x');
    await filter(mail(junk));
    expect(shown).toHaveLength(2);
    await filter(mail(TEXT).replace('--edge--', '--edge ;x\n\nmore\n--edge--'));
    expect(shown.slice(0, 2)).toEqual(['See attached.', 'more']);
    expect(shown).toHaveLength(3);
    const uuencoded = 'Hello\n\nbegin 644 x.txt\n#0V%T\n`\nend\n';
    await filter(mail(part(['Content-Type: text/plain'], uuencoded)));
    expect(shown).toHaveLength(2);
    await filter(mail(part(['Content-Transfer-Encoding: x-uuencode'], uuencoded)));
    expect(shown).toHaveLength(2);
    const preamble = mail(TEXT).replace('--edge\n', `${VIRUS}\n--edge\n`);
    expect((await filter(preamble)).decision).toEqual({});
    expect((await filter(preamble, 'whole')).decision).toMatchObject({
      verdict: 'quarantine',
      reason: 'the message: the scanner found Test-Virus',
    });
  });
});

describe('a virus', () => {
  test('is replaced, and the rest is left alone', async () => {
    const { decision, text } = await filter(
      mail(TEXT, attachment(`a ${VIRUS}`, 'bad \\"x\\".zip'), attachment('keep')),
    );
    expect(decision).toEqual({
      reason: "bad 'x'.zip: the scanner found Test-Virus",
      tags: { virus: 'Test-Virus' },
    });
    expect(text).not.toContain(base64(`a ${VIRUS}`));
    expect(text).toContain(base64('keep'));
  });

  test('can have all of the list done about it', async () => {
    const message = mail(TEXT, attachment(VIRUS, 'bad.zip'), attachment(`2 ${VIRUS}`, 'worse.zip'));
    const { outcome, decision, text } = await filter(message, 'all');
    expect(decision.verdict).toBeUndefined();
    const read = await readMail(text);
    expect(read.defects).toEqual([]);
    expect(read.header['subject']).toBe('[virus removed] Hello');
    expect(text.replaceAll(/\r\n[ \t]+/g, ' ')).toContain(
      'X-Postern-Virus: removed; name="worse.zip"; the scanner found Test-Virus',
    );
    expect(read.parts[1]!.text).toBe(
      'A virus was found in this message: bad.zip: the scanner found Test-Virus. Be\r\n' +
        'careful with the rest of it.\r\n\r\nSee attached.',
    );
    expect(read.parts[3]!.text).toContain(
      'The attachment worse.zip was removed: the scanner found Test-Virus.',
    );
    expect(outcome.notifications).toMatchObject([
      { kind: 'notice', to: 'recipients', subject: 'Virus found' },
      { kind: 'notice', to: 'postmaster', text: expect.stringContaining('- worse.zip (removed)') as string },
      {
        kind: 'incident',
        severity: 'warning',
        event: 'virus-found',
        fields: { what: 'Test-Virus', name: 'bad.zip' },
      },
      { kind: 'incident', fields: { name: 'worse.zip' } },
    ]);
  });

  test('is marked whatever the sender has made of the subject', async () => {
    const subjects = [`a ${'x'.repeat(3000)} b`, 'a\0b', 'word '.repeat(20_000)];
    for (const subject of subjects) {
      const message = mail(TEXT, attachment(VIRUS)).replace('Subject: Hello', `Subject: ${subject}`);
      const { text } = await filter(message, 'all');
      expect(text).toMatch(/^Subject: \[virus removed\] (?:a|word)/m);
      expect(text).toContain('was removed');
    }
  });

  test('is rejected, or held with the part taken out', async () => {
    const message = mail(TEXT, attachment(VIRUS, 'bad.zip'));
    const rejected = await filter(message, 'reject');
    expect(rejected.decision).toMatchObject({
      verdict: 'reject',
      reply: { code: 554, enhanced: '5.7.1', text: 'Virus found: bad.zip: the scanner found Test-Virus' },
    });
    expect(rejected.modified).toBe(false);
    expect(rejected.outcome.notifications).toMatchObject([
      { kind: 'incident', fields: { outcome: 'rejected' } },
    ]);
    const held = await filter(message, 'quarantine');
    expect(held).toMatchObject({ modified: true, decision: { verdict: 'quarantine' } });
  });

  test('a notice that is not granted is not sent, and the rest is done', async () => {
    const { outcome, decision } = await filter(mail(TEXT, attachment(VIRUS)), 'sender');
    expect(decision.verdict).toBe('quarantine');
    expect(outcome.notifications ?? []).toEqual([]);
    expect(outcome.logs).toContainEqual({
      level: 'warn',
      text: 'the operator does not grant a notice to sender',
    });
  });

  test('or none: fields of the sender that claim to be of the scanner go where `header` adds one', async () => {
    const forged = 'X-Postern-Virus: found; name="a"\nx-postern-virus : found\n';
    const clean = mail(TEXT, attachment('harmless', 'a.txt'));
    expect((await filter(forged + clean, 'all')).text).toBe(clean.replaceAll(/\r?\n/g, '\r\n'));
    const { text } = await filter(forged + mail(TEXT, attachment(VIRUS, 'bad.zip')), 'all');
    expect(text.match(/^x-postern-virus *:.*/gim)).toEqual([expect.stringContaining('bad.zip')]);
    expect((await filter(forged + clean, 'plainWarn')).modified).toBe(false);
  });

  test('in a message of one part goes, its header stays', async () => {
    const { text } = await filter(
      `From: bob@example.net\nSubject: x\nContent-Transfer-Encoding: base64\n\n${base64(VIRUS)}\n`,
    );
    expect(text).toContain('Subject: x\r\n');
    expect(text).toContain('The attachment without a name was removed');
  });
});

describe('no verdict', () => {
  test.each([
    ['default', 'quarantine', undefined],
    ['accept', undefined, undefined],
    ['tempfail', 'tempfail', 451],
    ['refuse', 'reject', 554],
  ] as const)('since it is too long: %s', async (settings, verdict, code) => {
    const { decision } = await filter(mail(TEXT, attachment('x-long-x', 'disk.img')), settings);
    expect(decision.verdict).toBe(verdict);
    expect(decision.reply?.code).toBe(code);
    expect(decision).toMatchObject({
      reason: 'disk.img is more than the virus scanner takes',
      tags: { virus: 'unscanned' },
    });
  });

  test('about one part, and a virus in another: both count', async () => {
    const message = mail(TEXT, attachment('x-long-x'), attachment(VIRUS, 'bad.zip'));
    const { decision, modified } = await filter(message);
    expect(decision).toMatchObject({
      verdict: 'quarantine',
      reason: expect.stringContaining('bad.zip') as string,
    });
    expect(modified).toBe(true);
    expect((await filter(message, 'reject')).decision.verdict).toBe('reject');
    expect((await filter(message, 'quarantine')).decision.verdict).toBe('quarantine');
  });

  test("since it is out of order: a failure, for the operator's rule", async () => {
    const service = services.get('default')!;
    const message = Buffer.from(mail(TEXT, attachment('x-outage-x')).replaceAll('\n', '\r\n'));
    await expect(service.filter(message)).rejects.toThrow(/the capability scan was out of order/);
  });
});

describe('a warning', () => {
  const evil = attachment(VIRUS, 'bad.zip');
  const body = (fields: readonly string[], text: string): string => mail(part(fields, text), evil);
  const WARNING = 'Vorsicht, <böse> bad.zip & mehr!\r\nNicht öffnen 😀.\r\n\r\n';
  const utf8 = (text: string): string => Buffer.from(text).toString('latin1');
  const long = 'Zeile '.repeat(100).trim();

  const warned = async (message: string): Promise<{ text: string; raw: string }> => {
    const { text: raw } = await filter(message, 'warn');
    const read = await readMail(raw);
    expect(read.defects).toEqual([]);
    expect(raw).not.toMatch(/[^\r]\n|.{999}/);
    return { text: read.parts[1]!.text!, raw };
  };

  test.each([
    [
      'utf-8 in 8bit',
      ['Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: 8bit'],
      'grüße',
    ],
    [
      'utf-8 in 7bit',
      ['Content-Type: text/plain; charset="UTF-8"', 'Content-Transfer-Encoding: 7bit'],
      'greetings',
    ],
    ['no charset', ['Content-Type: text/plain'], 'greetings'],
    [
      'utf-8 in base64',
      ['Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: base64'],
      'grüße',
    ],
    [
      'utf-8 in quoted-printable',
      ['Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: quoted-printable'],
      `gr=C3=BC=C3=9Fe ${'x'.repeat(20)}`,
    ],
  ])('in %s keeps every character', async (name, fields, text) => {
    const encoded = name.includes('base64') ? Buffer.from(text).toString('base64') : text;
    const message = Buffer.from(body(fields, encoded).replaceAll('\n', '\r\n'));
    const { text: raw } = await services.get('warn')!.filter(message);
    const read = await readMail(raw);
    expect(read.defects).toEqual([]);
    const plain = name.includes('quoted') ? `grüße ${'x'.repeat(20)}` : text;
    expect(read.parts[1]!.text!.trimEnd()).toBe(
      utf8(name.includes('base64') ? WARNING.replace('.\r\n\r\n', '.  \r\n\r\n') : WARNING) + utf8(plain),
    );
  });

  test('in Latin-1 has the characters that this has', async () => {
    const { text } = await warned(
      body(
        ['Content-Type: text/plain; charset=iso-8859-1', 'Content-Transfer-Encoding: quoted-printable'],
        'gr=FC=DFe',
      ),
    );
    expect(text).toBe('Vorsicht, <b\xf6se> bad.zip & mehr!\r\nNicht \xf6ffnen ??.\r\n\r\ngr\xfc\xdfe');
  });

  test('in another charset has ASCII', async () => {
    const { text } = await warned(
      body(
        ['Content-Type: text/plain; charset=shift_jis', 'Content-Transfer-Encoding: base64'],
        base64('\x83e'),
      ),
    );
    expect(text).toMatch(/^Vorsicht, <b\?se> bad\.zip & mehr!\r\nNicht \?ffnen \?\?\. {0,2}\r\n\r\n\x83e$/);
  });

  test('is not put where the charset has no ASCII in it', async () => {
    const { modified } = await filter(
      body(
        ['Content-Type: text/plain; charset=utf-16le', 'Content-Transfer-Encoding: base64'],
        base64('h\0i\0'),
      ),
      'warn',
    );
    expect(modified).toBe(false);
  });

  const HTML_WARNING =
    /Vorsicht, &#60;b&#246;se&#62; bad\.zip &#38; mehr!<br>\r\nNicht &#246;ffnen &#128512;\.<\/div> {0,2}\r\n/;
  const pages: readonly (readonly [string, string, string])[] = [
    ['after the body tag', '<html><head></head><BODY class="a>b" id=x>Hi', '<BODY class="a>b" id=x>'],
    ['not in a comment', '<html><!-- <body> --><body>Hi', '<body>'],
    ['at the top without one', 'Hi <b>there</b>', ''],
    ['not taken in by <bodyguard>', '<bodyguard>x<body >Hi', '<body >'],
  ];
  for (const encoding of ['7bit', 'base64', 'quoted-printable']) {
    test.each(pages)(`in HTML in ${encoding}: %s`, async (_, page, before) => {
      for (const filling of ['', 'a', 'ab']) {
        const html = filling + page + long;
        const encoded =
          encoding === 'base64'
            ? base64(html).replaceAll(/.{76}/g, '$&\n')
            : encoding === '7bit'
              ? html
              : html.replaceAll('=', '=3D').replaceAll(/.{60}/g, '$&=\n');
        const fields = ['Content-Type: text/html; charset=koi8-r', `Content-Transfer-Encoding: ${encoding}`];
        const { text } = await warned(body(fields, encoded));
        const at = before === '' ? 0 : html.lastIndexOf(before) + before.length;
        expect(text.slice(at)).toMatch(/^<div style="/);
        expect(text).toMatch(HTML_WARNING);
        expect(text.endsWith(html.slice(at))).toBe(true);
        expect(text.slice(0, at)).toBe(html.slice(0, at));
      }
    });
  }

  test('goes into the text and the HTML, once each, and into no attachment', async () => {
    const alternative = [
      '--edge',
      'Content-Type: multipart/alternative; boundary=alt',
      '',
      '--alt',
      'Content-Type: text/plain',
      '',
      'plain',
      '--alt',
      'Content-Type: text/html',
      '',
      '<p>html',
      '--alt--',
    ].join('\n');
    const file = part(
      ['Content-Type: text/plain', 'Content-Disposition: attachment; filename=a.txt'],
      'file',
    );
    const { text } = await filter(mail(file, alternative, TEXT, evil), 'plainWarn');
    expect(text.match(/A virus was found in this message/g)).toHaveLength(2);
    expect((await readMail(text)).parts.map(({ text: each }) => each?.slice(0, 12) ?? '')).toEqual([
      '',
      'file',
      '',
      'A virus was ',
      '<div style="',
      'See attached',
      VIRUS,
    ]);
  });

  test('leaves alone what is signed or encrypted, and attached messages', async () => {
    const signed = [
      '--edge',
      'Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary=sig',
      '',
      '--sig',
      'Content-Type: text/plain',
      '',
      'signed',
      '--sig--',
      '--edge',
      'Content-Type: message/rfc822',
      '',
      'Subject: inner',
      '',
      'inner',
    ].join('\n');
    expect((await filter(mail(signed, evil), 'plainWarn')).modified).toBe(false);
  });

  test('is never taken for a boundary, whatever a file is called', async () => {
    const message = mail(TEXT, attachment(VIRUS, '--edge--'));
    const { text } = await filter(message, 'plainWarn');
    expect((await readMail(text)).parts).toHaveLength(3);
  });
});
