/** Messages that every SDK must treat alike. Octets as latin1, lines end in LF here and in CRLF when they are sent. */
const utf8 = (text: string): string => Buffer.from(text).toString('latin1');
const base64 = (octets: string): string =>
  Buffer.from(octets, 'latin1')
    .toString('base64')
    .replaceAll(/.{76}(?=.)/g, '$&\n');

const mixed = (...parts: string[]): string =>
  `Subject: parts\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n${parts
    .map((part) => `--b\n${part}\n`)
    .join('')}--b--\n`;
const attached = (header: string, body = 'MZ'): string =>
  `Content-Type: application/octet-stream\n${header}\nContent-Transfer-Encoding: base64\n\n${base64(body)}`;
const named = (name: string): string => attached(`Content-Disposition: attachment; filename=${name}`);
const encoded = (type: string, body: string): string =>
  `Subject: x\nMIME-Version: 1.0\nContent-Type: ${type}\nContent-Transfer-Encoding: base64\n\n${base64(body)}\n`;

export const SUBJECTS: Readonly<Record<string, string>> = {
  plain: 'Subject: Hello\n\nHi.\n',
  'no subject': 'From: a@example.net\n\nHi.\n',
  'no header': '\nHi.\n',
  empty: '',
  'an empty subject': 'Subject:\n\nHi.\n',
  'two subjects, folded': 'subject: one\n\ttwo  three\nSubject: other\n\nHi.\n',
  'quotes and backslashes': 'Subject: "a\\b" /c\n\nHi.\n',
  'a tab, a bell and DEL': 'Subject: a\tb\u0007c\u007f\n\nHi.\n',
  'UTF-8': `Subject: ${utf8('Grüße 😀')}\n\nHi.\n`,
  // Truncated, overlong, a surrogate, past U+10FFFF, alone: what each becomes is fixed by the Encoding Standard.
  'no UTF-8': 'Subject: a\xe2\x82b\xf0\x9f\x98c\xc0\xafd\xed\xa0\x80e\xf4\x90\x80\x80f\x80\xffg\xe2\n\nHi.\n',
  'too long': `Subject: ${`${'y'.repeat(70)}\n `.repeat(9)}end\n\nHi.\n`,
  'cut within a pair': `Subject: ${'y'.repeat(511)}${utf8('😀😀')}\n\nHi.\n`,
  'cut after a pair': `Subject: ${'y'.repeat(510)}${utf8('😀😀')}\n\nHi.\n`,
  'longer than a first read': `Subject: ${`${utf8('ü'.repeat(40))}\n `.repeat(20)}end\n\nHi.\n`,
};

export const WORD = 'abracadabra';
const CHUNK = 4096;

const straddling: Record<string, string> = {};
for (let before = 0; before <= WORD.length; before++) {
  const body = `${'a'.repeat(CHUNK - before)}${WORD}${'x'.repeat(5000)}`;
  straddling[`the word ${before} octets before a read ends`] = encoded('text/plain', body);
}

export const BODIES: Readonly<Record<string, string>> = {
  ...straddling,
  'the word at the start': `Subject: x\n\n${WORD}`,
  'the word at the end of the third read': encoded(
    'text/html',
    `${'z'.repeat(3 * CHUNK - WORD.length)}${WORD}`,
  ),
  'the word in capitals': `Subject: x\n\nsay ABRAcadabra now\n`,
  'the word after its own beginning': `Subject: x\n\nabracadabracadabra\n`,
  'half the word': `Subject: x\n\nabracadab\n`,
  'the halves in two reads with a gap': encoded('text/plain', `${'x'.repeat(CHUNK - 5)}abrac_adabra`),
  'the word in the header': `Subject: ${WORD}\n\nHi.\n`,
  'the word in no text': encoded('application/octet-stream', WORD),
  'the word in quoted-printable': `Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\nabra=\ncada=62ra\n`,
  'the word in the second part': mixed(
    'Content-Type: text/plain\n\nHi.',
    `Content-Type: text/html\n\n<b>${WORD}</b>`,
  ),
  'the word in a nested message': mixed(`Content-Type: message/rfc822\n\nSubject: y\n\n${WORD}\n`),
  'exactly one read': encoded('text/plain', 'x'.repeat(CHUNK)),
  'no body': 'Subject: x\n\n',
  empty: '',
};

export const ATTACHMENTS: Readonly<Record<string, string>> = {
  none: 'Subject: x\n\nHi.\n',
  one: mixed('Content-Type: text/plain\n\nHi.', named('invoice.exe')),
  'one that is harmless': mixed(named('invoice.pdf')),
  'in capitals': mixed(named('INVOICE.EXE')),
  'two, and one between': mixed(named('a.exe'), named('b.txt'), named('c.exe')),
  'without a dot': mixed(named('exe')),
  'with a dot at the end': mixed(named('exe.')),
  'with two dots': mixed(named('invoice.pdf.exe')),
  'quotes, backslashes and a tab': mixed(named('"a \\"b\\" \\\\ c\td.exe"')),
  'by RFC 2231': mixed(named("x.txt; filename*=UTF-8''%E2%82%AC%0D%0A%00%F0%9F%98%80.exe")),
  'by RFC 2047': mixed(named(`"=?UTF-8?B?${Buffer.from('счёт 😀.exe').toString('base64')}?="`)),
  'by 8-bit octets': mixed(named(`"${utf8('rechnung-ü')}\xff.exe"`)),
  'by Content-Type alone': mixed('Content-Type: application/x-msdownload; name=run.exe\n\nMZ'),
  'with a long name': mixed(
    named(
      Array.from({ length: 12 }, (_, i) => `x; filename*${i}=${'n'.repeat(60)}`)
        .join(';\n ')
        .replace('x; ', '') + '; filename*12=.exe',
    ),
  ),
  'a message in a message': mixed(
    `Content-Type: message/rfc822\nContent-Disposition: attachment; filename=mail.exe\n\n${mixed(named('a.exe'))}`,
    named('b.exe'),
  ),
  'inside a harmless message': mixed(
    `Content-Type: message/rfc822\nContent-Disposition: attachment; filename=mail.eml\n\n${mixed(named('a.exe')).replaceAll('--b', '--c').replace('boundary=b', 'boundary=c')}`,
  ),
  'the whole message': `Subject: x\nContent-Type: application/octet-stream\nContent-Disposition: attachment; filename=a.exe\n\nMZ\n`,
  'a large one': mixed(attached('Content-Disposition: attachment; filename=big.exe', 'M'.repeat(200_000))),
  'many parts': mixed(...Array.from({ length: 60 }, (_, i) => named(i % 3 === 0 ? `${i}.exe` : `${i}.txt`))),
};
