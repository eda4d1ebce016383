import { describe, expect, it } from 'vitest';
import { openSpool, spoolOf } from '../base/spool.ts';
import { composeDsn, type DsnRequest } from './dsn.ts';
import { indexHeader } from './header-index.ts';
import { indexMime } from './mime-index.ts';
import { PartReader } from './part-reader.ts';
import { reply } from './reply.ts';

const request: DsnRequest = {
  action: 'failed',
  hostname: 'gate.example.com',
  opesSystem: 'mailto:postmaster@gate.example.com',
  id: '01j9abc',
  date: new Date('2026-08-09T01:02:03Z'),
  sender: { address: 'ann@example.com', params: {} },
  arrivalDate: new Date('2026-08-09T01:00:00Z'),
  recipients: [
    {
      recipient: { address: 'bob@example.org', params: {} },
      reply: reply(550, '5.1.1', 'No such user', 'here'),
      remote: 'mx.example.org',
    },
  ],
  originalHeader: Buffer.from('Subject: hello\r\nMessage-ID: <1@example.com>\r\n'),
};

interface Read {
  readonly text: string;
  readonly header: ReturnType<typeof indexHeader>;
  readonly types: string[];
  /** Decoded, one character an octet but for the first, which is UTF-8. */
  readonly people: string;
  readonly status: string;
  readonly original: string;
}

function read(changes: Partial<DsnRequest> = {}): Read {
  const bytes = composeDsn({ ...request, ...changes });
  const source = openSpool(spoolOf(bytes).handle);
  const { parts } = indexMime(source);
  const body = (index: number, charset: 'utf8' | 'latin1'): string => {
    const target = Buffer.alloc(parts[index]!.size);
    return target.toString(charset, 0, new PartReader(source, parts[index]!).readInto(target, 0));
  };
  return {
    text: Buffer.from(bytes).toString(),
    header: indexHeader(bytes),
    types: parts.map((part) => part.type),
    people: body(1, 'utf8'),
    status: body(2, 'latin1'),
    original: body(3, 'latin1'),
  };
}

const TYPES = ['multipart/report', 'text/plain', 'message/delivery-status', 'text/rfc822-headers'];

/** The groups of fields of message/delivery-status. */
function groups(status: string): Record<string, string>[] {
  return status.split(/(?<=\r\n)\r\n/).map((group) => {
    const header = indexHeader(Buffer.from(group));
    return Object.fromEntries(header.fields.map((_field, i) => [header.name(i), header.value(i)]));
  });
}

