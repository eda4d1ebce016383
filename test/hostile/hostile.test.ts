import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { CalloutResult, FailureKind, Limits } from '../../src/ocp/service.ts';
import { factsOf, imageOfText, serviceOf, startBench, textOf, type Bench } from '../abi/wat.ts';

interface Expected {
  readonly failure?: FailureKind;
  readonly cause?: string;
  readonly modified?: boolean;
  readonly allowModify?: boolean;
  readonly limits?: Partial<Limits>;
}

const folder = new URL('./', import.meta.url);
const expected = parse(readFileSync(new URL('expected.yaml', folder), 'utf8')) as Record<string, Expected>;
const names = Object.keys(expected);

const MESSAGE = 'Subject: hello\r\nFrom: bob@example.net\r\n\r\nHi there\r\n';
const image = imageOfText(MESSAGE);

const ask = (bench: Bench, services: readonly string[]): Promise<CalloutResult> =>
  bench.sandbox.run({ stage: 'message', services, facts: factsOf('message'), image, state: {} });

it('has an expectation for every vector', () => {
  const vectors = readdirSync(folder).filter((file) => file.endsWith('.wat'));
  expect(vectors.map((file) => file.replace('.wat', '')).sort()).toEqual([...names, 'good'].sort());
});

describe('hostile plugins', () => {
  let bench: Bench;
  beforeAll(async () => {
    const services = names.map((name) => {
      const { limits, allowModify = true } = expected[name]!;
      return serviceOf(name, { allowModify, ...(limits && { limits }) });
    });
    bench = await startBench({ folder, services: [...services, serviceOf('good')] });
  });
  afterAll(() => bench.close());

  it('all load: none is refused for what it only does when it runs', () => {
    expect(bench.problems).toEqual([]);
  });

  it.each(names)('%s', async (name) => {
    const { failure, cause = '', modified = false } = expected[name]!;
    const result = await ask(bench, [name]);
    expect(result.outcomes).toHaveLength(1);
    const outcome = result.outcomes[0]!;
    if (failure === undefined) {
      expect(outcome.result).toMatchObject({ kind: 'decision' });
    } else {
      expect(outcome.result).toEqual({ kind: 'failure', failure, cause: expect.stringContaining(cause) });
      expect(result.state).toEqual({});
    }
    expect(outcome.modified).toBe(modified);
    if (!modified) expect(await textOf(result.image!)).toBe(MESSAGE);

    // Whatever it did, the next service finds everything as it should be.
    const after = await ask(bench, ['good']);
    expect(after.outcomes[0]!.result).toEqual({ kind: 'decision', decision: {} });
  });

  it('cuts the log, and says so', async () => {
    const { outcomes } = await ask(bench, ['log-flood']);
    const { logs } = outcomes[0]!;
    expect(logs.length).toBeLessThan(12);
    expect(logs.reduce((sum, { text }) => sum + text.length, 0)).toBeLessThan(1100);
    expect(logs.at(-1)!.text).toMatch(/more octets of log were dropped/);
  });

  it('all at once, several times over, leave the pool whole', async () => {
    const results = await Promise.all([...names, ...names].map((name) => ask(bench, [name])));
    for (const [index, result] of results.entries()) {
      const { failure } = expected[names[index % names.length]!]!;
      const { kind } = result.outcomes[0]!.result;
      expect(kind, names[index % names.length]).toBe(failure === undefined ? 'decision' : 'failure');
    }
    const after = await ask(bench, ['good']);
    expect(after.outcomes[0]!.result.kind).toBe('decision');
  });
});
