import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { builtPlugin, complaints, serve, serveEach, type Asked, type Filtered } from './ask.ts';

const PLUGIN = builtPlugin('attachment-guard');

/** A service for each, in one sandbox. */
const POLICIES = {
  default: {},
  everything: { action: ['replace', 'mark', 'header'] },
  ownText: { action: ['replace', 'header'], replaceText: '[{name}] [{reason}]' },
  messages: { blockExtensions: ['.eml', 'scr'] },
  reject: { action: 'reject' },
  quarantine: { action: ['quarantine'] },
  header: { action: 'header' },
  mark: { action: 'mark', subjectTag: '[checked]' },
  pdf: { blockRealTypes: ['pdf', 'pe'] },
  nothing: { blockExtensions: [], blockRealTypes: [], action: 'quarantine' },
  macros: { macros: 'block', action: 'quarantine' },
  types: { blockTypes: ['video/*', 'Application/X-Thing'], action: 'quarantine' },
};

const guards = new Map<string, Asked>();

beforeAll(async () => {
  const names = Object.keys(POLICIES);
  const services = await serveEach(PLUGIN, Object.values(POLICIES));
  for (const [index, service] of services.entries()) guards.set(names[index]!, service);
});

afterAll(async () => guards.get('default')?.close());

const guard = (policy: keyof typeof POLICIES): Asked => guards.get(policy)!;

async function filter(message: string, policy: keyof typeof POLICIES = 'default'): Promise<Filtered> {
  return guard(policy).filter(message);
}

test('has nothing against good settings', () => {
  expect([...guards.values()].flatMap(({ problems }) => problems)).toEqual([]);
});

/** Without the soft line breaks that quoted-printable puts into texts. */
const prose = (text: string): string => text.replaceAll('=\r\n', '');

interface Attachment {
  name?: string;
  type?: string;
  octets?: string | Uint8Array;
}

/** What older documents of Word, Excel and PowerPoint begin with. */
const OLE2 = Buffer.from('d0cf11e0a1b11ae1', 'hex');

/** A message with a text and these attachments, in base64. */
function mail(attachments: readonly Attachment[], subject = 'Subject: Hello'): string {
  const parts = attachments.map(({ name, type = 'application/octet-stream', octets = 'harmless' }) =>
    [
      '--edge',
      `Content-Type: ${type}`,
      'Content-Transfer-Encoding: base64',
      `Content-Disposition: attachment${name === undefined ? '' : `; filename="${name}"`}`,
      '',
      Buffer.from(octets).toString('base64'),
    ].join('\n'),
  );
  return [
    'From: bob@example.net',
    'To: ann@example.com',
    subject,
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary=edge',
    '',
    '--edge',
    'Content-Type: text/plain; charset=utf-8',
    '',
    'See attached.',
    ...parts,
    '--edge--',
    '',
  ].join('\n');
}

const PE = Buffer.concat([Buffer.from('MZ\x90\0\x03\0\0\0', 'latin1'), Buffer.alloc(200)]);
const base64 = (octets: string | Uint8Array): string => Buffer.from(octets).toString('base64');

describe('without a finding', () => {
  test('the message stays what it was', async () => {
    const message = mail([
      { name: 'report.pdf', type: 'application/pdf', octets: '%PDF-1.7 …' },
      { name: 'a.txt' },
    ]);
    const { decision, modified, text } = await filter(message, 'everything');
    expect(decision).toEqual({});
    expect(modified).toBe(false);
    expect(text).toBe(Buffer.from(message.replaceAll('\n', '\r\n')).toString('latin1'));
  });

  test('a text that begins like a program is none', async () => {
    const { decision } = await filter('From: a@b.example\n\nMZ is the mark of DOS.\n');
    expect(decision).toEqual({});
    const quoting = await filter('From: a@b.example\n\nSearch for %PDF- in it.\n', 'pdf');
    expect(quoting.decision).toEqual({});
  });
});

