import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { EVERYTHING, openShop, type Shop } from './shop.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** `postern plugin test`, `run` and `bench`: that a case fails when it should, and what they say then. */
let shop: Shop;

/**
 * At connect it asks the time and gives the length of the answer as its score; at helo it spins; at mail it remembers, at rcpt it tells
 * whether it was remembered; of a message it changes the header, replaces part 1 and decides a lot.
 */
const SUBJECT = `
(data (i32.const 1024) "{}")
(data (i32.const 1032) "{\\"score\\":0}")
(data (i32.const 1100) "{\\"verdict\\":\\"quarantine\\",\\"tags\\":{\\"a\\":\\"b\\"},\\"score\\":2.5,\\"reason\\":\\"because\\"}")
(data (i32.const 1200) "X-New")
(data (i32.const 1210) "new value")
(data (i32.const 1230) "text/plain")
(data (i32.const 1250) "it was removed")
(data (i32.const 1280) "seen")
(func (export "on_connect") (result i32)
  (local $len i32)
  (local.set $len (call $clock (i32.const 1024) (i32.const 2)))
  (if (i32.lt_s (local.get $len) (i32.const 0)) (then (return (i32.const 1))))
  ;; the last digit of the length
  (i32.store8 (i32.const 1041) (i32.add (i32.const 48) (i32.rem_u (local.get $len) (i32.const 10))))
  (call $say (i32.const 1032) (i32.const 11))
  (i32.const 0))
(func (export "on_helo") (result i32) (loop $for_ever (br $for_ever)) unreachable)
(func (export "on_mail") (result i32)
  (drop (call $state_set (i32.const 1280) (i32.const 4) (i32.const 1210) (i32.const 3)))
  (call $done))
(func (export "on_rcpt") (result i32)
  (if (i32.ne (call $state_get (i32.const 1280) (i32.const 4) (i32.const 2048) (i32.const 10)) (i32.const 3))
    (then (return (i32.const 1))))
  (call $done))
(func (export "on_message") (result i32)
  (drop (call $header_add (i32.const 1200) (i32.const 5) (i32.const 1210) (i32.const 9)))
  (drop (call $header_remove (i32.const 0)))
  (if (i32.gt_s (call $part_count) (i32.const 1))
    (then (drop (call $part_replace (i32.const 1) (i32.const 1230) (i32.const 10) (i32.const 1250) (i32.const 14)))))
  (call $log_info (call $block (i32.const 1210) (i32.const 9)))
  (call $say (i32.const 1100) (i32.const 72))
  (i32.const 0))`;

const DECISION = '{"verdict":"quarantine","tags":{"a":"b"},"score":2.5,"reason":"because"}';

const MAIL = 'X-Old: old\nSubject: Hi\n\nHello.\n';
const PARTS =
  'X-Old: old\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n' +
  'Content-Type: application/pdf; name=a.pdf\nContent-Transfer-Encoding: base64\n\nJVBERg==\n--b--\n';

beforeAll(async () => {
  shop = openShop();
  const stages = ['connect', 'helo', 'mail', 'rcpt', 'message'];
  await shop.pack('subject', { module: SUBJECT, manifest: { stages, ...EVERYTHING } });
});
afterAll(() => shop.remove());

/** Runs one folder of cases; the lines after each name. */
async function results(folder: string, ...words: string[]) {
  const { code, out, errors } = await shop.plugin('test', 'subject.wasm', '--cases', folder, ...words);
  return { code, out, errors };
}

