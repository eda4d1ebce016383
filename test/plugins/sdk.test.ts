import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { serve, type Asked } from './ask.ts';
import { compilePlugin, ROOT } from './compile.ts';

const PACKAGE = 'postern-plugin-assemblyscript';
let folder: string;
let built = 0;
const open: Asked[] = [];

let probe: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'postern-sdk-'));
  probe = await build(PROBE);
});

afterAll(async () => {
  for (const asked of open) await asked.close();
  rmSync(folder, { recursive: true });
});

async function build(source: string): Promise<string> {
  const path = join(folder, `${++built}.wasm`);
  writeFileSync(path, await compilePlugin(source));
  return path;
}

async function load(
  path: string,
  settings: Record<string, unknown> = {},
  allowModify = true,
): Promise<Asked> {
  const asked = await serve(path, settings, allowModify);
  open.push(asked);
  return asked;
}

/** One plugin for all that follows: a setting says what it does at `message`. */
const PROBE = `
import { decide, Decision, decodeUtf8, encodeUtf8, facts, log, Message, Part, settings, State } from 'sdk';
export { ocp_smtp_abi_1 } from 'sdk';

export function on_message(): i32 {
  const task = settings().get('task').text();
  if (task == 'edit') return edit();
  if (task == 'denied') Message.headerAdd('X-A', 'b');
  if (task == 'name') Message.headerAdd('X A', 'b');
  if (task == 'value') Message.headerAdd('X-A', 'b\\r\\nX-B: c');
  if (task == 'index') Message.headerRemove(99);
  if (task == 'bare') Message.splice(0, 0, encodeUtf8('\\n'));
  if (task == 'part') new Part(1);
  if (task == 'throw') throw new Error('on purpose');
  if (task == 'bounds') new Uint8Array(1)[facts().clientPort];
  return decide(new Decision());
}

function edit(): i32 {
  const whole = new Uint8Array(1000);
  const size = Message.read(0, whole);
  const parts = Part.all();
  const body = new Uint8Array(100);
  const decoded = parts[1].read(2, body);
  log.info([Message.size().toString(), size.toString(), Message.headerCount().toString(), Message.headerName(0),
    Message.headerValue(0), Message.headerFind('received', 1).toString(), Message.headerFind('nope').toString(),
    (Message.header('nope') === null).toString()].join(' '));
  log.debug([parts.length.toString(), parts[1].type, parts[1].name, parts[1].charset, parts[1].disposition,
    parts[1].encoding, parts[1].parent.toString(), parts[0].parent.toString(), parts[1].depth.toString(),
    decodeUtf8(body, 0, decoded)].join(' '));
  Message.headerInsert(0, 'X-First', 'first');
  Message.headerChange(0, 'changed');
  Message.headerRemove(Message.headerFind('Received', 1));
  Message.splice(Message.size(), 0, encodeUtf8('end\\r\\n'));
  return decide(new Decision().score(1.5).tag('a', 'b'));
}

export function on_data(): i32 {
  const decision = new Decision().sender('').addRecipient('c@example.com').nextHop('a').folder('b').final();
  decision.recipient('ann@example.com').tempfail(451, '', 'later\\r\\n250 OK').folder('f').nextHop('n')
    .replace(['x@y', 'z@y']);
  decision.reason('x\\n"\\\\' + 'y'.repeat(500)).tag('k\\u0000', 'v'.repeat(600));
  return decide(decision);
}

export function on_rcpt(): i32 {
  return decide(new Decision().bounce().rewrite(facts().recipient + 'x').disconnect());
}

export function on_mail(): i32 {
  const now = facts();
  const one = now.recipients[0];
  const long = State.get('none') === null ? 'ü'.repeat(400) : '';
  State.setText('long', long);
  log.info([now.stage, now.session, now.transaction, now.service, now.listener, now.protocol, now.clientAddress,
    now.clientPort.toString(), now.heloVerb, now.helo, now.hasTls.toString(), now.tlsCipher, now.user,
    now.hasSender.toString(), now.sender, now.senderParam('SIZE'), one.address, one.original, one.param('NOTIFY'),
    now.tag('spam'), now.score.toString(), settings().get('deep').at(1).text(),
    (State.getText('long') == long).toString()].join('|'));
  return decide(new Decision());
}
`;

describe('the filters of the README', () => {
  const readme = readFileSync(join(ROOT, 'sdk/assemblyscript/README.md'), 'utf8');
  const blocks = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) =>
    code!.replaceAll(PACKAGE, 'sdk'),
  );

  test('are two, the smallest under 15 lines', () => {
    expect(blocks).toHaveLength(2);
    expect(blocks[1]!.split('\n').length).toBeLessThan(15);
  });

  test('the first holds what its settings name, and checks them', async () => {
    const path = await build(blocks[0]!);
    const asked = await load(path, { phrases: ['Your PASSWORD'] });
    expect(asked.problems).toEqual([]);
    const phish = 'Subject: x\n\nPlease enter your password here.\n';
    expect((await asked.filter(phish)).decision).toEqual({
      verdict: 'quarantine',
      reason: 'it says "Your PASSWORD"',
      tags: { phishing: 'suspected' },
    });
    expect((await asked.filter('Subject: x\n\nHello.\n')).decision).toEqual({});
    const client = { address: '192.0.2.7', port: 1, user: 'ann' };
    expect((await asked.filter(phish, { client })).decision).toEqual({});
    expect((await load(path)).problems[0]?.reason).toContain(
      'Cannot use phrases: found nothing, required is a list',
    );
  });

  test('the smallest adds its header and nothing else', async () => {
    const asked = await load(await build(blocks[1]!));
    const { text, modified } = await asked.filter('Subject: x\n\nHello.\n');
    expect(modified).toBe(true);
    expect(text).toBe('Subject: x\r\nX-Scanned-By: Postern\r\n\r\nHello.\r\n');
  });
});