describe('a field of the sender that claims to be of the guard', () => {
  const FORGED = ['X-Postern-Attachment: found; name="a"', 'x-postern-attachment : found;', ' name="b"'];
  const forged = ['Subject: Hello', ...FORGED, 'X-Postern-Attachments: other'].join('\n');

  test('goes where `header` adds one, with or without a finding', async () => {
    for (const policy of ['header', 'everything'] as const) {
      const clean = await filter(mail([{ name: 'a.txt' }], forged), policy);
      expect(clean.decision).toEqual({});
      const kept = mail([{ name: 'a.txt' }], 'Subject: Hello\nX-Postern-Attachments: other');
      expect(clean.text).toBe(kept.replaceAll('\n', '\r\n'));
      const found = await filter(mail([{ name: 'a.exe' }], forged), policy);
      expect(found.text.match(/^x-postern-attachment *:.*/gim)).toEqual([
        expect.stringMatching(/^X-Postern-Attachment: (?:found|removed); name="a\.exe";/),
      ]);
    }
  });

  test('goes once where several groups want it gone', async () => {
    const policies = [
      { recipients: ['ann@example.com'], action: ['header'] },
      { recipients: ['cleo@example.com'], action: ['header', 'mark'] },
    ];
    const several = await serve(PLUGIN, { policies });
    const recipients = ['ann', 'cleo'].map((name) => ({ address: `${name}@example.com`, params: {} }));
    const { text } = await several.filter(mail([{ name: 'a.exe' }], forged), { recipients });
    await several.close();
    expect(text.match(/^x-postern-attachment *:.*/gim)).toHaveLength(1);
  });

  test('stays where it does not', async () => {
    expect((await filter(mail([{ name: 'a.txt' }], forged), 'mark')).modified).toBe(false);
  });
});

describe('replace', () => {
  test('puts the text in the place of the attachment and leaves the others alone', async () => {
    const message = mail([
      { name: 'a.exe', octets: PE },
      { name: 'b.txt', octets: 'keep me' },
    ]);
    const { decision, modified, text } = await filter(message);
    expect(decision).toEqual({
      reason: 'a.exe: files with the extension .exe are not allowed',
      tags: { attachment: 'removed' },
    });
    expect(modified).toBe(true);
    expect(prose(text)).toContain(
      'The attachment a.exe was removed: files with the extension .exe are not allowed.',
    );
    expect(text).not.toContain(base64(PE).slice(0, 40));
    expect(text).toContain(base64('keep me'));
    expect(text).toContain('See attached.');
    expect(text).not.toMatch(/[^\r]\n/);
  });

  test('fills in name and reason, whatever the name holds', async () => {
    const name = `=?utf-8?B?${base64('{reason}\u202Egpj "ä\u0001".exe')}?=`;
    const { decision, text } = await filter(mail([{ name }]), 'ownText');
    expect(decision.reason).toContain("gpj 'ä'.exe: files with the extension .exe");
    expect(text).toContain('X-Postern-Attachment: removed;');
    expect(decision.reason).not.toMatch(/\u202e/);
  });

  test('replaces a message that is itself the attachment', async () => {
    const message = [
      'From: bob@example.net',
      'Subject: Invoice',
      'MIME-Version: 1.0',
      'Content-Type: application/octet-stream; name="invoice.exe"',
      'Content-Transfer-Encoding: base64',
      '',
      base64(PE),
      '',
    ].join('\n');
    const { text } = await filter(message, 'everything');
    expect(text).toContain('X-Postern-Attachment: removed; name="invoice.exe"');
    expect(text).toContain('Subject: [attachment removed] Invoice\r\n');
    expect(text).toContain('From: bob@example.net\r\n');
    expect(prose(text)).toContain('The attachment invoice.exe was removed');
    expect(text.toLowerCase()).toContain('content-type: text/plain; charset=utf-8');
    expect(text).not.toContain(base64(PE).slice(0, 40));
    expect(text).not.toContain('application/octet-stream');
  });

  test.each(['message/rfc822', 'message/global'])(
    'finds what is in a %s, and takes only that',
    async (type) => {
      const inner = mail([{ name: 'x.scr' }]).replaceAll('edge', 'inner');
      const message = mail([]).replace('--edge--', `--edge\nContent-Type: ${type}\n\n${inner}\n--edge--`);
      const { decision, text } = await filter(message);
      expect(decision.reason).toBe('x.scr: files with the extension .scr are not allowed');
      expect(text).toContain(type);
      expect(prose(text)).toContain('The attachment x.scr was removed');
      expect(text).not.toContain(base64('harmless'));
    },
  );

  test('takes an attached message as a whole if that is blocked', async () => {
    const inner = mail([{ name: 'x.scr' }]).replaceAll('edge', 'inner');
    const message = mail([]).replace(
      '--edge--',
      `--edge\nContent-Type: message/rfc822; name="forward.eml"\n\n${inner}\n--edge--`,
    );
    const { decision, text } = await filter(message, 'messages');
    expect(decision.reason).toContain('forward.eml');
    expect(text).not.toContain('x.scr');
  });

  test('fails without leave to change the message', async () => {
    const bound = await serve(PLUGIN, {}, false);
    await expect(bound.filter(mail([{ name: 'a.exe' }]))).rejects.toThrow(/allowModify/);
    expect((await bound.filter(mail([{ name: 'a.txt' }]))).decision).toEqual({});
    await bound.close();
  });
});

