import { describe, expect, it } from 'vitest';
import { openSpool, spoolOf } from '../base/spool.ts';
import { imageSource, SyncImageReader } from './image-reader.ts';
import { applySplices, imageOf, isProblem, type MessageImage, type Splice } from './image.ts';

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));
const splice = (offset: number, remove: number, text = ''): Splice => ({
  offset,
  remove,
  bytes: bytes(text),
});

function apply(image: MessageImage, ...splices: Splice[]): MessageImage {
  const result = applySplices(image, splices);
  if (isProblem(result)) throw new Error(result.problem);
  return result;
}

function textOf(image: MessageImage): string {
  const reader = new SyncImageReader(openSpool(image.spool), image);
  const target = Buffer.alloc(reader.size + 10);
  return target.toString('latin1', 0, reader.readInto(target, 0));
}

const digits = imageOf(spoolOf(bytes('0123456789')).handle);

describe('applySplices', () => {
  it('inserts, removes and replaces at once, whatever the order of the set', () => {
    const edited = apply(digits, splice(8, 1, 'E'), splice(0, 0, '<'), splice(10, 0, '>'), splice(2, 3));
    expect(textOf(edited)).toBe('<01567E9>');
    expect(edited.size).toBe(9);
  });

  it('keeps the order of insertions at one place, and puts them before a replacement there', () => {
    const edited = apply(digits, splice(5, 2, 'R'), splice(5, 0, 'a'), splice(5, 0, 'b'), splice(7, 0, 'c'));
    expect(textOf(edited)).toBe('01234abRc789');
  });

  it('gives the same object if nothing changes', () => {
    expect(applySplices(digits, [])).toBe(digits);
    expect(applySplices(digits, [splice(3, 0)])).toBe(digits);
  });

  it('merges ranges of the original that meet again', () => {
    const inserted = apply(digits, splice(4, 0, 'xyz'));
    expect(inserted.pieces).toHaveLength(3);
    expect(apply(inserted, splice(4, 3))).toEqual(digits);
  });

  it('has no empty pieces, also when all is removed', () => {
    expect(apply(digits, splice(0, 10))).toEqual({ spool: digits.spool, pieces: [], size: 0 });
    expect(apply(apply(digits, splice(0, 10)), splice(0, 0, 'new')).pieces).toHaveLength(1);
  });

  it.each([
    ['a negative offset', [splice(-1, 0, 'x')]],
    ['a removal past the end', [splice(8, 3)]],
    ['an insertion past the end', [splice(11, 0, 'x')]],
    ['a negative length', [splice(5, -1)]],
    ['NaN', [splice(Number.NaN, 0, 'x')]],
    ['two removals of one octet', [splice(2, 3), splice(4, 1)]],
    ['two removals at one place', [splice(2, 3, 'a'), splice(2, 3, 'a')]],
    ['an insertion inside a removal', [splice(2, 3), splice(3, 0, 'x')]],
  ])('refuses %s', (_name, splices) => {
    expect(applySplices(digits, splices)).toHaveProperty('problem');
  });

  it('does not keep a guest memory alive through a view of it', () => {
    const memory = bytes('....abc....');
    const edited = apply(digits, { offset: 0, remove: 0, bytes: memory.subarray(4, 7) });
    memory.fill(0);
    expect(textOf(edited)).toBe('abc0123456789');
    expect(edited.pieces[0]).toMatchObject({ from: 'added' });
    const [piece] = edited.pieces;
    expect(piece?.from === 'added' && piece.bytes.buffer.byteLength).toBe(3);
  });

  it('agrees with string editing on many random edits of edits', () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return Math.floor((seed / 2147483648) * below);
    };
    let image = digits;
    let text = '0123456789';
    for (let round = 0; round < 300; round++) {
      const splices: Splice[] = [];
      let model = '';
      let cursor = 0;
      for (let n = random(4); n > 0 && cursor < text.length; n--) {
        const offset = cursor + random(text.length - cursor);
        const remove = random(Math.min(6, text.length - offset));
        const added = 'abcdefgh'.slice(0, random(7));
        splices.push(splice(offset, remove, added));
        model += text.slice(cursor, offset) + added;
        cursor = offset + Math.max(remove, 1);
        model += remove === 0 ? text.slice(offset, cursor) : '';
      }
      text = model + text.slice(cursor);
      image = apply(image, ...splices.toReversed());
      expect(textOf(image)).toBe(text);
      expect(image.size).toBe(text.length);
    }
  });
});

describe('readers', () => {
  it('read every range alike, synchronously and asynchronously', async () => {
    const spool = spoolOf(bytes('0123456789'));
    const image = apply(imageOf(spool.handle), splice(0, 1, 'aa'), splice(5, 0, 'b'), splice(9, 1, 'cc'));
    const whole = textOf(image);
    const sync = new SyncImageReader(openSpool(image.spool), image);
    const source = imageSource(spool, image);
    expect(source.size).toBe(whole.length);
    for (let offset = 0; offset <= whole.length + 1; offset++) {
      for (let length = 0; length <= whole.length + 2; length++) {
        const expected = whole.slice(offset, offset + length);
        const target = Buffer.alloc(length);
        expect(target.toString('latin1', 0, sync.readInto(target, offset))).toBe(expected);
        expect(Buffer.from(await source.read(offset, length)).toString('latin1')).toBe(expected);
      }
    }
    sync.close();
  });

  it('read nothing from an empty image', async () => {
    const spool = spoolOf(new Uint8Array(0));
    const image = imageOf(spool.handle);
    expect(image.pieces).toEqual([]);
    expect(new SyncImageReader(openSpool(spool.handle), image).readInto(new Uint8Array(4), 0)).toBe(0);
    expect(await imageSource(spool, image).read(0, 4)).toHaveLength(0);
  });
});
