import { expect, it } from 'vitest';
import { indexHeader } from './header-index.ts';
import { composeNotice, type NoticeRequest } from './notice.ts';

const compose = (more: Partial<NoticeRequest> = {}): string =>
  Buffer.from(
    composeNotice({
      id: 'n1',
      date: new Date(0),
      hostname: 'gate.test',
      from: 'MAILER-DAEMON@gate.test',
      to: 'ann@example.com',
      isAnswer: false,
      subject: 'A virus',
      text: 'It was Eicar.\n',
      service: 'antivirus',
      transaction: 't1',
      sender: 'bob@example.net',
      recipients: ['ann@example.com'],
      header: new Uint8Array(),
      ...more,
    }),
  ).toString('latin1');

it('reads as it should', () => {
  const header = 'Subject: =?utf-8?q?hi?=\r\nMessage-ID: <m@example.net>\r\nReferences: <a@b>\r\n <c@d>\r\n';
  expect(compose({ header: Buffer.from(header) }).split('\r\n')).toEqual([
    'Date: Thu, 1 Jan 1970 00:00:00 +0000',
    'From: Mail Gate <MAILER-DAEMON@gate.test>',
    'To: <ann@example.com>',
    'Subject: A virus',
    'Message-ID: <n1@gate.test>',
    'In-Reply-To: <m@example.net>',
    'References: <a@b>',
    ' <c@d>',
    ' <m@example.net>',
    'Auto-Submitted: auto-generated',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: quoted-printable',
    '',
    'It was Eicar.',
    '',
    '=2D-=20',
    'gate.test (antivirus) t1',
    'MAIL FROM: <bob@example.net>',
    'RCPT TO: <ann@example.com>',
    'Subject: hi',
    'Message-ID: <m@example.net>',
    '',
  ]);
});

it('has no field that a stranger put in', () => {
  const evil = 'x\r\nBcc: everyone@example.com\r\n\r\n';
  const notice = compose({
    subject: evil,
    text: evil,
    to: evil,
    from: evil,
    sender: evil,
    recipients: [evil],
    hostname: 'gate.test',
    header: Buffer.from(
      `Message-ID: <a b> <c@d>>\r\nReferences: <${'x'.repeat(300)}@y> x\r\nFrom: =?utf-8?q?=0D=0ABcc:_x?=\r\n`,
    ),
  });
  const fields = indexHeader(Buffer.from(notice, 'latin1'));
  expect(fields.find('Bcc')).toBeUndefined();
  expect(fields.first('In-Reply-To')).toBe('<c@d>');
  expect(fields.first('References')).toBe('<c@d>');
});

it('shows 20 recipients and how many there are', () => {
  const recipients = Array.from({ length: 30 }, (_, index) => `r${index}@example.com`);
  const notice = compose({ recipients });
  expect(notice).toContain('RCPT TO: <r19@example.com>');
  expect(notice).not.toContain('r20@example.com');
  expect(notice).toContain('(30)');
});

it('is ASCII but for an address that is not', () => {
  expect(compose({ subject: 'Ein Virus: Grüße', text: 'Grüße' })).toMatch(/^[\t\r\n -~]*$/);
});