describe('a case', () => {
  test('passes where everything that it names is so', async () => {
    shop.write('good/message.eml', PARTS);
    shop.write(
      'good/message.yaml',
      `allowModify: true
sender: { address: 'x@y.example', params: { SIZE: '100' } }
recipients: [a@b.example, { address: c@d.example, original: e@f.example }]
client: { address: 2001:db8::1, user: ann }
expect:
  verdict: quarantine
  tags: { a: b }
  score: 2.5
  reason: because
  headers: { added: ['X-New: new value'], removed: ['X-Old: old'] }
  parts: [{ index: 1, type: text/plain, contains: was removed }]
  modified: true
  logs: ['info: new value']
`,
    );
    shop.write('good/whole.eml', MAIL);
    shop.write('good/whole.expected.eml', 'Subject: Hi\nX-New: new value\n\nHello.\n');
    shop.write('good/whole.yaml', 'allowModify: true\nexpect: { verdict: quarantine }\n');
    shop.write(
      'good/spins.yaml',
      'stage: helo\nlimits: { deadlineMs: 100 }\nexpect: { failure: { kind: deadline } }\n',
    );
    shop.write('good/sets.yaml', 'stage: mail\nexpect: { state: { seen: new } }\n');
    shop.write('good/gets.yaml', 'stage: rcpt\nstate: { seen: now }\n');
    shop.write('good/forgets.yaml', 'stage: rcpt\nexpect: { failure: { kind: trap, cause: returned 1 } }\n');
    expect(await results('good')).toEqual({
      code: 0,
      out: 'ok    forgets\nok    gets\nok    message\nok    sets\nok    spins\nok    whole\n6 passed, 0 failed\n',
      errors: '',
    });
  });

  test('fails in every other case, and says each difference', async () => {
    shop.write('bad/message.eml', PARTS);
    shop.write(
      'bad/message.yaml',
      `allowModify: true
expect:
  tags: { a: c }
  reply: { code: 550 }
  headers: { added: ['X-New: old value'] }
  parts: [{ index: 1, type: text/html, contains: kept }, { index: 7 }]
  modified: false
  logs: ['warn: new value']
`,
    );
    shop.write('bad/whole.eml', MAIL);
    shop.write('bad/whole.expected.eml', 'X-Old: old\nSubject: Hi\n\nHello.\n');
    shop.write('bad/whole.yaml', 'allowModify: true\nexpect: { verdict: quarantine }\n');
    shop.write('bad/works.eml', MAIL);
    shop.write('bad/works.yaml', 'expect: { failure: { kind: deadline } }\n');
    shop.write('bad/no-export.yaml', 'stage: data\n');
    shop.write('bad/state.yaml', 'stage: mail\nexpect: { state: { seen: other } }\n');
    shop.write('bad/fails.yaml', 'stage: rcpt\n');
    shop.write('bad/no-complaint.yaml', 'stage: mail\nexpect: { complaint: anything }\n');
    const { code, out } = await results('bad');
    expect(code).toBe(1);
    const said = `FAIL  fails
      it failed (trap): it returned 1
FAIL  message
      verdict: expected "accept", got "quarantine"
      reply.code: expected 550, got nothing
      tags: expected {"a":"c"}, got {"a":"b"}
      logs: expected the line "warn: new value", got ["info: new value"]
      headers.added: expected ["X-New: old value"], got ["X-New: new value"]
      headers.removed: expected [], got ["X-Old: old"]
      parts 1, type: expected "text/html", got "text/plain"
      parts 1: expected it to contain "kept"
      parts 7: the message has 2 parts
      modified: expected false, got true
FAIL  no-complaint
      complaint: expected it to say "anything", got none
FAIL  no-export
      the plugin has no export for this stage
FAIL  state
      state: expected {"seen":"other"}, got {"seen":"new"}
FAIL  whole
      the message (- expected, + got):
      @@ -1 +1 @@
      -X-Old: old
       Subject: Hi
      +X-New: new value
       EMPTY
       Hello.
FAIL  works
      expected a failure, got the decision ${DECISION}
0 passed, 7 failed
`.replace('EMPTY', '');
    expect(out).toBe(said);
    const json = JSON.parse((await results('bad', '--json')).out) as { name: string; passed: boolean }[];
    expect(json.map(({ name, passed }) => [name, passed])).toContainEqual(['message', false]);
  });

  test('that is not understood fails, with line, column and what is allowed', async () => {
    shop.write('odd/keys.yaml', 'stage: mail\nexpct: {}\nexpect:\n  verdict: refuse\n  tag: {}\n');
    shop.write('odd/yaml.yaml', 'stage: [mail\n');
    shop.write('odd/lonely.yaml', 'stage: message\n');
    shop.write('odd/mail.yaml', 'stage: mail\n');
    shop.write('odd/mail.eml', MAIL);
    shop.write('odd/calls.yaml', 'stage: mail\n');
    shop.write('odd/calls.calls.yaml', '- { capability: teleport, request: a, answer: b }\n');
    const { code, out } = await results('odd');
    expect(code).toBe(1);
    expect(out).toContain('odd/keys.yaml:2:1 expct: unknown key, did you mean "expect"');
    expect(out).toMatch(/odd\/keys\.yaml:4:12 expect\.verdict: found "refuse"/);
    expect(out).toContain('odd/keys.yaml:5:3 expect.tag: unknown key');
    expect(out).toMatch(/odd\/yaml\.yaml:\d+:\d+: found/);
    expect(out).toContain('odd/lonely.eml: missing; at stage message a case has a message');
    expect(out).toContain('odd/mail.eml: there is no message at stage mail');
    expect(out).toMatch(/odd\/calls\.calls\.yaml:1:\d+ \[0\]\.?capability: found "teleport"/);
    expect(out).toContain('0 passed, 5 failed');
  });

  test('there must be some: an empty folder tests nothing', async () => {
    shop.write('none/README', '');
    expect(await results('none')).toMatchObject({
      code: 1,
      errors: expect.stringContaining('found no NAME.yaml'),
    });
    expect((await results('nowhere')).code).toBe(1);
    expect((await shop.plugin('test', 'nothing.wasm')).code).toBe(3);
  });
});

