import { describe, expect, test, vi } from 'vitest';
import { factsOf, serviceOf, startBench } from '../abi/wat.ts';
import { LANGUAGES, moduleOf, skipped } from './language.ts';

// A compiler may have to compile its library first.
vi.setConfig({ testTimeout: 180_000 });

/** What a filter keeps in its variables from call to call: nothing, or what `callsPerInstance` lets it keep. */

for (const language of LANGUAGES) {
  const reason = skipped(language);
  describe.skipIf(reason !== '')(`${language.name}${reason}`, () => {
    /** Asks a service that lets its instances answer so many calls, once for each of these clients; what it logs. */
    async function asked(callsPerInstance: number, clients: readonly string[]): Promise<string[]> {
      const files = { counter: await moduleOf(language, 'counter/counter') };
      const services = ['first', 'second'].map((name) =>
        serviceOf(name, { plugin: 'counter', callsPerInstance, settings: { name } }),
      );
      const bench = await startBench({ folder: new URL('./', import.meta.url), services, files });
      try {
        expect(bench.problems).toEqual([]);
        const said: string[] = [];
        for (const [at, name] of clients.entries()) {
          const client = { address: '192.0.2.7', port: 1, helo: { verb: 'EHLO' as const, name } };
          const facts = factsOf('helo', { session: `s${at}`, client });
          const { outcomes } = await bench.sandbox.run({
            stage: 'helo',
            services: ['first', 'second'],
            facts,
            state: {},
          });
          said.push(
            outcomes
              .map(({ result, logs }) => (result.kind === 'decision' ? logs[0]!.text : result.kind))
              .join(', '),
          );
        }
        return said;
      } finally {
        await bench.close();
      }
    }

    test('keeps nothing unless the operator says so', async () => {
      expect(await asked(1, ['a', 'b', 'c'])).toEqual([
        '1 a first, 1 a second',
        '1 b first, 1 b second',
        '1 c first, 1 c second',
      ]);
    });

    test('keeps its variables for as many calls as the operator says, each with its own facts', async () => {
      expect(await asked(3, ['a', 'b', 'c', 'd'])).toEqual([
        '1 a first, 1 a second',
        '2 b first, 2 b second',
        '3 c first, 3 c second',
        '1 d first, 1 d second',
      ]);
    });

    test.each(['trap', 'nothing'])('loses them with its first failure: %s', async (failing) => {
      // A failure that is not accepted ends the group.
      expect(await asked(100, ['a', 'b', failing, 'c'])).toEqual([
        '1 a first, 1 a second',
        '2 b first, 2 b second',
        'failure',
        // The second's still has what it had, if the same thread is asked.
        expect.stringMatching(/^1 c first, [13] c second$/),
      ]);
    });
  });
}