describe('the other actions', () => {
  const bad = mail([{ name: 'a.pdf.exe' }]);
  const reason = 'files with the extension .exe are not allowed, least of all behind another extension';

  test('reject names file and reason and changes nothing', async () => {
    const { decision, modified } = await filter(bad, 'reject');
    expect(decision).toEqual({
      verdict: 'reject',
      reply: { code: 554, enhanced: '5.7.1', text: `Attachment not accepted: a.pdf.exe: ${reason}` },
      reason: `a.pdf.exe: ${reason}`,
      tags: { attachment: 'rejected' },
    });
    expect(modified).toBe(false);
  });

  test('quarantine holds it as it is', async () => {
    const { decision, modified } = await filter(bad, 'quarantine');
    expect(decision).toMatchObject({ verdict: 'quarantine', tags: { attachment: 'found' } });
    expect(modified).toBe(false);
  });

  test('header names each finding', async () => {
    const { text } = await filter(mail([{ name: 'a.exe' }, { name: 'b.vbs' }]), 'header');
    const unfolded = text.replaceAll(/\r\n[ \t]+/g, ' ');
    expect(unfolded).toContain('X-Postern-Attachment: found; name="a.exe"; files with the extension .exe');
    expect(unfolded).toContain('X-Postern-Attachment: found; name="b.vbs"; files with the extension .vbs');
    expect(text).toContain(base64('harmless'));
  });

  test.each([
    ['Subject: Hello', /^Subject: \[checked\] Hello\r$/m],
    ['Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=', /^Subject: \[checked\] =\?utf-8\?Q\?Gr=C3=BC=C3=9Fe\?=\r$/m],
    ['Subject: [checked] Hello', /^Subject: \[checked\] Hello\r$/m],
    ['X-Other: 1', /^Subject: \[checked\]\r$/m],
  ])('mark, with "%s"', async (subject, expected) => {
    const { text } = await filter(mail([{ name: 'a.exe' }], subject), 'mark');
    expect(text).toMatch(expected);
    expect(text.match(/^Subject:/gm)).toHaveLength(1);
  });
});

const octets = (text: string): Buffer => Buffer.concat([Buffer.from(text, 'latin1'), Buffer.alloc(80)]);

const NAMES: readonly (readonly [string, boolean])[] = [
  ['a.exe', true],
  ['A.EXE', true],
  ['a.exe.', true],
  ['a.exe . .', true],
  ['a.pdf                         .exe', true],
  ['..exe', true],
  ['dir\\\\a.js', true],
  ['exe', false],
  ['a.exe.txt', false],
  ['a.exe/b', false],
  ['a.pdf', false],
];

test('names', async () => {
  const service = guard('default');
  for (const [name, blocked] of NAMES) {
    const { decision } = await service.filter(mail([{ name }]));
    expect({ name, blocked: decision.reason !== undefined }).toEqual({ name, blocked });
  }
});

