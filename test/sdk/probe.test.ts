import { describe, expect, test, vi } from 'vitest';
import type { Facts } from '../../src/ocp/facts.ts';
import { manifestSchema } from '../../src/ocp/manifest.ts';
import type { CalloutState, Service } from '../../src/ocp/service.ts';
import type { Stage } from '../../src/ocp/stage.ts';
import { packModule } from '../../src/sandbox/package.ts';
import { factsOf, imageOfText, serviceOf, startBench, textOf } from '../abi/wat.ts';
import { LANGUAGES, moduleOf, skipped, withoutPlace, type Language } from './language.ts';

// A compiler may have to compile its library first.
vi.setConfig({ testTimeout: 180_000 });

/**
 * One filter that calls everything an SDK offers, in each language: facts, settings, state, log, every field of a decision,
 * every edit, every check and every refusal come out alike.
 */
const MESSAGE = [
  'Received: one',
  'Received: two',
  'Content-Type: multipart/mixed; boundary=b',
  '',
  '--b',
  'Content-Type: text/plain; charset=UTF-8; name="ä\t.txt"',
  'Content-Disposition: inline',
  'Content-Transfer-Encoding: base64',
  '',
  Buffer.from('héllo').toString('base64'),
  '--b--',
  '',
].join('\r\n');

const LONG = `${'Ab'.repeat(5000)}!`;
/** Its second part is longer than a read, and so are some of the words. */
const SPOKEN = MESSAGE.replace('--b--', `--b\r\n\r\n${LONG}\r\n--b--`);
/** A word, and which of the parts say it. The first is the message, its body as it stands. */
const WORDS: readonly (readonly [word: string, said: string])[] = [
  ['LLO', 'nyn'],
  ['', 'nnn'],
  ['h\u00e9llo', 'nyn'],
  // Of another case only beyond ASCII.
  ['H\u00c9LLO', 'nnn'],
  ['hello', 'nnn'],
  ['h\u00e9llo!', 'nnn'],
  ['B!', 'yny'],
  [LONG, 'yny'],
  [LONG.slice(1).toUpperCase(), 'yny'],
  [`b${LONG}`, 'nnn'],
  [`${LONG}!`, 'nnn'],
];

/** Texts that are given to the JSON reader. */
const JSON_TEXTS = [
  '{"a":{"b":"c"}}',
  ' [ 1 , -0 , 2147483647, 2147483648, -2147483647, 1e3, 1.5, -0.5E-2, true, false, null ] ',
  '{"a":1,"a":2,"":{}}',
  String.raw`["\"\\\/\b\f\n\r\t\u00e9\u20AC\ud83d\ude00\ud83dx\ude00\ud83d\u0041\u0000"]`,
  '"\u007f€😀"',
  `${'['.repeat(65)}${']'.repeat(65)}`,
  `${'['.repeat(66)}${']'.repeat(66)}`,
  '',
  ' ',
  '{',
  '[',
  '"',
  '"a',
  '"\\',
  '"\\"',
  '[1,]',
  '[,1]',
  '{"a"}',
  '{"a":}',
  '{"a":1,}',
  '{1:2}',
  '01',
  '-',
  '+1',
  '1.',
  '.1',
  '1e',
  '1e+',
  'tru',
  'truex',
  'nul',
  '[1 2]',
  '1 2',
  '"a\nb"',
  String.raw`"\x"`,
  String.raw`"\u12g4"`,
  String.raw`"\u12"`,
  String.raw`"\ud83d\u12"`,
  "'a'",
  '[]]',
  '\ufeff1',
  '[1]\u00a0',
];

const CHECKED: readonly Service['settings'][] = [
  { mode: 'c' },
  { mode: ['a'] },
  { modes: ['a', 'c'] },
  { modes: 7 },
  { count: 11 },
  { count: 1.5 },
  { count: -6 },
  { flag: 'true' },
  { list: {} },
  { list: [1] },
  { list: [{ y: 1 }] },
  { list: [{ x: 'long' }] },
  { list: [{ x: 'abc' }] },
  { members: [] },
  { lines: 'a\nbcde' },
  { lines: '' },
  { other: { '"': 1 } },
  { mode: 'a', modes: 'b', count: -5, flag: false, list: [{ x: 'ab' }], members: { any: 1 }, lines: 'a\nb' },
];

