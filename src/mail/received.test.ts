import { describe, expect, it } from 'vitest';
import { formatDate } from './date.ts';
import { indexHeader } from './header-index.ts';
import { composeReceived, composeReturnPath, type ReceivedFacts } from './received.ts';

const facts: ReceivedFacts = {
  helo: 'mail.example.net',
  address: '192.0.2.7',
  hostname: 'gate.example.com',
  protocol: 'ESMTP',
  tls: true,
  authenticated: false,
  smtputf8: false,
  id: '01j9abc',
  date: new Date('2003-07-01T08:52:07Z'),
};
const received = (changes: Partial<ReceivedFacts>): string =>
  Buffer.from(composeReceived({ ...facts, ...changes })).toString();

describe('composeReceived', () => {
  it('tells from whom, by whom, how and when', () => {
    expect(received({})).toBe(
      'Received: from mail.example.net ([192.0.2.7])\r\n' +
        '\tby gate.example.com with ESMTPS id 01j9abc;\r\n' +
        '\tTue, 1 Jul 2003 08:52:07 +0000\r\n',
    );
  });

  it('names a single recipient', () => {
    expect(received({ recipient: 'ann@example.com' })).toContain(
      'id 01j9abc\r\n\tfor <ann@example.com>;\r\n',
    );
  });

  it('writes an IPv6 client as an address literal', () => {
    expect(received({ address: '2001:db8::1' })).toContain('([IPv6:2001:db8::1])');
  });

  it.each([
    [{ protocol: 'SMTP', tls: false }, 'SMTP'],
    [{ tls: false }, 'ESMTP'],
    [{ authenticated: true }, 'ESMTPSA'],
    [{ tls: false, authenticated: true }, 'ESMTPA'],
    [{ smtputf8: true, authenticated: true }, 'UTF8SMTPSA'],
    [{ protocol: 'LMTP', tls: false }, 'LMTP'],
    [{ protocol: 'LMTP', smtputf8: true }, 'UTF8LMTPS'],
  ] as [Partial<ReceivedFacts>, string][])('says how: %j', (changes, keyword) => {
    expect(received(changes)).toContain(` with ${keyword} id`);
  });

  it.each([
    'x\r\nBcc: ann@example.com',
    'x (y) ([10.0.0.1]) by z; date',
    'ü\0',
    '',
    'a'.repeat(5000),
    '[192.0.2.7]',
  ])('does not let HELO %j forge anything', (helo) => {
    const header = indexHeader(composeReceived({ ...facts, helo, recipient: 'a\r\nb@example.com' }));
    expect(header.fields).toHaveLength(1);
    expect(header.ending).toBe('end');
    expect(header.value(0)).toMatch(
      /^from [\w.:?[\]-]{1,255} \(\[192\.0\.2\.7\]\)\tby gate\.example\.com with ESMTPS id 01j9abc\tfor <a\?\?b@example\.com>;\tTue, [^;]*$/,
    );
  });
});

describe('composeReturnPath', () => {
  it('gives the reverse-path', () => {
    expect(Buffer.from(composeReturnPath('ann@example.com')).toString()).toBe(
      'Return-Path: <ann@example.com>\r\n',
    );
    expect(Buffer.from(composeReturnPath('')).toString()).toBe('Return-Path: <>\r\n');
    expect(Buffer.from(composeReturnPath('a\r\nb')).toString()).toBe('Return-Path: <a??b>\r\n');
  });
});

describe('formatDate', () => {
  it('is read back by others', () => {
    for (const text of ['2026-08-31T23:59:59Z', '2024-02-29T00:00:00Z', '1999-12-01T12:30:05Z']) {
      expect(new Date(formatDate(new Date(text)))).toEqual(new Date(text));
    }
    expect(formatDate(new Date('2026-08-09T01:02:03Z'))).toBe('Sun, 9 Aug 2026 01:02:03 +0000');
  });
});
