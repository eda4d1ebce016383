import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { RecordingLog } from '../../test/support/recording-log.ts';
import { openSpool, spoolOf } from '../base/spool.ts';
import { reply } from '../mail/reply.ts';
import type { NewQueueEntry } from '../store/store.ts';
import { bounceOf, headersOf, type Failed } from './bounce.ts';
import { DEFAULT_DELIVERY } from './policy.ts';

const python = (() => {
  try {
    execFileSync('python3', ['--version']);
    return true;
  } catch {
    return false;
  }
})();

/** How a mail program of others reads the notice. */
interface ReadByPython {
  readonly header: Readonly<Record<string, string>>;
  readonly reportType: string;
  readonly types: readonly string[];
  readonly text: string;
  readonly status: readonly Readonly<Record<string, string>>[];
  readonly original: string;
  readonly defects: number;
}

const READER = `
import email, email.policy, json, sys
m = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.SMTP)
p = list(m.iter_parts())
print(json.dumps({
  'header': {k: str(v) for k, v in m.items()},
  'reportType': m.get_param('report-type'),
  'types': [m.get_content_type()] + [x.get_content_type() for x in p],
  'text': p[0].get_content(),
  'status': [dict((k, str(v)) for k, v in b.items()) for b in p[1].get_payload()],
  'original': p[2].get_payload(decode=True).decode('latin-1'),
  'defects': len(m.defects) + sum(len(x.defects) for x in p),
}))`;

function bytesOf(entry: NewQueueEntry): Uint8Array {
  const source = openSpool(entry.image.spool);
  const bytes = new Uint8Array(source.size);
  source.readInto(bytes, 0);
  return bytes;
}

function readByPython(entry: NewQueueEntry): ReadByPython {
  const read: ReadByPython = JSON.parse(
    execFileSync('python3', ['-c', READER], { input: bytesOf(entry), encoding: 'utf8' }),
  );
  return read;
}

const log = new RecordingLog();
const policy = { ...DEFAULT_DELIVERY, bounceDownstream: (sender: string) => `for ${sender}` };
const options = {
  policy,
  hostname: 'gate.test',
  opesSystem: 'mailto:postmaster@gate.test',
  log,
  now: () => 1_800_000_000_000,
};
const recipient = (address: string, params = {}) => ({ address, params });
const refused = reply(550, '5.1.1', 'No such user');

const failed: Failed = {
  transaction: 'transaction',
  queue: 'entry',
  sender: { address: 's@example.org', params: { ENVID: 'QQ314+2B', RET: 'FULL' } },
  failures: [
    {
      recipient: recipient('a@example.com', { ORCPT: 'rfc822;old+2Bname@example.net' }),
      reply: refused,
      remote: 'mx',
    },
    {
      recipient: recipient('b@example.com'),
      reply: { ...reply(421, '4.4.1', 'downstream mx cannot be reached') },
    },
  ],
  headers: Buffer.from('Received: from x\r\n by y\r\nSubject: caf\u00e9\r\n', 'latin1'),
  arrivedAt: 1_799_999_000_000,
};

