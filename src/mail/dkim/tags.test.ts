import { expect, it } from 'vitest';
import { indexHeader } from '../header-index.ts';
import { readArcChain } from './arc.ts';
import { listOf, parseTags } from './tags.ts';

it('drops white space around names and values, and none within', () => {
  const tags = parseTags(' a\r\n = b \t c\r\n ;\td= ;e=\u00a0;');
  expect([...tags!]).toEqual([
    ['a', 'b \t c'],
    ['d', ''],
    ['e', '\u00a0'],
  ]);
  expect(listOf(' a :\r\n b\t: ')).toEqual(['a', 'b', '']);
});

it('reads a header full of white space at once: the main thread does it, and a stranger wrote it', () => {
  // By the square of the white space it took minutes, and so this test's time.
  const field = `ARC-Seal: i=1; a=b${' '.repeat(32_000)}x\r\n`;
  const chain = readArcChain(indexHeader(Buffer.from(`${field.repeat(32)}\r\n`)), 0);
  expect(chain).toMatchObject({ kind: 'broken', reason: 'instance 1 has arc-seal twice' });
});