const MAGIC: readonly (readonly [string, Uint8Array])[] = [
  ['pe', PE],
  ['elf', octets('\x7fELF\x02')],
  ['macho', octets('\xcf\xfa\xed\xfe')],
  ['macho', octets('\xca\xfe\xba\xbe\0\0\0\x02')],
  ['class', octets('\xca\xfe\xba\xbe\0\0\0\x34')],
  ['script', octets('#!/bin/sh\n')],
  ['jar', octets(`PK\x03\x04${'\0'.repeat(26)}META-INF/MANIFEST.MF`)],
  ['zip', octets(`PK\x03\x04${'\0'.repeat(26)}word/document.xml`)],
  ['zip', octets('PK\x05\x06')],
  ['rar', octets('Rar!\x1a\x07\x01\0')],
  ['7z', octets("7z\xbc\xaf'\x1c")],
  ['gz', octets('\x1f\x8b\x08')],
  ['ole2', octets('\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1')],
  ['pdf', octets('\r\n%PDF-1.4')],
  ['png', octets('\x89PNG\r\n\x1a\n')],
  ['jpeg', octets('\xff\xd8\xff\xe0')],
  ['gif', octets('GIF89a')],
];

test('real types, each blocked by its own name and by no other', async () => {
  const kinds = [...new Set(MAGIC.map(([kind]) => kind))];
  const services = await serveEach(
    PLUGIN,
    kinds.map((kind) => ({ blockRealTypes: kind, unreadableArchives: 'allow', action: 'quarantine' })),
  );
  for (const [kind, head] of MAGIC) {
    for (const [index, service] of services.entries()) {
      const { decision } = await service.filter(mail([{ name: 'data', octets: head }]));
      const blocked = decision.verdict === 'quarantine';
      expect({ kind, by: kinds[index], blocked }).toEqual({
        kind,
        by: kinds[index],
        blocked: kind === kinds[index],
      });
    }
  }
});

test('a program that claims to be something else is blocked whatever the lists say', async () => {
  const service = guard('nothing');
  const cases: readonly (readonly [Attachment, string])[] = [
    [{ name: 'photo.jpg', type: 'image/jpeg', octets: PE }, 'a Windows program that claims'],
    [{ name: 'photo.jpg', octets: PE }, 'a Windows program that claims'],
    [{ type: 'application/pdf', octets: octets('#!/bin/sh\n') }, 'a script that claims'],
    [{ name: 'photo.jpg', type: 'image/jpeg', octets: octets('\xff\xd8\xff') }, 'none'],
    [{ name: 'tool', octets: PE }, 'none'],
  ];
  for (const [attachment, reason] of cases) {
    const { decision } = await service.filter(mail([attachment]));
    expect(decision.reason ?? 'none').toContain(reason);
  }
});

test('a replacement text may have several lines', async () => {
  const service = await serve(PLUGIN, { replaceText: 'Removed.\n\nAsk {name}\n' });
  expect(service.problems).toEqual([]);
  const { text } = await service.filter(mail([{ name: 'a.exe' }]));
  await service.close();
  expect(text).toContain('\r\n\r\nRemoved.\r\n\r\nAsk a.exe\r\n');
});

test('declared types, whole families too', async () => {
  const service = guard('types');
  expect((await service.filter(mail([{ type: 'VIDEO/mp4' }]))).decision.reason).toBe(
    'without a name: the type video/mp4 is not allowed',
  );
  expect((await service.filter(mail([{ type: 'application/x-thing' }]))).decision.verdict).toBe('quarantine');
  expect((await service.filter(mail([{ type: 'application/x-thing2' }]))).decision).toEqual({});
});

test('many attachments give one decision', async () => {
  const many = Array.from({ length: 300 }, (_, i) => ({ name: `n${i}.exe` }));
  const { decision, text } = await filter(mail(many), 'everything');
  expect(decision.tags).toEqual({ attachment: 'removed' });
  expect(text.match(/^X-Postern-Attachment:/gm)).toHaveLength(20);
  expect(prose(text).match(/The attachment n\d+\.exe was removed/g)).toHaveLength(300);
});

const REFUSED: readonly (readonly [Record<string, unknown>, string])[] = [
  [
    { actions: 'replace' },
    'Cannot use actions: found "replace", allowed keys are action, replaceText, subjectTag',
  ],
  [
    { action: 'delete' },
    'Cannot use action: found "delete", allowed are replace, mark, warn, header, quarantine, reject',
  ],
  [{ action: ['mark', 'delete'] }, 'Cannot use action[1]: found "delete", allowed are replace'],
  [{ action: ['mark', 'reject'] }, 'Cannot use action: found a list, but what is rejected goes nowhere'],
  [{ action: [] }, 'Cannot use action: found a list, allowed are replace, mark'],
  [{ blockRealTypes: ['exe'] }, 'Cannot use blockRealTypes[0]: found "exe", allowed are pe, elf'],
  [
    { blockExtensions: [7] },
    'Cannot use blockExtensions[0]: found 7, allowed is a text of 1 to 20 characters',
  ],
  [
    { subjectTag: 'a\r\nBcc: x@example.com' },
    'Cannot use subjectTag: found "a\\u000d\\u000aBcc: x@example.com"',
  ],
];