describe('composeDsn', () => {
  it('is a multipart/report from nobody who could be answered', () => {
    const { header, types, text } = read();
    expect(types).toEqual(TYPES);
    expect(header.first('Content-Type')).toBe(
      'multipart/report; report-type=delivery-status; boundary="=_01j9abc"',
    );
    expect(header.first('From')).toBe('Mail Delivery System <MAILER-DAEMON@gate.example.com>');
    expect(header.first('To')).toBe('<ann@example.com>');
    expect(header.first('Auto-Submitted')).toBe('auto-replied');
    expect(header.first('Message-ID')).toBe('<01j9abc@gate.example.com>');
    expect(header.first('Date')).toBe('Sun, 9 Aug 2026 01:02:03 +0000');
    expect(header.first('MIME-Version')).toBe('1.0');
    expect(text).toMatch(/^[\t\r\n -~]*$/);
    expect(text).toMatch(/\r\n$/);
    expect(text.replace(/\r\n/g, '')).not.toMatch(/[\r\n]/);
  });

  it('tells people what happened', () => {
    const { people } = read();
    expect(people).toContain('gate.example.com');
    expect(people).toContain('<bob@example.org>\r\n    mx.example.org said: 550 5.1.1 No such user here\r\n');
    expect(people).toContain('no\r\nfurther attempt');
  });

  it('tells programs, each recipient in a group of its own', () => {
    const { status } = read({
      sender: { address: 'ann@example.com', params: { ENVID: 'QQ+2B314' } },
      recipients: [
        ...request.recipients,
        {
          recipient: { address: 'carl@example.org', params: { ORCPT: 'rfc822;c+2Barl@example.net' } },
          reply: reply(421, undefined, 'Connection refused'),
          service: 'spam',
        },
      ],
    });
    expect(groups(status)).toEqual([
      {
        'Original-Envelope-Id': 'QQ+314',
        'Reporting-MTA': 'dns; gate.example.com',
        'Arrival-Date': 'Sun, 9 Aug 2026 01:00:00 +0000',
        'X-OPES-System': 'mailto:postmaster@gate.example.com',
      },
      {
        'Final-Recipient': 'rfc822; bob@example.org',
        Action: 'failed',
        Status: '5.1.1',
        'Remote-MTA': 'dns; mx.example.org',
        'Diagnostic-Code': 'smtp; 550 5.1.1 No such user here',
      },
      {
        'Original-Recipient': 'rfc822; c+arl@example.net',
        'Final-Recipient': 'rfc822; carl@example.org',
        Action: 'failed',
        Status: '4.0.0',
        'Diagnostic-Code': 'X-Postern; 421 Connection refused',
        'X-OPES-Via': 'mailto:postmaster@gate.example.com?service=spam',
      },
    ]);
  });

  it('gives the header of the original back', () => {
    expect(read().original).toBe('Subject: hello\r\nMessage-ID: <1@example.com>\r\n');
  });

  it('says that a message is delayed, and until when', () => {
    const { header, people, status } = read({
      action: 'delayed',
      retryUntil: new Date('2026-08-14T01:00:00Z'),
    });
    expect(header.first('Subject')).toContain('delayed');
    expect(people).toContain('until Fri, 14 Aug 2026 01:00:00 +0000');
    expect(groups(status)[1]).toMatchObject({
      Action: 'delayed',
      'Will-Retry-Until': 'Fri, 14 Aug 2026 01:00:00 +0000',
    });
  });

  it('does not let a reply, an address, a parameter or a host forge a field or a part', () => {
    const evil = 'x\r\nAction: delivered\r\n\r\n--=_01j9abc\r\nX: y\0\u2028\u0085';
    const { types, status, header } = read({
      hostname: evil,
      sender: { address: `${evil}@example.com`, params: { ENVID: 'a+0D+0AAction:+20delivered' } },
      recipients: [
        {
          recipient: { address: evil, params: { ORCPT: `rfc822;a+0D+0AAction: delivered` } },
          reply: { code: 550, enhanced: `5.0.0\r\nAction: delivered`, lines: [evil] },
          remote: evil,
        },
      ],
    });
    expect(types).toEqual(TYPES);
    expect(header.fields.map((_field, i) => header.name(i))).not.toContain('Action');
    expect(groups(status)).toHaveLength(2);
    expect(groups(status)[1]).toMatchObject({ Action: 'failed', Status: '5.0.0' });
    expect(status.match(/^Action:/gm)).toHaveLength(1);
  });

  it('carries a hostile original header without harm', () => {
    const originalHeader = Buffer.concat([
      Buffer.from(
        'Subject: \xff\0\r\n--=_01j9abc--\r\n--=_01j9abc\r\nContent-Type: text/html\r\n\r\nforged\n',
        'latin1',
      ),
      Buffer.alloc(5000, 'x'),
    ]);
    const { types, original, text } = read({ originalHeader });
    expect(types).toEqual(TYPES);
    expect(original).toBe(originalHeader.toString('latin1').replace('forged\n', 'forged\r\n'));
    for (const line of text.split('\r\n')) expect(line.length).toBeLessThanOrEqual(998);
  });

  it('keeps to ASCII with an internationalised recipient and reply', () => {
    const { text, status, people } = read({
      recipients: [
        {
          recipient: { address: 'jürg+x@exämple.org', params: {} },
          reply: reply(550, '5.1.1', 'Unzustellbar: ü'),
        },
      ],
    });
    expect(text).toMatch(/^[\t\r\n -~]*$/);
    expect(people).toContain('<jürg+x@exämple.org>');
    expect(groups(status)[1]).toMatchObject({
      'Final-Recipient': String.raw`utf-8; j\x{FC}rg\x{2B}x@ex\x{E4}mple.org`,
      'Diagnostic-Code': 'X-Postern; 550 5.1.1 Unzustellbar: ?',
    });
  });

  it('bounds the lines of the status, whatever a host answers', () => {
    const { status } = read({
      recipients: [{ ...request.recipients[0]!, reply: reply(550, '5.1.1', 'x'.repeat(100_000)) }],
    });
    for (const line of status.split('\r\n')) expect(line.length).toBeLessThanOrEqual(998);
    expect(groups(status)[1]?.['Diagnostic-Code']).toMatch(/^smtp; 550 5\.1\.1 x+$/);
  });
});
