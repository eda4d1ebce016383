import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Service, ServiceOutcome } from '../../src/ocp/service.ts';
import { factsOf, imageOfText, serviceOf, startBench, textOf } from '../abi/wat.ts';
import { CASES, type Case } from './cases.ts';
import { LANGUAGES, skipped, withoutPlace, type Language } from './language.ts';

// A compiler may have to compile its library first.
vi.setConfig({ testTimeout: 180_000 });

/**
 * The three filters that every SDK has in `examples/` are one filter in several languages: on the same messages with the
 * same settings each comes to the same decision, the same message, the same log and the same complaints.
 */
const [reference, ...others] = LANGUAGES;
let folder: string;
const built = new Set<string>();

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-conformance-'));
});

afterAll(() => rmSync(folder, { recursive: true }));

/** The module of a filter in a language, compiled once. */
async function moduleOf(language: Language, filter: string): Promise<string> {
  const target = join(folder, `${language.folder}-${filter}.wasm`);
  if (!built.has(target)) {
    await language.build(language.example(filter), target);
    built.add(target);
  }
  return target;
}

interface Result {
  readonly outcome: Omit<ServiceOutcome, 'micros' | 'service' | 'memoryBytes'>;
  /** The message afterwards, octets as latin1. */
  readonly text: string;
}

/** A service for each of these settings, in one real sandbox. */
async function serve(path: string, settings: readonly Service['settings'][], allowModify = true) {
  const services = settings.map((settings, index) =>
    serviceOf(`s${index}`, { plugin: 'filter', settings, allowModify }),
  );
  const files = { filter: readFileSync(path) };
  return startBench({ folder: new URL('./', import.meta.url), services, files });
}

/** What a filter does with each message under each of its settings, by their names. */
async function resultsOf(path: string, { settings, messages }: Case, allowModify = true) {
  const bench = await serve(path, Object.values(settings), allowModify);
  const results: Record<string, Result> = {};
  try {
    expect(bench.problems).toEqual([]);
    for (const [index, under] of Object.keys(settings).entries()) {
      for (const [name, message] of Object.entries(messages)) {
        const image = imageOfText(message.replaceAll('\n', '\r\n'));
        const job = { stage: 'message' as const, services: [`s${index}`], state: {}, image };
        const done = await bench.sandbox.run({ ...job, facts: factsOf('message') });
        const { micros: _micros, service: _service, memoryBytes: _memory, ...outcome } = done.outcomes[0]!;
        results[`${under}: ${name}`] = { outcome: comparable(outcome), text: await textOf(done.image!) };
      }
    }
  } finally {
    await bench.close();
  }
  return results;
}

function comparable(outcome: Result['outcome']): Result['outcome'] {
  const { result } = outcome;
  if (result.kind !== 'failure') return outcome;
  return { ...outcome, result: { ...result, cause: withoutPlace(result.cause) } };
}

/** What `configure` says about each of these settings. */
async function complaintsOf(path: string, settings: readonly Service['settings'][]): Promise<string[]> {
  const bench = await serve(path, settings);
  await bench.close();
  const { problems } = bench;
  return settings.map((_, index) =>
    problems
      .filter(({ service }) => service === `s${index}`)
      .map(({ reason }) => reason)
      .join('\n'),
  );
}

const expected = new Map<string, Promise<Record<string, Result>>>();

/** What AssemblyScript, the first of them, does. */
function expectedOf(one: Case, allowModify = true): Promise<Record<string, Result>> {
  const key = `${one.filter} ${allowModify}`;
  if (!expected.has(key)) {
    const results = moduleOf(reference!, one.filter).then((path) => resultsOf(path, one, allowModify));
    expected.set(key, results);
  }
  return expected.get(key)!;
}

