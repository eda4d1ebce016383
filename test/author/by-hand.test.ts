import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openShop, type Shop } from './shop.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/**
 * `sdk/ABI.md` is enough for a language without an SDK: a filter written by hand from it, in WebAssembly text, goes through every
 * command that one with an SDK goes through.
 */
let shop: Shop;
const CLEAN = 'Subject: Lunch\n\nShall we have lunch?\n';
const SPLIT = `Subject: Long\n\n${'x'.repeat(4093)}LoTTery\n`;
const BASE64 = `Subject: Won\nContent-Transfer-Encoding: base64\n\n${btoa('the lottery!')}\n`;
const IN_HEADER = 'Subject: lottery\n\nHello.\n';
const BINARY = 'Subject: x\nContent-Type: image/png\n\nlottery\n';

beforeAll(async () => {
  shop = openShop();
  const wat = readFileSync(new URL('by-hand.wat', import.meta.url), 'utf8');
  const settings = { type: 'object', properties: { word: { type: 'string', description: 'The word.' } } };
  const manifest = { stages: ['message'], reads: 'body', modifies: true, settings, limits: { memoryMiB: 1 } };
  await shop.pack('by-hand', { module: wat, manifest });
  shop.write('settings.json', '{"word":"LOTTERY"}');
  const added = "{ headers: { added: ['X-Checked-By: by-hand'] } }";
  const rejected = '{ verdict: reject, reply: { code: 550, text: not wanted here }, modified: false }';
  const make = (name: string, message: string, expected: string): void => {
    shop.write(`tests/${name}.eml`, message);
    shop.write(`tests/${name}.yaml`, `settings: { word: Lottery }\nallowModify: true\nexpect: ${expected}\n`);
  };
  make('clean', CLEAN, added);
  make('in-header', IN_HEADER, added);
  make('binary', BINARY, added);
  make('empty', '', added);
  make('split', SPLIT, rejected);
  make('base64', BASE64, rejected);
  shop.write('tests/no-leave.eml', CLEAN);
  shop.write('tests/no-leave.yaml', 'settings: { word: zebra }\nexpect: { failure: { kind: trap } }\n');
  for (const [name, settings, complaint] of [
    ['no-word', '{}', 'required is a text of letters'],
    ['two-words', '{ word: two words }', 'required is a text of letters'],
    ['empty-word', "{ word: '' }", 'required is a text of letters'],
    // This one its schema refuses.
    ['a-list', '{ word: [a] }', "'settings.word: must be string'"],
  ]) {
    shop.write(`tests/${name}.eml`, CLEAN);
    shop.write(`tests/${name}.yaml`, `settings: ${settings}\nexpect: { complaint: ${complaint} }\n`);
  }
});

afterAll(() => shop.remove());

describe('a filter written by hand from the ABI', () => {
  test('is good in the eyes of lint', async () => {
    expect(await shop.plugin('lint', 'by-hand.wasm')).toEqual({
      code: 0,
      out: 'by-hand.wasm: good\n',
      errors: '',
    });
  });

  test('passes its tests', async () => {
    const { code, out, errors } = await shop.plugin('test', 'by-hand.wasm');
    expect([code, errors]).toEqual([0, '']);
    expect(out).toMatch(/^11 passed, 0 failed$/m);
  });

  test('is run: it rejects, or adds its header', async () => {
    const leave = ['--settings', 'settings.json', '--allow-modify'];
    const rejected = await shop.plugin(
      'run',
      'by-hand.wasm',
      '--eml',
      'tests/base64.eml',
      ...leave,
      '--json',
    );
    expect(JSON.parse(rejected.out)).toMatchObject({
      decision: { verdict: 'reject', reply: { code: 550, enhanced: '5.7.1', text: 'not wanted here' } },
      modified: false,
      difference: [],
    });
    const added = await shop.plugin('run', 'by-hand.wasm', '--eml', 'tests/clean.eml', ...leave);
    expect(added).toMatchObject({ code: 0, errors: '' });
    expect(added.out.split('\n').slice(0, -2)).toEqual([
      'decision {}',
      'message changed',
      '@@ -1 +1 @@',
      ' Subject: Lunch',
      '+X-Checked-By: by-hand',
      ' ',
      ' Shall we have lunch?',
    ]);
  });

  test('is measured at each size', async () => {
    const leave = ['--settings', 'settings.json', '--allow-modify'];
    const { code, out } = await shop.plugin('bench', 'by-hand.wasm', ...leave, '--json');
    expect(code).toBe(0);
    const { rows } = JSON.parse(out) as { rows: Record<string, unknown>[] };
    expect(rows.map(({ stage, message }) => [stage, message])).toEqual([
      ['message', '4 KB'],
      ['message', '100 KB'],
      ['message', '1 MB'],
    ]);
    for (const row of rows) {
      expect(row['calls']).toBeGreaterThan(0);
      expect(row['p99']).toBeGreaterThanOrEqual(row['p50'] as number);
      expect(row['memoryBytes']).toBeGreaterThanOrEqual(64 * 1024);
      expect(row).not.toHaveProperty('failure');
    }
  });
});
