import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { builtPlugin, serveEach, type Asked } from '../ask.ts';

/** What the cases beside the plugin do not show: that it leaves alone what is normal, and what is at the edges. */
const POLICIES = {
  default: {},
  reject: { boundaries: 'reject', charset: 'reject', longLines: 'reject', uuencode: 'reject' },
  off: {
    boundaries: 'off',
    mimeVersion: 'off',
    contentType: 'off',
    transferEncoding: 'off',
    fileNames: 'off',
    uuencode: 'off',
    charset: 'off',
    longLines: 'off',
    headerOctets: 'off',
  },
  strict: { unmendable: 'reject' },
  unsigned: { leaveSigned: [] },
};
const services = new Map<string, Asked>();
beforeAll(async () => {
  const made = await serveEach(builtPlugin('normalize'), Object.values(POLICIES));
  for (const [index, service] of made.entries()) services.set(Object.keys(POLICIES)[index]!, service);
});
afterAll(async () => services.get('default')?.close());

const ask = (message: string, policy: keyof typeof POLICIES = 'default') =>
  services.get(policy)!.filter(Buffer.from(message.replaceAll('\n', '\r\n'), 'latin1'));

const MIME = 'From: a@b.example\nMIME-Version: 1.0\n';

const NORMAL: readonly (readonly [string, string])[] = [
  ['a message without MIME', 'From: a@b.example\nSubject: x\n\nHello\n.\n-- \nBob\n'],
  ['no body', 'From: a@b.example\n\n'],
  ['no header', '\nHello\n'],
  [
    'types in upper case, comments',
    `From: a@b.example\nMime-Version: 1.0 (Made by hand)\nContent-Type: TEXT/PLAIN; CHARSET="UTF-8" (yes)\nContent-Transfer-Encoding: 8BIT\n\nGr\xc3\xbc\xc3\x9fe\n`,
  ],
  [
    'a charset that is not known',
    `${MIME}Content-Type: text/plain; charset=gb2312\nContent-Transfer-Encoding: 8bit\n\n\xc4\xe3\xba\xc3\n`,
  ],
  ['a charset of 7 bits', `${MIME}Content-Type: text/plain; charset=iso-2022-jp\n\n\x1b$B$3$s\x1b(B\n`],
  [
    'ISO-8859-1 that is that',
    `${MIME}Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nGr=FC=DFe\n`,
  ],
  [
    'UTF-8 that was cut',
    `${MIME}Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGr\xc3\xbc\xc3\x9fe \xe2\x98\n`,
  ],
  ['prose that begins with begin', `${MIME}\nbegin 644 mails a day\nand end\nend\n\nbegin  the day\n`],
  ['a uuencoded file without its end', `${MIME}\nbegin 644 a.txt\n#0V%T\n\`\n`],
  [
    'a name by RFC 2231',
    `${MIME}Content-Type: application/pdf\nContent-Disposition: attachment;\n filename*0*=utf-8''%C3%A4;\n filename*1=.pdf\n\nx\n`,
  ],
  [
    'names as encoded words',
    `${MIME}Content-Type: application/pdf; name="=?utf-8?Q?=C3=A4?= x.pdf"\nContent-Disposition: attachment; filename="=?utf-8?Q?=C3=A4?= x.pdf"\n\nx\n`,
  ],
  ['a line of 998 octets', `From: a@b.example\n\n${'x'.repeat(998)}\n`],
  [
    'a preamble and an epilogue',
    `${MIME}Content-Type: multipart/mixed; boundary="a b"\n\nx\n--a b\n\nx\n--a b--  \ny\n`,
  ],
  ['a digest', `${MIME}Content-Type: multipart/digest; boundary=b\n\n--b\n\nFrom: c@d.example\n\nx\n--b--\n`],
  [
    'a report',
    `${MIME}Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nx\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nAction: failed\n--b\nContent-Type: message/rfc822\n\nFrom: c@d.example\nSubject: y\n\nz\n--b--\n`,
  ],
];

test.each(NORMAL)('%s is not touched', async (_, message) => {
  const { decision, modified } = await ask(message);
  expect({ decision, modified }).toEqual({ decision: {}, modified: false });
});

const CHARSETS: readonly (readonly [label: string, body: string, charset: string])[] = [
  ['', 'Gr\xc3\xbc\xc3\x9fe', 'utf-8'],
  ['', 'Gr\xfc\xdfe', 'windows-1252'],
  ['us-ascii', 'Gr\xc3\xbc\xc3\x9fe', 'utf-8'],
  ['x-unknown', 'plain', 'us-ascii'],
  ['utf-8', 'Gr\xfc\xdfe', 'windows-1252'],
  ['iso-8859-1', '\x93x\x94', 'windows-1252'],
  ['iso-8859-1', '\xe2\x80\x9cx\xe2\x80\x9d', 'utf-8'],
  ['utf8', 'Gr\xc3\xbc\xc3\x9fe', 'utf-8'],
  ['latin1', 'Gr\xfc\xdfe', 'iso-8859-1'],
];

test.each(CHARSETS)('charset "%s" of %j is %s', async (label, body, charset) => {
  const type = `Content-Type: text/plain${label === '' ? '' : `; charset="${label}"`}\n`;
  for (const [encoding, encoded] of [
    ['8bit', body],
    ['base64', Buffer.from(body, 'latin1').toString('base64')],
  ]) {
    const { text } = await ask(`${MIME}${type}Content-Transfer-Encoding: ${encoding}\n\n${encoded}\n`);
    expect(text).toContain(`Content-Type: text/plain; charset=${charset}\r\n`);
    expect(text).toContain(`\r\n\r\n${encoded}\r\n`);
  }
});

