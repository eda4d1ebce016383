import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Facts } from '../../../src/ocp/facts.ts';
import { VERDICTS } from '../../../src/ocp/decision.ts';
import { readManifest } from '../../../src/ocp/manifest.ts';
import { nestsDeeply, strictJson } from '../../../src/ocp/strict-json.ts';
import { STAGES } from '../../../src/ocp/stage.ts';
import { readDecision, type ReadDecision } from '../../../src/sandbox/decision-reader.ts';
import type { Target } from '../target.ts';

const factsAt = (stage: Facts['stage']): Facts => ({
  stage,
  session: 's',
  service: 'filter',
  listener: { name: 'in', protocol: 'smtp' },
  client: { address: '192.0.2.1', port: 1 },
  recipients: [{ address: 'a@example.com', params: {} }],
});

const read = (octets: Uint8Array, stage: Facts['stage'], allowModify: boolean): ReadDecision =>
  readDecision(octets, { facts: factsAt(stage), allowModify });

const line = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.constantFrom('a@example.com', '__proto__', '\r\nX: y', '\0'),
);
const some = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq: 2 });
const replyOf = fc.record({
  code: fc.integer({ min: 390, max: 610 }),
  enhanced: some(fc.constantFrom('5.7.1', '4.0.0', '2.0.0')),
  text: some(line),
});
const made = fc
  .record({
    verdict: some(fc.constantFrom(...VERDICTS, 'maybe')),
    reply: some(replyOf),
    final: some(fc.boolean()),
    rewrite: some(line),
    sender: some(line),
    recipients: some(
      fc.array(
        fc.record({
          address: line,
          verdict: some(fc.constantFrom(...VERDICTS)),
          replace: some(fc.array(line)),
        }),
      ),
    ),
    addRecipients: some(fc.array(line)),
    tags: some(fc.dictionary(line, line)),
    score: some(fc.double()),
    reason: some(line),
  })
  .map((decision) => Buffer.from(JSON.stringify(decision)));

/** `sandbox/decision-reader.ts`, `ocp/strict-json.ts` and `ocp/manifest.ts`: JSON that plugins and their vendors write. */
export const decisions: Target = {
  name: 'decisions',
  words: [
    '{',
    '}',
    '[',
    ']',
    '"verdict":',
    '"__proto__":',
    '"constructor":',
    '"reply":{"code":550}',
    ',',
    ':',
    '"',
    '\\u000a',
    '1e400',
    '\\ud800',
    'null',
  ],
  made,
  properties: {
    'it is a decision, or a fault in one printable line; nothing is thrown'(octets) {
      for (const stage of STAGES) {
        const result = read(octets, stage, octets.length % 2 === 0);
        if ('fault' in result)
          assert.ok(!/\p{Cc}/u.test(result.fault) && result.fault.length <= 300, result.fault);
      }
    },
    'a decision that is written again is the same decision, with text that fits in a line'(octets) {
      const result = read(octets, 'message', true);
      if ('fault' in result) return;
      const text = JSON.stringify(result.decision);
      assert.ok(!/\\u00[01]|\\[rnt]/.test(text.replaceAll('\\\\', '')));
      assert.deepEqual(read(Buffer.from(text), 'message', true), result);
    },
    'without leave nothing is changed'(octets) {
      const result = read(octets, 'message', false);
      if ('fault' in result) return;
      const { sender, rewrite, nextHop, addRecipients = [], recipients = [] } = result.decision;
      assert.deepEqual([sender, rewrite, nextHop, ...addRecipients], [undefined, undefined, undefined]);
      assert.ok(recipients.every((one) => one.replace === undefined && one.nextHop === undefined));
    },
    'no key reaches what all objects have'(octets) {
      read(octets, 'message', true);
      const bare: Record<string, unknown> = {};
      assert.deepEqual(Object.keys(Object.prototype), []);
      assert.equal(bare['verdict'], undefined);
    },
    'strict JSON is JSON that is the same when written again; manifests are read or refused in words'(
      octets,
    ) {
      const text = octets.toString('utf8');
      const strict = strictJson(text);
      if ('value' in strict) {
        assert.ok(!nestsDeeply(text));
        // As text: JSON has no way to write a number that is too large for it.
        const again = strictJson(JSON.stringify(strict.value));
        assert.ok('value' in again);
        assert.equal(JSON.stringify(again.value), JSON.stringify(strict.value));
      }
      const manifest = readManifest(octets);
      if ('reasons' in manifest) assert.ok(manifest.reasons.length > 0);
      else assert.deepEqual(readManifest(Buffer.from(JSON.stringify(manifest.manifest))), manifest);
    },
  },
};
