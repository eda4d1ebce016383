import { describe, expect, it } from 'vitest';
import { DEPTH_LIMIT, nestsDeeply } from './strict-json.ts';

const nested = (depth: number): string => '[{"a":'.repeat(depth / 2) + '1' + '}]'.repeat(depth / 2);

describe('nestsDeeply', () => {
  it('counts what is open at a time', () => {
    expect(nestsDeeply(nested(DEPTH_LIMIT))).toBe(false);
    expect(nestsDeeply(nested(DEPTH_LIMIT + 2))).toBe(true);
    expect(nestsDeeply(`[${'[],{},'.repeat(1000)}1]`)).toBe(false);
  });

  it('knows strings from brackets', () => {
    expect(nestsDeeply(JSON.stringify({ text: `${'['.repeat(1000)}"\\`, more: '{'.repeat(1000) }))).toBe(
      false,
    );
    expect(nestsDeeply(`"\\"${'['.repeat(1000)}`)).toBe(false);
    expect(nestsDeeply(`"\\\\"${'['.repeat(1000)}`)).toBe(true);
  });

  it.each(['', '"', '"\\', ']'.repeat(1000), 'x'.repeat(1000)])('takes what is not JSON: %j', (text) => {
    expect(nestsDeeply(text)).toBe(false);
  });

  it('takes brackets that nobody closes', () => {
    expect(nestsDeeply('['.repeat(60_000))).toBe(true);
  });
});
