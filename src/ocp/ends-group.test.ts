import { describe, expect, it } from 'vitest';
import type { Decision } from './decision.ts';
import { endsGroup } from './ends-group.ts';

describe('endsGroup', () => {
  it.each<[string, Decision, boolean]>([
    ['nothing to say', {}, false],
    ['accept', { verdict: 'accept' }, false],
    ['final accept', { verdict: 'accept', final: true }, true],
    ['reject', { verdict: 'reject' }, true],
    ['tempfail', { verdict: 'tempfail' }, true],
    ['discard', { verdict: 'discard' }, true],
    ['quarantine: a later service may still reject', { verdict: 'quarantine' }, false],
    ['bounce: a later service may still reject', { verdict: 'bounce' }, false],
    ['reject for one recipient only', { recipients: [{ address: 'a@x', verdict: 'reject' }] }, false],
    [
      'reject, but one accepted',
      { verdict: 'reject', recipients: [{ address: 'a@x', verdict: 'accept' }] },
      false,
    ],
    [
      'reject, one deferred',
      { verdict: 'reject', recipients: [{ address: 'a@x', verdict: 'tempfail' }] },
      true,
    ],
    ['reject, one only filed', { verdict: 'reject', recipients: [{ address: 'a@x', folder: 'Junk' }] }, true],
  ])('%s', (_name, decision, ends) => {
    expect(endsGroup(decision)).toBe(ends);
  });
});
