import { expect, test } from 'vitest';
import { openSpool, spoolOf } from '../base/spool.ts';
import { canonicalEntity } from './canonical-entity.ts';

/** Of a message with LF lines, one character an octet. */
function entityOf(lines: readonly string[]): string {
  const octets = Buffer.from(lines.join('\r\n'), 'latin1');
  const entity = canonicalEntity(openSpool(spoolOf(octets).handle)).toString('latin1');
  expect(entity).not.toMatch(/[^\t\r\n -~]|[ \t]\r\n|^From |[^\r]\n|.{991}/m);
  return entity;
}

const HEADER = ['From: ann@example.com', 'Subject: Hello', 'MIME-Version: 1.0'];

test('Of the header only what is of the content is taken', () => {
  expect(
    entityOf([...HEADER, 'Content-Type: text/html;', ' charset=utf-8', 'content-language: de', '', 'Hi']),
  ).toBe('Content-Type: text/html;\r\n charset=utf-8\r\ncontent-language: de\r\n\r\nHi');
  expect(entityOf([...HEADER, '', 'Hi', ''])).toBe(
    'Content-Type: text/plain; charset=us-ascii\r\n\r\nHi\r\n',
  );
  expect(entityOf(HEADER)).toBe('Content-Type: text/plain; charset=us-ascii\r\n\r\n');
});

test.each([
  ['octets beyond ASCII', `gr\u00fc\u00dfe${' more'.repeat(9)}`, 'gr=FC=DFe more'],
  ['blanks at the end of a line', `${'word '.repeat(9)} `, 'word =20'],
  ['a long line', 'x'.repeat(1200), `${'x'.repeat(75)}=\r\n`],
])('%s are written in quoted-printable', (_, body, expected) => {
  const entity = entityOf([
    ...HEADER,
    'Content-Type: text/plain; charset=iso-8859-1',
    'Content-Transfer-Encoding: 8bit',
    '',
    body,
  ]);
  expect(entity).toContain('Content-Transfer-Encoding: quoted-printable\r\n\r\n');
  expect(entity).not.toContain('8bit');
  expect(entity).toContain(expected);
});

test('A line that begins with "From ", and what is no text, are written in base64', () => {
  const text = entityOf([...HEADER, 'Content-Type: text/plain', '', 'From here']);
  expect(text).toBe(
    `Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n${btoa('From here')}`,
  );
  const program = entityOf([
    ...HEADER,
    'Content-Type: image/png',
    'Content-Transfer-Encoding: binary',
    '',
    '\0\u00ff',
  ]);
  expect(program).toBe('Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAP8=');
});

test('Of a multipart each part is by itself, and those that are well stay as they are', () => {
  const part = (...lines: string[]): string[] => ['--edge', ...lines];
  const quoted = part(
    'Content-Type: text/html',
    'Content-Transfer-Encoding: quoted-printable',
    '',
    'a=20',
    'b',
  );
  const entity = entityOf([
    ...HEADER,
    'Content-Type: multipart/mixed; boundary=edge',
    'Content-Transfer-Encoding: 8bit',
    '',
    'pre\u00e4mble ',
    ...part(
      'Content-Type: text/plain; charset=utf-8',
      'Content-Transfer-Encoding: 8bit',
      '',
      `\u00c3\u00a4${' more'.repeat(9)}`,
    ),
    ...quoted,
    ...part('Content-Type: message/rfc822 ', '', 'Subject: inner  ', '', `inner \u00e4${' more'.repeat(9)}`),
    '--edge--',
    'epilogue ',
  ]);
  expect(entity.split('\r\n').slice(0, 3)).toEqual([
    'Content-Type: multipart/mixed; boundary=edge',
    'Content-Transfer-Encoding: 7bit',
    '',
  ]);
  expect(entity).toContain(`\r\n${quoted.join('\r\n')}\r\n--edge\r\n`);
  expect(entity).toContain('Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=A4 more');
  expect(entity).toContain(
    'Subject: inner\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ninner =E4 more',
  );
});

test('Base64 with blanks in it is written anew, with the same octets', () => {
  const header = [...HEADER, 'Content-Type: application/pdf', 'Content-Transfer-Encoding: BASE64', ''];
  expect(entityOf([...header, 'AAEC \t', 'AwQF ', ''])).toMatch(/base64\r\n\r\nAAECAwQF$/i);
});
