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
const expected: Record<string, Expected> = parse(readFileSync(new URL('expected.yaml', folder), 'utf8'));
const names = Object.keys(expected);

const MESSAGE = 'Subject: hello\r\nFrom: bob@example.net\r\n\r\nHi there\r\n';
const image = imageOfText(MESSAGE);

const MIB = 1024 * 1024;

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

  // Whatever one did, the next service must find everything as it should be.
  const goodAfterwards = async (): Promise<unknown> => (await ask(bench, ['good'])).outcomes[0]!.result;

  it.each(names.filter((name) => expected[name]!.failure !== undefined))('%s', async (name) => {
    const { failure, cause } = expected[name]!;
    const { outcomes, state, image: after } = await ask(bench, [name]);
    expect(outcomes).toHaveLength(1);
    expect(outcomes[0]!.result).toEqual({ kind: 'failure', failure, cause: expect.stringContaining(cause!) });
    expect(outcomes[0]!.modified).toBe(false);
    expect(state).toEqual({});
    expect(await textOf(after!)).toBe(MESSAGE);
    expect(await goodAfterwards()).toEqual({ kind: 'decision', decision: {} });
  });

  it.each(names.filter((name) => expected[name]!.failure === undefined))('%s', async (name) => {
    const { outcomes, image: after } = await ask(bench, [name]);
    expect(outcomes).toHaveLength(1);
    expect(outcomes[0]!.result).toMatchObject({ kind: 'decision' });
    expect(outcomes[0]!.modified).toBe(expected[name]!.modified ?? false);
    expect(await textOf(after!)).toMatch(
      /^(\{\}){0,10000}Subject: hello\r\nFrom: bob@example.net\r\n\r\nHi there\r\n$/,
    );
    expect(await goodAfterwards()).toEqual({ kind: 'decision', decision: {} });
  });

  it('cuts the log, and says so', async () => {
    const { outcomes } = await ask(bench, ['log-flood']);
    const { logs } = outcomes[0]!;
    expect(logs.length).toBeLessThan(12);
    expect(logs.reduce((sum, { text }) => sum + text.length, 0)).toBeLessThan(1100);
    expect(logs.at(-1)!.text).toMatch(/more octets of log were dropped/);
  });

  it.each([
    ['memory', 4 * MIB, 4 * MIB + 10_000],
    ['host-blocks', 7 * MIB, 8 * MIB + 64 * 1024],
    ['good', 64 * 1024, 64 * 1024 + 10_000],
  ])('says how much memory was used: %s', async (name, least, most) => {
    const { memoryBytes } = (await ask(bench, [name])).outcomes[0]!;
    expect(memoryBytes).toBeGreaterThanOrEqual(least);
    expect(memoryBytes).toBeLessThanOrEqual(most);
  });

  it('all at once, several times over, leave the pool whole', async () => {
    const results = await Promise.all([...names, ...names].map((name) => ask(bench, [name])));
    const kinds = results.map(({ outcomes }) => outcomes[0]!.result.kind);
    const due = names.map((name) => (expected[name]!.failure === undefined ? 'decision' : 'failure'));
    expect(kinds).toEqual([...due, ...due]);
    expect(await goodAfterwards()).toEqual({ kind: 'decision', decision: {} });
  });
});
