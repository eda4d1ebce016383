import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { FailureKind, Limits } from '../../src/ocp/service.ts';
import { factsOf, imageOfText, serviceOf, startBench, textOf } from '../abi/wat.ts';
import { unconfinable } from './support.ts';

/** What `test/hostile` does to a thread, done to a confined process: the outcomes are the same, in every detail. */
interface Expected {
  readonly failure?: FailureKind;
  readonly allowModify?: boolean;
  readonly limits?: Partial<Limits>;
}

const folder = new URL('../hostile/', import.meta.url);
const expected: Record<string, Expected> = parse(readFileSync(new URL('expected.yaml', folder), 'utf8'));
const image = imageOfText('Subject: hello\r\nFrom: bob@example.net\r\n\r\nHi there\r\n');

/** A few at a time: each service has processes of its own. */
const BATCH = 6;
const names = Object.keys(expected);
const batches = Array.from({ length: Math.ceil(names.length / BATCH) }, (_, index) =>
  names.slice(index * BATCH, (index + 1) * BATCH),
);

describe.skipIf(unconfinable !== '')(`hostile plugins in confined processes${unconfinable}`, () => {
  it.each(batches.map((batch) => [batch.join(', '), batch] as const))('%s', async (_, batch) => {
    const services = batch.flatMap((name) => {
      const { limits, allowModify = true } = expected[name]!;
      const options = { plugin: name, allowModify, ...(limits && { limits }) };
      return [
        serviceOf(`${name} thread`, options),
        serviceOf(`${name} process`, { ...options, isolation: 'process' }),
      ];
    });
    const good = serviceOf('good', { isolation: 'process' });
    const bench = await startBench({ folder, services: [...services, good], workers: 1 });
    const ask = async (name: string): Promise<unknown> => {
      const facts = factsOf('message');
      const { sandbox } = bench;
      const asked = { stage: 'message' as const, services: [name], facts, image, state: {} };
      const { outcomes, state, image: after } = await sandbox.run(asked);
      const { result, logs, modified, memoryBytes } = outcomes[0]!;
      const text = await textOf(after!);
      return {
        count: outcomes.length,
        result,
        logs,
        modified,
        memoryBytes,
        text,
        state: Object.values(state),
      };
    };
    try {
      expect(bench.problems).toEqual([]);
      for (const name of batch) {
        const inProcess = await ask(`${name} process`);
        expect([name, inProcess]).toEqual([name, await ask(`${name} thread`)]);
        const { failure } = expected[name]!;
        const kind = failure === undefined ? { kind: 'decision' } : { kind: 'failure', failure };
        expect([name, inProcess]).toMatchObject([name, { result: kind }]);
        expect(await ask('good')).toMatchObject({ result: { kind: 'decision', decision: {} } });
      }
    } finally {
      await bench.close();
    }
  });
});