test.each([
  { name: 'a.doc', octets: OLE2 },
  { name: 'a.zip', octets: 'PK' },
])('many $name do not use up its memory', async (one) => {
  const many = Array.from({ length: 980 }, () => one);
  const { decision } = await filter(mail([...many, { name: 'a.exe' }]), 'macros');
  expect(decision).toMatchObject({ verdict: 'quarantine', reason: expect.stringContaining('a.exe') });
});

test('refuses bad settings in a sentence', async () => {
  const found = await complaints(
    PLUGIN,
    REFUSED.map(([settings]) => settings),
  );
  for (const [index, [, sentence]] of REFUSED.entries()) expect(found[index]).toContain(sentence);
});

describe('what tries to get by', () => {
  const withHeader = (...fields: string[]): string =>
    [
      'From: a@b.example',
      'Content-Type: multipart/mixed; boundary=b',
      '',
      '--b',
      ...fields,
      '',
      'x',
      '--b--',
      '',
    ].join('\n');

  test.each([
    ['Content-Disposition: attachment; filename=ok.txt; filename=a.exe'],
    ['Content-Disposition: attachment; filename=ok.txt\nContent-Disposition: attachment; filename=a.exe'],
    ['Content-Type: text/plain; name=a.exe\nContent-Disposition: attachment; filename=ok.txt'],
    ['Content-Disposition: attachment; filename="a.exe::$DATA"'],
    ['Content-Disposition: attachment; filename="a.exe . . "'],
    ['Content-Disposition: attachment; filename="a.exe/"'],
    [`Content-Disposition: attachment; filename="=?utf-8?B?${base64('a．ｅｘｅ')}?="`],
    [`Content-Disposition: attachment; filename="=?utf-8?B?${base64('a.exe\u3000')}?="`],
    [`Content-Disposition: attachment; filename="=?utf-8?B?${base64('a.exe\0.txt')}?="`],
  ])('by its name: %s', async (fields) => {
    const { decision } = await filter(withHeader(fields), 'quarantine');
    expect(decision).toMatchObject({
      verdict: 'quarantine',
      reason: expect.stringContaining('.exe') as unknown,
    });
  });

  test('uuencoded in a text, at the end of any chunk', async () => {
    const begin = 'begin 644 a.exe\nM35H\nend\n';
    for (const before of [0, 65_000, 65_130, 65_535, 65_536, 200_000]) {
      const filler = `${'x'.repeat(63)}\r\n`.repeat(before / 65) + 'y'.repeat(before % 65);
      const text = `From: a@b.example\n\n${filler}\n${begin}`;
      expect((await filter(text, 'reject')).decision, `${before}`).toMatchObject({ verdict: 'reject' });
    }
    const prose = 'From: a@b.example\n\nWe begin 644 a.exe\nbegin 64 a.exe\nbegin again.exe\n';
    expect((await filter(prose, 'reject')).decision).toEqual({});
    const text = `From: a@b.example\n\n${'x'.repeat(70_000)}begin 644 a.exe\n`;
    expect((await filter(text, 'reject')).decision).toEqual({});
  });

  const nested = (depth: number): string => {
    const open = Array.from(
      { length: depth },
      (_, i) => `Content-Type: multipart/mixed; boundary=b${i}x\n\n--b${i}x\n`,
    );
    return `From: a@b.example\n${open.join('')}Content-Disposition: attachment; filename=a.exe\n\nx\n`;
  };
  const OBSCURE: readonly (readonly [string, string])[] = [
    ['more levels than are looked at', nested(40)],
    [
      'more parts than are looked at',
      `Content-Type: multipart/mixed; boundary=b\n\n${'--b\n\nx\n'.repeat(1000)}--b\nContent-Disposition: a; filename=a.exe\n\nx\n--b--\n`,
    ],
    ['two types', `Content-Type: text/plain\n${nested(1)}`.replace('From: a@b.example\n', '')],
    [
      'an unknown encoding',
      `Content-Type: image/png\nContent-Transfer-Encoding: x-uuencode\n\nbegin 644 a.exe\n`,
    ],
    [
      'an encoded message',
      'Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nRnJvbTogYUBi\n',
    ],
    ['a fragment', 'Content-Type: message/partial; number=1; total=2; id=x\n\nname="a.exe"\n'],
    ['a body elsewhere', 'Content-Type: message/external-body; access-type=URL\n\nname="a.exe"\n'],
    [
      'a delimiter that goes on',
      `${nested(1)}--b0xx\nContent-Type: a/b; name=a.exe\n\nx\n`.replace('filename=a.exe', ''),
    ],
    ['a line in a header that is no field', nested(1).replace('Content-Disp', 'x\nContent-Disp')],
    ['a header that begins with a continuation', nested(1).replace('Content-Disp', ' x\nContent-Disp')],
    [
      'an encoded multipart',
      'Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\nLS1iCkNvbnRlbnQt\n',
    ],
    ['a type that is none', nested(1).replace('multipart/mixed', '=?utf-8?q?multipart/mixed?=')],
    ['two boundaries', nested(1).replace('boundary=b0x', 'boundary=other; boundary=b0x')],
  ];

  test.each(OBSCURE)('by %s', async (_, message) => {
    const held = await filter(message, 'default');
    expect(held.decision).toMatchObject({
      verdict: 'quarantine',
      tags: { attachment: 'unchecked' },
      reason: expect.stringMatching(/^the message cannot be checked: /) as unknown,
    });
    const refused = await filter(message, 'reject');
    expect(refused.decision).toMatchObject({ verdict: 'reject', reply: { code: 554, enhanced: '5.6.0' } });
  });

  test('but what can be looked at is', async () => {
    expect((await filter(nested(30), 'reject')).decision).toMatchObject({ reply: { enhanced: '5.7.1' } });
  });
});