describe('the three filters do what they are for', () => {
  const of = (filter: string): Case => CASES.find((one) => one.filter === filter)!;

  test('add-header', async () => {
    const results = await expectedOf(of('add-header'));
    expect(results['none: plain']).toMatchObject({
      outcome: { result: { decision: { tags: { subject: 'Hello' } } }, modified: true },
      text: 'Subject: Hello\r\nX-Scanned-By: Postern\r\n\r\nHi.\r\n',
    });
    expect(results['none: no UTF-8']).toMatchObject({
      outcome: { result: { decision: { tags: { subject: 'a�b�c��d���e����f��g�' } } } },
    });
    expect(results['none: cut within a pair']).toMatchObject({
      outcome: { result: { decision: { tags: { subject: `${'y'.repeat(511)}\ufffd` } } } },
    });
    expect(results['UTF-8: plain']).toMatchObject({
      outcome: {
        result: {
          kind: 'failure',
          cause: expect.stringMatching(/^it says: Cannot add the header X-Ünits: the host found/),
        },
      },
    });
  });

  test('reject-word', async () => {
    const results = await expectedOf(of('reject-word'));
    const rejected = Object.entries(results)
      .filter(
        ([name, { outcome }]) =>
          name.startsWith('the word: ') &&
          'decision' in outcome.result &&
          outcome.result.decision.verdict === 'reject',
      )
      .map(([name]) => name.slice('the word: '.length));
    const clean = [
      'half the word',
      'the halves in two reads with a gap',
      'the word in the header',
      'the word in no text',
      'exactly one read',
      'no body',
      'empty',
    ];
    expect(rejected).toEqual(Object.keys(of('reject-word').messages).filter((name) => !clean.includes(name)));
    expect(results['the word: the word in the second part']!.outcome.result).toEqual({
      kind: 'decision',
      decision: {
        verdict: 'reject',
        reply: { code: 550, enhanced: '5.7.1', text: 'no mail about abracadabra here' },
        reason: 'part 2 says "abracadabra"',
      },
    });
  });

  test('replace-attachment', async () => {
    const results = await expectedOf(of('replace-attachment'));
    const { outcome, text } = results['none: one']!;
    expect(outcome.result).toEqual({
      kind: 'decision',
      decision: { tags: { attachment: 'invoice.exe' }, reason: 'removed invoice.exe', score: 2.5 },
    });
    expect(text).toContain('The attachment "invoice.exe" was removed.');
    expect(text).not.toContain(Buffer.from('MZ').toString('base64'));
    expect(text).toMatch(/\r\n\r\nHi\.\r\n--b\r\n/);
    const failures = Object.values(results).filter((result) => result.outcome.result.kind !== 'decision');
    expect(failures).toEqual([]);
  });
});

for (const language of others) {
  const reason = skipped(language);
  describe.skipIf(reason !== '')(`${language.name}${reason}`, () => {
    test.each(CASES)('$filter: the same outcomes, octet for octet', async (one) => {
      const results = await resultsOf(await moduleOf(language, one.filter), one);
      const count = Object.keys(one.settings).length * Object.keys(one.messages).length;
      expect(Object.keys(results)).toHaveLength(count);
      expect(results).toEqual(await expectedOf(one));
    });

    test.each(CASES)('$filter: the same failures without allowModify', async (one) => {
      const results = await resultsOf(await moduleOf(language, one.filter), one, false);
      expect(results).toEqual(await expectedOf(one, false));
    });
  });
}

for (const language of LANGUAGES) {
  const reason = skipped(language);
  describe.skipIf(reason !== '')(`${language.name}${reason}`, () => {
    test.each(CASES)('$filter names what is wrong with its settings', async ({ filter, complaints }) => {
      const path = await moduleOf(language, filter);
      const found = await complaintsOf(
        path,
        complaints.map(([settings]) => settings),
      );
      expect(found).toEqual(complaints.map(([, sentence]) => sentence));
    });

    test('what a filter does not call is not imported', async () => {
      const module = await WebAssembly.compile(readFileSync(await moduleOf(language, 'add-header')));
      const calls = WebAssembly.Module.imports(module)
        .filter((imported) => imported.module === 'ocp_smtp_v1')
        .map((imported) => imported.name);
      expect(calls.sort()).toEqual(['header_add', 'header_find', 'header_value']);
    });
  });
}
