import { describe, expect, it } from 'vitest';
import { STATE_LIMIT, StateDraft } from './state-draft.ts';

describe('StateDraft', () => {
  it('has nothing to carry over until something is set', () => {
    const draft = new StateDraft({ a: Buffer.from('1') });
    expect(draft.get('a')).toEqual(Buffer.from('1'));
    expect(draft.changed).toBeUndefined();
  });

  it('carries over what was there and what was set', () => {
    const before = { a: Uint8Array.of(1), b: Uint8Array.of(2) };
    const draft = new StateDraft(before);
    expect(draft.set('b', Uint8Array.of(3))).toBe(true);
    expect(draft.changed).toEqual({ a: Uint8Array.of(1), b: Uint8Array.of(3) });
    expect(before.b).toEqual(Uint8Array.of(2));
  });

  it('holds 64 KiB, keys included, counting what was there and giving back what is replaced', () => {
    const draft = new StateDraft({ old: new Uint8Array(1021) });
    expect(draft.set('k', new Uint8Array(STATE_LIMIT - 1025 + 1))).toBe(false);
    expect(draft.set('k', new Uint8Array(STATE_LIMIT - 1025))).toBe(true);
    expect(draft.set('x', new Uint8Array(0))).toBe(false);
    expect(draft.set('old', new Uint8Array(0))).toBe(true);
    expect(draft.set('x', new Uint8Array(1020))).toBe(true);
  });

  it('knows no key that JavaScript brings along', () => {
    const draft = new StateDraft({});
    expect(draft.get('constructor')).toBeUndefined();
    expect(draft.set('__proto__', Uint8Array.of(1))).toBe(true);
    expect(Object.keys(draft.changed!)).toEqual(['__proto__']);
    expect(new StateDraft(draft.changed).get('__proto__')).toEqual(Uint8Array.of(1));
  });
});