test('reads and changes headers, octets and parts', async () => {
  const message = [
    'Received: one',
    'Received: two',
    'Content-Type: multipart/mixed; boundary=b',
    '',
    '--b',
    'Content-Type: text/plain; charset=UTF-8; name="ä.txt"',
    'Content-Disposition: inline',
    'Content-Transfer-Encoding: base64',
    '',
    Buffer.from('héllo').toString('base64'),
    '--b--',
    '',
  ].join('\n');
  const asked = await load(probe, { task: 'edit' });
  const { decision, outcome, text } = await asked.filter(message);
  const size = Buffer.byteLength(message.replaceAll('\n', '\r\n'));
  expect(outcome.logs).toEqual([
    { level: 'info', text: `${size} ${size} 3 Received one 1 -1 true` },
    { level: 'debug', text: '2 text/plain ä.txt utf-8 inline base64 0 -1 1 \ufffdllo' },
  ]);
  expect(decision).toEqual({ score: 1.5, tags: { a: 'b' } });
  expect(text).toMatch(/^X-First: first\r\nReceived: changed\r\nContent-Type: multipart/);
  expect(text).toMatch(/--b--\r\nend\r\n$/);
});

test('writes every field of a decision, safe against what senders choose', async () => {
  const asked = await load(probe);
  expect(await asked.decide('data')).toEqual({
    sender: '',
    addRecipients: ['c@example.com'],
    nextHop: 'a',
    folder: 'b',
    final: true,
    reason: `x "\\${'y'.repeat(396)}`,
    recipients: [
      {
        address: 'ann@example.com',
        verdict: 'tempfail',
        reply: { code: 451, text: 'later  250 OK' },
        folder: 'f',
        nextHop: 'n',
        replace: ['x@y', 'z@y'],
      },
    ],
    tags: { 'k ': 'v'.repeat(512) },
  });
  expect(await asked.decide('rcpt')).toEqual({
    verdict: 'bounce',
    rewrite: 'ann@example.comx',
    disconnect: true,
  });
});

test('gives facts, settings and state as they are', async () => {
  const asked = await load(probe, { deep: [0, 'ключ 😀'] });
  const { logs } = await asked.outcome('mail', {
    sender: { address: '', params: { SIZE: '7' } },
    recipients: [{ address: 'a@b', original: 'A@b', params: { NOTIFY: 'NEVER' } }],
    tags: { spam: 'no' },
    score: -2.25,
  });
  expect(logs[0]?.text).toBe(
    'mail|session1|transaction1|s0|inbound|smtp|192.0.2.7|40312|EHLO|mail.example.net|false|||true||7|a@b|A@b|NEVER|no|-2.25|ключ 😀|true',
  );
});

test.each([
  ['denied', false, /Cannot add the header X-A: not allowed by the operator \(allowModify, a grant\)/],
  ['name', true, /Cannot add the header X A: the host found .* invalid/],
  ['value', true, /Cannot add the header X-A: the host found .* invalid/],
  ['index', true, /Cannot remove a header: the host found the index/],
  ['bare', true, /Cannot change the message: the host found/],
  ['part', true, /Cannot read the facts of a part: the host found the index/],
  ['throw', true, /on purpose \(.*filter\.ts:\d+:\d+\)/],
  ['bounds', true, /Index out of range/],
])('ends the call as a failure that names its cause: %s', async (task, allowModify, cause) => {
  const asked = await load(probe, { task }, allowModify);
  await expect(asked.filter('Subject: x\n\nHello.\n')).rejects.toThrow(cause);
});

const WARN = `
import { decide, Decision, Part, warnInBody } from 'sdk';
export { ocp_smtp_abi_1 } from 'sdk';

export function on_message(): i32 {
  warnInBody('5 € für Ж', Part.all());
  return decide(new Decision());
}
`;

test('a warning is in the charset of the text, as far as that has its characters', async () => {
  const asked = await load(await build(WARN));
  for (const [charset, octets] of [
    ['windows-1252', '5 \x80 f\xfcr ?'],
    ['iso-8859-1', '5 ? f\xfcr ?'],
    ['iso-8859-15', '5 \xa4 f\xfcr ?'],
    ['KOI8-R', '5 ? f?r \xf6'],
    ['utf-8', Buffer.from('5 € für Ж').toString('latin1')],
    ['euc-kr', '5 ? f?r ?'],
  ]) {
    const head = `Content-Type: text/plain; charset=${charset}\nContent-Transfer-Encoding: 8bit\n\n`;
    const { text } = await asked.filter(`${head}Hi.\n`);
    expect(text).toBe(`${head}${octets}\n\nHi.\n`.replaceAll('\n', '\r\n'));
  }
});

test('what does not compile says why', async () => {
  await expect(compilePlugin('export function on_rcpt(): i32 { return "no"; }')).rejects.toThrow(
    /Cannot compile .*filter\.ts[\s\S]*not assignable/,
  );
});
