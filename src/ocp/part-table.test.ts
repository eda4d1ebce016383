import { expect, test } from 'vitest';
import type { MimePart } from '../mail/mime-index.ts';
import { partTable } from './part-table.ts';

const part = (extra: Partial<MimePart> = {}): MimePart => ({
  index: 0,
  parent: -1,
  depth: 0,
  type: 'text/plain',
  charset: 'utf-8',
  name: '',
  names: [],
  disposition: '',
  encoding: '7bit',
  offset: 0,
  headerSize: 100,
  size: 10,
  ...extra,
});

test('tells what a part is, not where', () => {
  expect(partTable({ parts: [part({ name: 'a.pdf', disposition: 'attachment' })] })).toEqual({
    parts: [
      { type: 'text/plain', name: 'a.pdf', disposition: 'attachment', encoding: '7bit', depth: 0, size: 10 },
    ],
    partCount: 1,
  });
});

test('is bounded in parts, and counts them all', () => {
  const { parts, partCount } = partTable({ parts: Array.from({ length: 1000 }, () => part()) });
  expect(parts.length).toBeLessThanOrEqual(100);
  expect(parts.length).toBeGreaterThan(50);
  expect(partCount).toBe(1000);
});

test('is bounded in octets, whatever senders write', () => {
  const long = part({
    type: `x/${'y'.repeat(900)}`,
    name: `${'n'.repeat(254)}😀`,
    encoding: '\u0001'.repeat(500),
  });
  const { parts } = partTable({ parts: Array.from({ length: 1000 }, () => long) });
  expect(parts[0]!.name).toBe('n'.repeat(254));
  expect([parts[0]!.type.length, parts[0]!.encoding.length]).toEqual([100, 100]);
  expect(Buffer.byteLength(JSON.stringify(parts))).toBeLessThan(9000);
});
