import { availableParallelism, cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openTrial } from '../../src/author/trial.ts';
import { DEFAULT_SERVICE, type Service } from '../../src/ocp/service.ts';
import { realCapabilities } from '../../test/capability/real.ts';
import { readPluginAt } from '../../test/abi/wat.ts';
import { readCorpus, reportOf, type Sample } from './corpus.ts';

/**
 * `npx vitest run --config bench/spam/vitest.config.ts`, with POSTERN_SPAM_CORPUS naming a corpus (`corpus.ts`): what the spam plugin learns from one half of it, by reports as
 * users send them, and says of the other half. No lists in DNS and no rules are asked: it is the classifier that is measured. Prints; what it
 * asserts is that it measured.
 */
const ROOT = join(import.meta.dirname, '..', '..');
const AT_ONCE = 10;
const LEARN = { spam: 'spam@example.com', other: 'ham@example.com' };
/** Points for a likelihood of 1 and of 0, so that a score tells the likelihood. */
const BAYES = { spam: 100, other: -100 };

test('the spam plugin by a corpus', async () => {
  const corpus = readCorpus(process.env['POSTERN_SPAM_CORPUS'] ?? '');
  const learnt = corpus.filter((_, index) => index % 2 === 0);
  const judged = corpus.filter((_, index) => index % 2 === 1);
  const service: Service = {
    ...DEFAULT_SERVICE,
    name: 'spam',
    plugin: join(ROOT, 'plugins', 'spam', 'spam.wasm'),
    grants: { kv: { keys: 100, bytes: 10 * 2 ** 20 } },
    settings: { learn: LEARN, bayes: BAYES },
  };
  const capabilities = await realCapabilities([service]);
  const trial = await openTrial({
    services: [service],
    readPlugin: readPluginAt,
    capabilities: capabilities.host,
    workers: 1,
  });
  try {
    const reportMs = await learnAll(learnt);
    const spam: number[] = [];
    const other: number[] = [];
    let octets = 0;
    const started = performance.now();
    for (const { isSpam, message } of judged) {
      (isSpam ? spam : other).push(await pointsOf(message));
      octets += message.length;
    }
    const each = (performance.now() - started) / judged.length;
    print(spam, other);
    const load = loadavg()[0]!.toFixed(1);
    console.log(
      `${each.toFixed(2)} ms a message of ${(octets / judged.length / 1024).toFixed(1)} KiB on average, ${(reportMs / learnt.length).toFixed(2)} ms to learn one; ` +
        `${availableParallelism()} × ${cpus()[0]?.model.trim()}, load ${load}`,
    );
    expect(spam.length * other.length).toBeGreaterThan(0);
  } finally {
    await trial.close();
    await capabilities.close();
  }

  async function learnAll(samples: readonly Sample[]): Promise<number> {
    const started = performance.now();
    for (const isSpam of [true, false]) {
      const same = samples.filter((sample) => sample.isSpam === isSpam);
      for (let at = 0; at < same.length; at += AT_ONCE) {
        const recipient = { address: isSpam ? LEARN.spam : LEARN.other, params: {} };
        const { outcome } = await trial.ask('spam', {
          stage: 'message',
          facts: {
            client: { address: '192.0.2.7', port: 1, user: 'ann@example.com' },
            recipients: [recipient],
          },
          message: reportOf(same.slice(at, at + AT_ONCE)),
        });
        expect(outcome.result).toMatchObject({ kind: 'decision', decision: { verdict: 'discard' } });
      }
    }
    return performance.now() - started;
  }

  async function pointsOf(message: Buffer): Promise<number> {
    const { outcome } = await trial.ask('spam', { stage: 'message', message });
    if (outcome.result.kind !== 'decision') throw new Error(JSON.stringify(outcome.result));
    return outcome.result.decision.score ?? 0;
  }
});

function print(spam: readonly number[], other: readonly number[]): void {
  console.log(`judged: ${spam.length} of spam, ${other.length} of other mail`);
  console.log('likelihood from  precision  recall  false positives');
  for (const from of [0, 50, 80, 98]) {
    const hits = spam.filter((points) => points > from).length;
    const wrong = other.filter((points) => points > from).length;
    const row = [
      (0.5 + from / 200).toFixed(2).padStart(15),
      `${((100 * hits) / (hits + wrong)).toFixed(2)} %`.padStart(10),
      `${((100 * hits) / spam.length).toFixed(1)} %`.padStart(7),
      `${wrong} (${((100 * wrong) / other.length).toFixed(2)} %)`.padStart(16),
    ];
    console.log(row.join(' '));
  }
}