describe('sub-policies', () => {
  const [ANN, BEN, CLEO] = ['ann@sales.example', 'ben@example.com', 'cleo@example.org'] as const;
  const to = (...addresses: readonly string[]) => ({
    recipients: addresses.map((address) => ({ address, normal: address.toLowerCase(), params: {} })),
  });
  const exe = mail([{ name: 'a.exe' }]);
  let service: Asked;

  beforeAll(async () => {
    service = await serve(PLUGIN, {
      action: ['replace', 'header'],
      policies: [
        { senders: ['@partner.example', '<>'], blockExtensions: [] },
        { recipients: ['@Sales.example'], blockExtensions: ['zip'], action: 'quarantine' },
        { recipients: CLEO, action: 'reject' },
      ],
    });
  });
  afterAll(() => service.close());

  test('the first that matches holds, with what it does not say from the settings', async () => {
    expect((await service.filter(exe, to(ANN))).decision).toEqual({});
    const zip = mail([{ name: 'a.zip' }]);
    expect((await service.filter(zip, to('Ann@SALES.example'))).decision.verdict).toBe('quarantine');
    expect((await service.filter(zip, to(BEN))).decision).toEqual({});
    const forBen = await service.filter(exe, to(BEN));
    expect(forBen.decision.verdict).toBeUndefined();
    expect(forBen.text).toContain('X-Postern-Attachment: removed');
    const forCleo = await service.filter(exe, to(CLEO));
    expect(forCleo.decision).toMatchObject({ verdict: 'reject' });
    expect(forCleo.modified).toBe(false);
    for (const address of ['joe@partner.example', '']) {
      const sender = { address, normal: address, params: {} };
      expect((await service.filter(exe, { ...to(CLEO), sender })).decision).toEqual({});
    }
  });

  test('each of several recipients has the verdict of theirs, and all the same message', async () => {
    const { decision, text } = await service.filter(exe, to(BEN, CLEO));
    expect(decision.verdict).toBeUndefined();
    expect(decision.recipients).toMatchObject([{ address: CLEO, verdict: 'reject', reply: { code: 554 } }]);
    expect(prose(text)).toContain('The attachment a.exe was removed');
    const mixed = mail([{ name: 'a.zip' }, { name: 'b.exe' }]);
    const three = await service.filter(mixed, to(ANN, BEN, CLEO));
    expect(three.decision.recipients).toMatchObject([
      { address: ANN, verdict: 'quarantine' },
      { address: CLEO, verdict: 'reject' },
    ]);
    expect(three.text).toContain('filename="a.zip"');
    expect(prose(three.text)).toContain('The attachment b.exe was removed');
  });

  test('what is taken out for one is taken out for all, once, also of parts in one another', async () => {
    const several = await serve(PLUGIN, {
      action: ['replace', 'mark', 'warn'],
      policies: [
        {
          recipients: ANN,
          blockExtensions: ['eml'],
          replaceText: 'Gone: {name}',
          action: ['replace', 'mark', 'header'],
        },
        { recipients: BEN, blockExtensions: ['scr', 'eml'] },
      ],
    });
    const inner = mail([{ name: 'x.scr' }]).replaceAll('edge', 'inner');
    const message = mail([]).replace(
      '--edge--',
      `--edge\nContent-Type: message/rfc822; name="forward.eml"\n\n${inner}\n--edge--`,
    );
    const { text } = await several.filter(message, to(CLEO, ANN, BEN));
    await several.close();
    expect(text.match(/Gone: forward\.eml|The attachment forward\.eml was removed/g)).toHaveLength(1);
    expect(text).not.toContain('x.scr"\r\n\r\n');
    expect(text.match(/\[attachment removed\]/g)).toHaveLength(1);
    expect(text.match(/An attachment of this message is not allowed/g)).toHaveLength(1);
    expect(text.match(/X-Postern-Attachment: removed; name="forward\.eml"/g)).toHaveLength(1);
  });

  test('what cannot be checked is refused or held for each', async () => {
    const odd = exe.replace(
      'Content-Type: application/octet-stream',
      'Content-Type: text/plain\nContent-Type: text/html',
    );
    const { decision } = await service.filter(odd, to(BEN, CLEO));
    expect(decision.recipients).toMatchObject([
      { address: BEN, verdict: 'quarantine' },
      { address: CLEO, verdict: 'reject', reply: { enhanced: '5.6.0' } },
    ]);
  });
});

