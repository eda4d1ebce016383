import assert from 'node:assert/strict';
import fc from 'fast-check';
import { openSpool, spoolOf } from '../../../src/base/spool.ts';
import { readAll } from '../../../src/mail/canonical-entity.ts';
import { applySplices, imageOf, isProblem, type MessageImage, type Splice } from '../../../src/mail/image.ts';
import { imageSource, SyncImageReader } from '../../../src/mail/image-reader.ts';
import { latin1, octetsOf } from '../octets.ts';
import type { Target } from '../target.ts';

/** Sets of splices, one set on top of the other: `[[[offset, remove, "text"], …], …]`. */
type Sets = [number, number, string][][];

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

const splice = fc.tuple(fc.integer({ min: -1, max: 40 }), fc.nat(8), fc.constantFrom('', 'X', 'YZ'));

/** Undefined for what is none. */
function setsIn(octets: Buffer): Sets | undefined {
  try {
    const value: unknown = JSON.parse(octets.toString('utf8'));
    const isSplice = (one: unknown): boolean =>
      Array.isArray(one) &&
      typeof one[0] === 'number' &&
      typeof one[1] === 'number' &&
      typeof one[2] === 'string';
    if (!Array.isArray(value)) return undefined;
    return value.every((set) => Array.isArray(set) && set.every(isSplice)) ? (value as Sets) : undefined;
  } catch {
    return undefined;
  }
}

/** What a set makes of a text, piece by piece; undefined if it can't be applied. */
function applied(text: string, set: Sets[number]): string | undefined {
  const ordered = set.toSorted((a, b) => a[0] - b[0] || Number(a[1] > 0) - Number(b[1] > 0));
  let result = '';
  let position = 0;
  for (const [offset, remove, added] of ordered) {
    const isWhole = Number.isSafeInteger(offset) && Number.isSafeInteger(remove);
    if (!isWhole || offset < position || remove < 0 || offset + remove > text.length) return undefined;
    result += text.slice(position, offset) + added;
    position = offset + remove;
  }
  return result + text.slice(position);
}

/** `mail/image.ts` and `mail/image-reader.ts`: what services change. */
export const splices: Target = {
  name: 'splices',
  words: ['[', ']', ',', '[0,0,"X"]', '[26,0,"X"]', '-1', '0.5', '1e99', '9007199254740993'],
  made: fc
    .array(fc.array(splice, { maxLength: 6 }), { maxLength: 4 })
    .map((sets) => Buffer.from(JSON.stringify(sets))),
  properties: {
    async 'an image reads, whole and by range, as the text with the same changes; a set is applied whole or not at all'(
      octets,
    ) {
      const spool = spoolOf(octetsOf(LETTERS));
      let image: MessageImage = imageOf(spool.handle);
      let text = LETTERS;
      for (const set of setsIn(octets) ?? []) {
        const list: Splice[] = set.map(([offset, remove, added]) => ({
          offset,
          remove,
          bytes: Buffer.from(added),
        }));
        const next = applySplices(image, list);
        const wanted = applied(
          text,
          set.map(([offset, remove, added]) => [offset, remove, latin1(Buffer.from(added))]),
        );
        assert.equal(isProblem(next), wanted === undefined);
        if (!isProblem(next)) [image, text] = [next, wanted!];
        assert.equal(image.size, text.length);
        const reader = new SyncImageReader(openSpool(spool.handle), image);
        assert.equal(latin1(readAll(reader)), text);
        const source = imageSource(spool, image);
        for (const [from, length] of [
          [0, text.length],
          [3, 5],
          [text.length - 2, 9],
          [text.length, 1],
        ] as const) {
          if (from < 0) continue;
          assert.equal(latin1(await source.read(from, length)), text.slice(from, from + length));
        }
        for (const [at, piece] of image.pieces.entries()) {
          const before = image.pieces[at - 1];
          if (piece.from === 'added') assert.ok(piece.bytes.length > 0);
          else assert.ok(piece.length > 0 && piece.offset >= 0 && piece.offset + piece.length <= 26);
          if (piece.from === 'original' && before?.from === 'original')
            assert.ok(before.offset + before.length < piece.offset);
        }
      }
    },
  },
};