const NAMES: readonly (readonly [string, string])[] = [
  ['name="../../etc/passwd"', 'name="passwd"'],
  ['name="C:\\\\x\\\\a.exe"', 'name="a.exe"'],
  ['name="a\u0007b.txt"', 'name="ab.txt"'],
  ["name*=utf-8''gpj.%E2%80%AEexe.jpg", 'name="gpj.exe.jpg"'],
  ['name="=?utf-8?B?PT91dGYtOD9CP3c2UT0/PQ==?="', "name*=utf-8''%C3%A4"],
  ['name="\xe4.txt"', "name*=utf-8''%C3%A4.txt"],
  ['name="a.txt"; name="b.exe"', 'name="a.txt"'],
  ['name=a b.txt', 'name="a b.txt"'],
  ['name=".."', 'name="attachment"'],
  [`name="${'x'.repeat(300)}.txt"`, `name="${'x'.repeat(251)}.txt"`],
];

test.each(NAMES)('the file %s', async (written, mended) => {
  const { text } = await ask(`${MIME}Content-Type: application/pdf; ${written}\n\nx\n`);
  const unfolded = text.replaceAll(/\r\n /g, ' ');
  expect(unfolded).toContain(`Content-Type: application/pdf; ${mended}\r\n`);
});

describe('what is left alone', () => {
  const bad = 'Content-Type: text\n\nGr\xfc\xdfe\n';
  const SEALED: readonly (readonly [string, string])[] = [
    [
      'S/MIME',
      `${MIME}Content-Type: multipart/signed; protocol="application/pkcs7-signature"; boundary=b\n\n--b\n${bad}--b--\n`,
    ],
    [
      'PGP',
      `${MIME}Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary=b\n\n--b\n${bad}--b--\n`,
    ],
    ['DKIM', `DKIM-Signature: v=1\n${MIME}${bad}`],
  ];

  test.each(SEALED)('by %s, unless the settings want it', async (_, message) => {
    const { decision, modified } = await ask(message);
    expect(modified).toBe(false);
    expect(decision.tags?.['normalize-kept']).toContain('contentType');
    expect((await ask(message, 'unsigned')).modified).toBe(true);
  });

  test('what stands beside a signed part is mended', async () => {
    const signed = `Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary=s\n\n--s\n${bad}--s--\n`;
    const { text } = await ask(
      `${MIME}Content-Type: multipart/mixed; boundary=b\n\n--b\n${signed}--b\nContent-Type: html\n\nx\n`,
    );
    expect(text).toContain(signed.replaceAll('\n', '\r\n'));
    expect(text).toContain('Content-Type: text/html\r\n');
    expect(text).toMatch(/--b--\r\n$/);
  });

  test('everything, where every rule is off', async () => {
    const { decision, modified } = await ask(`From: \xe4@b.example\n${bad}`, 'off');
    expect({ decision, modified }).toEqual({ decision: {}, modified: false });
  });
});

const REFUSED: readonly (readonly [string, string])[] = [
  ['charset', 'From: a@b.example\n\nGr\xfc\xdfe\n'],
  ['longLines', `From: a@b.example\n\n${'x'.repeat(999)}\n`],
  ['boundaries', `${MIME}Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n`],
  ['uuencode', `${MIME}\nbegin 644 a.txt\n#0V%T\n\`\nend\n`],
];

test.each(REFUSED)('%s refuses', async (rule, message) => {
  const { decision, modified } = await ask(message, 'reject');
  expect(decision).toMatchObject({ verdict: 'reject', reply: { code: 554, enhanced: '5.6.0' } });
  expect(decision.reply?.text).toContain(`(${rule})`);
  expect(modified).toBe(false);
});

test('what can not be mended passes, or is refused where the settings want it', async () => {
  const message = `${MIME}Content-Type: multipart/mixed; boundary=b\n\nNo part at all\n`;
  const passed = await ask(message);
  expect(passed.decision).toEqual({ tags: { 'normalize-unmendable': 'boundaries' } });
  expect(passed.modified).toBe(false);
  expect((await ask(message, 'strict')).decision).toMatchObject({ verdict: 'reject' });
});

test('a long body is written in pieces, and has all its octets', async () => {
  const body = Array.from({ length: 3000 }, (_, i) => `${i} ${'word=\xc3\xa4 '.repeat(i % 150)}`).join(
    '\r\n',
  );
  const { text } = await ask(
    `${MIME}Content-Type: text/plain; charset=utf-8\n\n${body.replaceAll('\r\n', '\n')}\n`,
  );
  const [, encoded = ''] = text.split('Content-Transfer-Encoding: quoted-printable\r\n\r\n');
  const decoded = encoded
    .replaceAll('=\r\n', '')
    .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  expect(decoded).toBe(`${body}\r\n`);
});

test('a part past the limits leaves the message alone', async () => {
  const { decision, modified } = await ask(
    `${MIME}Content-Type: multipart/mixed; boundary=b\n\n${'--b\n\nx\n'.repeat(1100)}`,
  );
  expect({ decision, modified }).toEqual({
    decision: { tags: { normalize: 'too-complex' } },
    modified: false,
  });
});