describe('what a file claims to be', () => {
  const kinds: Readonly<Record<string, Uint8Array>> = {
    pdf: octets('%PDF-1.4'),
    png: octets('\x89PNG\r\n\x1a\n'),
    jpeg: octets('\xff\xd8\xff\xe0'),
    ole2: octets('\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1'),
    rar: octets('Rar!\x1a\x07\x01\0'),
    text: octets('hello'),
  };
  const cases: readonly (readonly [Attachment, string, string])[] = [
    [{ name: 'a.pdf' }, 'pdf', ''],
    [{ name: 'a.pdf' }, 'text', ''],
    [{ name: 'a.pdf' }, 'png', 'it claims to be a .pdf and is a png file'],
    [{ name: 'a.JPG' }, 'jpeg', ''],
    [{ name: 'a.jpg' }, 'rar', 'it claims to be a .jpg and is a rar file'],
    [{ name: 'a.docx' }, 'ole2', ''],
    [{ name: 'a.docx' }, 'pdf', 'it claims to be a .docx and is a pdf file'],
    [{ name: 'a', type: 'image/png' }, 'png', ''],
    [{ name: 'a', type: 'image/png' }, 'pdf', 'it claims to be image/png and is a pdf file'],
    [{ name: 'a', type: 'text/plain' }, 'ole2', 'it claims to be text/plain and is an OLE2 file'],
    [{ name: 'a.mp3' }, 'pdf', 'it claims to be a .mp3 and is a pdf file'],
    [{ name: 'a.unheard' }, 'pdf', ''],
  ];

  test('is held against it, if that is asked for', async () => {
    const [strict, plain] = await serveEach(PLUGIN, [
      { mismatch: 'block', action: 'quarantine' },
      { action: 'quarantine' },
    ]);
    for (const [attachment, kind, expected] of cases) {
      const message = mail([{ ...attachment, octets: kinds[kind]! }]);
      const found = (await strict!.filter(message)).decision.reason?.replace(/^[^:]*: /, '') ?? '';
      expect({ attachment, kind, found }).toEqual({ attachment, kind, found: expected });
      expect((await plain!.filter(message)).decision).toEqual({});
    }
    await strict!.close();
  });
});