describe('what a case asks of capabilities', () => {
  test('is recorded from the real ones, then answered from the record, and nothing else is', async () => {
    const setup = 'stage: connect\ngrants: { clock: true }\n';
    shop.write('outside/asks.yaml', setup);
    const before = await results('outside');
    expect(before.code).toBe(1);
    expect(before.out).toContain('it asked clock {}, which was not recorded; postern plugin test --record');

    expect(await results('outside', '--record')).toMatchObject({ code: 0 });
    expect(shop.read('outside/asks.calls.yaml')).toMatch(
      /^- capability: clock\n {2}request: "\{\}"\n {2}answer: '\{"ms":\d{13}\}'$/m,
    );
    expect((await results('outside')).code).toBe(0);

    // Another time on record is another time for the plugin: {"ms":1} has 8 octets.
    shop.write('outside/asks.calls.yaml', `- { capability: clock, request: '{}', answer: '{"ms":1}' }\n`);
    shop.write('outside/asks.yaml', `${setup}expect: { score: 8 }\n`);
    expect((await results('outside')).out).toBe('ok    asks\n1 passed, 0 failed\n');

    shop.write(
      'outside/asks.calls.yaml',
      `- { capability: clock, request: '{}', refused: LIMIT, cause: too often }\n- { capability: kv, request: x, answer: { base64: AAEC } }\n`,
    );
    const refused = await results('outside');
    expect(refused.out).toContain('it did not ask kv x, which was recorded');
    expect(refused.out).toContain('it failed (trap): it returned 1');
  });

  test('is refused without the grant, recorded or not', async () => {
    shop.write('denied/asks.yaml', 'stage: connect\nexpect: { failure: { cause: returned 1 } }\n');
    expect((await results('denied', '--record')).code).toBe(0);
  });
});

describe('run', () => {
  test('shows decision, log and difference, and what is no text as one line', async () => {
    shop.write('parts.eml', PARTS);
    const { code, out, errors } = await shop.plugin(
      'run',
      'subject.wasm',
      '--eml',
      'parts.eml',
      '--allow-modify',
    );
    expect([code, errors]).toEqual([0, '']);
    expect(out).toContain('"verdict": "quarantine"');
    expect(out).toContain('log info: new value\nmessage changed\n@@ -1 +1 @@\n-X-Old: old\n');
    expect(out).toMatch(/^-\[application\/pdf "a\.pdf", 4 octets, sha256 [0-9a-f]{16}…\]$/m);
    expect(out).toContain('\n+it was removed\n');
  });

  test('takes a stage without a message, and grants', async () => {
    const connect = ['run', 'subject.wasm', '--stage', 'connect'];
    const denied = await shop.plugin(...connect);
    expect(denied).toMatchObject({ code: 1, out: expect.stringMatching(/^failure \(trap\): it returned 1/) });
    const { code, out } = await shop.plugin(...connect, '--grant', 'clock', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ decision: { score: 0 }, modified: false });
  });

  test('says what can not be asked', async () => {
    const refusals: readonly (readonly [words: string[], code: number, said: string])[] = [
      [['subject.wasm'], 2, 'the stage message needs a message: --eml FILE'],
      [['subject.wasm', '--stage', 'mail', '--eml', 'parts.eml'], 2, 'the stage mail has no message'],
      [['subject.wasm', '--stage', 'data'], 2, 'it has no export "on_data"'],
      [['subject.wasm', '--stage', 'mail', '--grant', 'teleport'], 2, 'Cannot grant teleport: must be one'],
      [['subject.wasm', '--stage', 'mail', '--grant', 'kv={keys: 0}'], 2, 'Cannot grant kv.keys: found 0'],
      [['nothing.wasm', '--stage', 'mail'], 3, 'there is no such file'],
      [['subject.json', '--stage', 'mail'], 1, 'not WebAssembly'],
      [['subject.wasm', '--eml', 'nothing.eml'], 1, 'Cannot read the message nothing.eml'],
    ];
    for (const [words, code, said] of refusals) {
      const ended = await shop.plugin('run', ...words);
      expect([words, ended.code]).toEqual([words, code]);
      expect(ended.errors).toContain(said);
    }
  });
});

test('bench measures each stage, and ends with 1 where calls fail', async () => {
  const { code, out } = await shop.plugin('bench', 'subject.wasm', '--eml', 'parts.eml', '--grant', 'clock');
  expect(code).toBe(1);
  expect(out).toMatch(/^STAGE +MESSAGE +OCTETS +CALLS +P50 µs +P99 µs +MEMORY$/m);
  expect(out).toMatch(/^connect +0 +\d+ +\d+ +\d+ +\d+\.\d KiB$/m);
  expect(out).toMatch(/^helo .*failed: /m);
  expect(out).toMatch(/^rcpt .*failed: it returned 1/m);
  expect(out).toMatch(/^this machine: a computation of \d+ µs/m);
});