const TASKS = [
  'edit',
  'says',
  'name',
  'value',
  'index',
  'change',
  'bare',
  'part',
  'part-read',
  'state',
  'none',
];
const SCORES = [0, 1, -1, 2.5, 0.1, 1e3, -0.000_001, 123_456.789_012, 999_999_999];

const settingsOf: Readonly<Record<string, Service['settings']>> = {
  ...Object.fromEntries(JSON_TEXTS.map((json, index) => [`json-${index}`, { json }])),
  ...Object.fromEntries(SCORES.map((score, index) => [`score-${index}`, { score }])),
  ...Object.fromEntries(TASKS.map((task) => [task, { task }])),
  says: { task: 'says', words: WORDS.map(([word]) => word), times: 2000 },
};

const MAIL: Partial<Facts> = {
  transaction: 't1',
  client: {
    address: '2001:db8::1',
    port: 40_312,
    helo: { verb: 'EHLO', name: 'mx.example.net' },
    tls: { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' },
    user: 'ann',
  },
  sender: { address: '', params: { SIZE: '7' } },
  recipients: [
    { address: '"a@b"@example.com', original: 'A@b', params: { NOTIFY: 'NEVER' } },
    { address: 'ключ@example.com', params: {} },
  ],
  message: { size: 99 },
  tags: { spam: 'no "\\' },
  score: -2.25,
};
const ADDRESSES = ['ann', 'eve', 'bob', 'kim', 'sue'];
const DATA: Partial<Facts> = {
  recipients: ADDRESSES.map((name) => ({ address: `${name}@example.com`, params: {} })),
};
const REPORT: Partial<Facts> = {
  outcomes: [{ recipient: 'ann@example.com', disposition: 'deliver', reply: '250 2.0.0 OK' }],
  message: {
    size: 2048,
    parts: [
      { type: 'multipart/mixed', name: '', disposition: '', encoding: '7bit', depth: 0, size: 1890 },
      { type: 'text/plain', name: 'ä "\t|', disposition: 'inline', encoding: 'base64', depth: 1, size: 7 },
    ],
    partCount: 1000,
  },
};

const [reference, ...others] = LANGUAGES;

/** What the probe does at every stage, under every setting; and what it says about settings. */
async function seen(language: Language): Promise<Readonly<Record<string, unknown>>> {
  const filter = packed(await moduleOf(language, 'probe/probe'));
  const options = { folder: new URL('./', import.meta.url), files: { filter } };
  const found: Record<string, unknown> = {};

  const names = Object.keys(settingsOf);
  const services = names.map((name) => serviceOf(name, { plugin: 'filter', settings: settingsOf[name]! }));
  const bench = await startBench({ ...options, services });
  const ask = async (
    name: string,
    stage: Stage,
    more: { facts?: Partial<Facts>; state?: CalloutState } = {},
  ) => {
    const job = { stage, services: [name], facts: factsOf(stage, more.facts), state: more.state ?? {} };
    const message = name === 'says' ? SPOKEN : MESSAGE;
    const image = stage === 'message' ? { image: imageOfText(message) } : {};
    const done = await bench.sandbox.run({ ...job, ...image });
    const { result, logs, modified, memoryBytes } = done.outcomes[0]!;
    // Searches that kept what they take would need 4 KiB each: 24 MiB.
    const isSmall = memoryBytes < 16 * 1024 * 1024;
    const text = done.image && (await textOf(done.image));
    const cause = result.kind === 'failure' ? { cause: withoutPlace(result.cause) } : {};
    return { result: { ...result, ...cause }, logs, modified, isSmall, text, state: done.state };
  };
  try {
    expect(bench.problems).toEqual([]);
    for (const name of names) {
      found[name] = TASKS.includes(name) ? await ask(name, 'message') : await ask(name, 'connect');
    }
    found['mail'] = await ask('none', 'mail', { facts: MAIL });
    found['rcpt'] = await ask('none', 'rcpt');
    found['data'] = await ask('none', 'data', { facts: DATA });
    found['report'] = await ask('none', 'report', { facts: REPORT });
    const { outcomes } = REPORT;
    found['report, no parts'] = await ask('none', 'report', {
      facts: { outcomes: outcomes!, message: { size: 2 } },
    });
    const first = await ask('none', 'helo');
    found['helo'] = first;
    found['helo again'] = await ask('none', 'helo', { state: first.state });
  } finally {
    await bench.close();
  }

  const checked = CHECKED.map((settings, index) => serviceOf(`${index}`, { plugin: 'filter', settings }));
  const checking = await startBench({ ...options, services: checked });
  await checking.close();
  found['configure'] = checking.problems.map(({ service, reason }) => [service, reason]);
  return found;
}

/** A package that asks for the table of parts. */
function packed(binary: Uint8Array): Uint8Array {
  const manifest = manifestSchema.parse({
    id: 'acme/probe',
    version: '1.0.0',
    abi: 1,
    title: 'Probe',
    description: 'Calls everything that an SDK offers',
    stages: ['connect', 'helo', 'mail', 'rcpt', 'data', 'message', 'report'],
    reads: 'body',
    parts: true,
    modifies: true,
  });
  return packModule(binary, manifest);
}

let expected: Promise<Readonly<Record<string, unknown>>> | undefined;
const expectedOf = () => (expected ??= seen(reference!));

test('AssemblyScript: what is expected of all', async () => {
  const found = await expectedOf();
  expect(found['json-0']).toMatchObject({ logs: [{ text: '{"a":{"b":"c";};}c' }, {}] });
  expect(found['json-3']).toMatchObject({
    logs: [{ text: String.raw`["\"\\/\u0008\u000c\u000a\u000d\u0009é€😀�x��A\u0000";]?` }, {}],
  });
  const good = JSON_TEXTS.filter((_, index) => !JSON.stringify(found[`json-${index}`]).includes('no JSON'));
  expect(good).toEqual(JSON_TEXTS.slice(0, 6));
  const scores = SCORES.map((_, index) => found[`score-${index}`]);
  expect(scores).toMatchObject(SCORES.map((score) => ({ result: { decision: { score } } })));
  expect(found['mail']).toMatchObject({
    result: { decision: { score: -2.25 } },
    logs: [
      {
        text: 'mail|s1|t1|none|inbound|smtp|2001:db8::1|40312|EHLO|mx.example.net|true|TLSv1.3|TLS_AES_256_GCM_SHA384|ann|true||7|"a@b"@example.com|A@b|NEVER|ключ@example.com|"a@b"@example.com|no "\\|99|example.com|"a@b"',
      },
    ],
  });
  expect(found['helo']).toMatchObject({ logs: [{ text: '0 none' }] });
  expect(found['helo again']).toMatchObject({ logs: [{ text: '400 none' }] });
  expect(found['report']).toMatchObject({
    logs: [
      { text: 'ann@example.com|deliver|250 2.0.0 OK' },
      { text: 'multipart/mixed|||7bit|0|1890' },
      { text: 'text/plain|ä " ||inline|base64|1|7' },
      { text: '2 of 1000' },
    ],
  });
  // Without a table there are no parts.
  expect(found['report, no parts']).toMatchObject({ logs: [{}, { text: '0 of 0' }] });
  expect(found['data']).toMatchObject({ result: { kind: 'decision' } });
  expect(found['edit']).toMatchObject({ result: { kind: 'decision' }, modified: true });
  const said = [0, 1, 2].map((part) => ({ text: WORDS.map(([, parts]) => parts[part]).join('') }));
  expect(found['says']).toMatchObject({ result: { kind: 'decision' }, logs: said, isSmall: true });
  expect(found['none']).toMatchObject({ result: { decision: { verdict: 'quarantine' } } });
  for (const task of TASKS.slice(2, -1)) {
    expect(found[task]).toMatchObject({
      result: { kind: 'failure', cause: expect.stringMatching(/^it says: Cannot /) },
      modified: false,
    });
  }
  expect(found['configure']).toHaveLength(CHECKED.length - 1);
});

for (const language of others) {
  const reason = skipped(language);
  describe.skipIf(reason !== '')(`${language.name}${reason}`, () => {
    test('everything that the SDK offers does the same', async () => {
      expect(await seen(language)).toEqual(await expectedOf());
    });
  });
}