describe('bounceOf', () => {
  it('is one entry to the sender, from nobody, due at once', () => {
    expect(bounceOf(failed, options).notice).toMatchObject({
      transaction: 'transaction',
      sender: { address: '', params: {} },
      recipients: [{ address: 's@example.org', params: {} }],
      downstream: 'for s@example.org',
      now: 1_800_000_000_000,
      nextAttemptAt: 1_800_000_000_000,
      expiresAt: 1_800_000_000_000 + 5 * 24 * 3_600_000,
    });
  });

  it.skipIf(!python)('is read by others as it is meant (RFC 3464)', () => {
    const read = readByPython(bounceOf(failed, options).notice!);
    expect(read.types).toEqual([
      'multipart/report',
      'text/plain',
      'message/delivery-status',
      'text/rfc822-headers',
    ]);
    expect(read.reportType).toBe('delivery-status');
    expect(read.defects).toBe(0);
    expect(read.header).toMatchObject({ To: 's@example.org', 'Auto-Submitted': 'auto-replied' });
    expect(read.header['From']).toContain('MAILER-DAEMON@gate.test');
    const [message, first, second] = read.status;
    expect(message).toMatchObject({ 'Reporting-MTA': 'dns; gate.test', 'Original-Envelope-Id': 'QQ314+' });
    expect(first).toMatchObject({
      'Original-Recipient': 'rfc822; old+name@example.net',
      'Final-Recipient': 'rfc822; a@example.com',
      Action: 'failed',
      Status: '5.1.1',
      'Remote-MTA': 'dns; mx',
      'Diagnostic-Code': 'smtp; 550 5.1.1 No such user',
    });
    expect(second).toMatchObject({
      'Final-Recipient': 'rfc822; b@example.com',
      Action: 'failed',
      Status: '4.4.1',
    });
    expect(second).not.toHaveProperty('Remote-MTA');
    expect(read.original).toBe('Received: from x\r\n by y\r\nSubject: caf\u00e9\r\n');
    for (const text of ['a@example.com', 'No such user', 'b@example.com']) expect(read.text).toContain(text);
  });

  it.each([
    ['NEVER', false],
    ['SUCCESS,DELAY', false],
    ['SUCCESS,FAILURE', true],
    ['failure', true],
  ])('obeys NOTIFY=%s (RFC 3461 section 4.1)', (NOTIFY, told) => {
    const one = {
      ...failed,
      failures: [{ recipient: recipient('a@example.com', { NOTIFY }), reply: refused }],
    };
    expect(bounceOf(one, options).notice !== undefined).toBe(told);
  });

  it('leaves out only those who asked for it', () => {
    const silent = { recipient: recipient('quiet@example.com', { NOTIFY: 'NEVER' }), reply: refused };
    const text = Buffer.from(
      bytesOf(bounceOf({ ...failed, failures: [...failed.failures, silent] }, options).notice!),
    );
    expect(text.includes('a@example.com')).toBe(true);
    expect(text.includes('quiet@example.com')).toBe(false);
    expect(log.said('notice not wanted').at(-1)).toMatchObject({
      queue: 'entry',
      recipient: 'quiet@example.com',
    });
  });

  it('never answers the null sender', () => {
    const log = new RecordingLog();
    const notice = { ...failed, sender: { address: '', params: {} } };
    expect(bounceOf(notice, { ...options, log })).toEqual({ stranded: failed.failures });
    expect(log.lines.map(({ level, message, fields }) => [level, message, fields['recipient']])).toEqual([
      ['warn', 'double bounce', 'a@example.com'],
      ['warn', 'double bounce', 'b@example.com'],
    ]);
  });

  it('says whom it can not tell where no downstream takes notices, and leaves out who wants none', () => {
    const log = new RecordingLog();
    const silent = { recipient: recipient('quiet@example.com', { NOTIFY: 'NEVER' }), reply: refused };
    const noWay = { ...policy, bounceDownstream: () => undefined };
    const both = { ...failed, failures: [failed.failures[0]!, silent] };
    expect(bounceOf(both, { ...options, policy: noWay, log })).toEqual({ stranded: [failed.failures[0]] });
    expect(log.lines.map(({ level, message, fields }) => [level, message, fields['recipient']])).toEqual([
      ['warn', 'no way for a notice', 'a@example.com'],
      ['info', 'notice not wanted', 'quiet@example.com'],
    ]);
  });

  it('asks for what an internationalised sender needs', () => {
    const sender = { address: 'm\u00fcller@example.org', params: { SMTPUTF8: '' } };
    const entry = bounceOf({ ...failed, sender }, options).notice!;
    expect(entry.sender).toEqual({ address: '', params: { BODY: '8BITMIME', SMTPUTF8: '' } });
  });
});

describe('headersOf', () => {
  const headers = async (text: string) =>
    Buffer.from(await headersOf(spoolOf(Buffer.from(text, 'latin1')))).toString('latin1');

  it.each([
    ['a header with a body', 'A: 1\r\nB: 2\r\n\r\nbody\r\n\r\nmore', 'A: 1\r\nB: 2\r\n'],
    ['no header', '\r\nA: body\r\n\r\n', ''],
    ['no body', 'A: 1\r\nB: 2\r\n', 'A: 1\r\nB: 2\r\n'],
    ['nothing', '', ''],
    ['no line', 'A: 1', ''],
  ])('takes %s', async (_name, text, expected) => {
    expect(await headers(text)).toBe(expected);
  });

  it('cuts a header without end at a line, in 64 KiB', async () => {
    const line = `X: ${'y'.repeat(75)}\r\n`;
    const cut = await headers(line.repeat(2000));
    expect(cut.length).toBeLessThanOrEqual(64 * 1024);
    expect(cut).toBe(line.repeat(cut.length / line.length));
    expect(cut.length).toBeGreaterThan(64 * 1024 - line.length);
  });
});
