import { describe, expect, it } from 'vitest';
import { spoolOf } from '../base/spool.ts';
import { imageSource } from '../mail/image-reader.ts';
import { applySplices, imageOf, isProblem, type Splice } from '../mail/image.ts';
import { EDIT_LIMIT, Edits, keepsLineEndings } from './edits.ts';

const text = 'a\r\n\r\nb\r\n';
const octets = Buffer.from(text);
const octetAt = (offset: number): number => octets[offset] ?? -1;
const isSound = (message: string): boolean => !/\r(?!\n)|(?<!\r)\n/.test(message);

/** Every splice of the text with up to two octets out of CR, LF and x. */
function* everySplice(): Generator<Splice> {
  const letters = ['', '\r', '\n', 'x'];
  const additions = new Set(letters.flatMap((first) => letters.map((second) => first + second)));
  for (let offset = 0; offset <= octets.length; offset++) {
    for (let remove = 0; offset + remove <= octets.length; remove++) {
      for (const added of additions) yield { offset, remove, bytes: Buffer.from(added) };
    }
  }
}

describe('keepsLineEndings', () => {
  it('never lets a splice through that leaves a bare CR or LF', () => {
    const kept = [...everySplice()].filter((splice) => keepsLineEndings(splice, octetAt));
    const results = kept.map(
      ({ offset, remove, bytes }) =>
        text.slice(0, offset) + Buffer.from(bytes).toString() + text.slice(offset + remove),
    );
    expect(results.length).toBeGreaterThan(100);
    expect(results.filter((after) => !isSound(after))).toEqual([]);
  });

  it('never lets two through that are sound alone and not together', async () => {
    const sound = [...everySplice()].filter((splice) => keepsLineEndings(splice, octetAt));
    const spool = spoolOf(octets);
    const unsound: string[] = [];
    let applied = 0;
    for (const first of sound) {
      for (const second of sound) {
        const image = applySplices(imageOf(spool.handle), [first, second]);
        if (isProblem(image)) continue;
        applied += 1;
        const after = Buffer.from(await imageSource(spool, image).read(0, image.size)).toString();
        if (!isSound(after)) unsound.push(JSON.stringify({ first, second, after }));
      }
    }
    expect(applied).toBeGreaterThan(1000);
    expect(unsound).toEqual([]);
  });

  it.each<[string, Omit<Splice, 'bytes'> & { added: string }]>([
    ['an insertion of lines', { offset: 3, remove: 0, added: 'X: 1\r\n' }],
    ['the removal of a line', { offset: 0, remove: 3, added: '' }],
    ['the removal of everything', { offset: 0, remove: 8, added: '' }],
    ['an insertion at the end', { offset: 8, remove: 0, added: 'c\r\n' }],
    ['other octets inside a line', { offset: 5, remove: 1, added: 'longer' }],
    ['a line end for a line end', { offset: 1, remove: 2, added: '\r\n\r\n' }],
  ])('lets %s through', (_name, { offset, remove, added }) => {
    expect(keepsLineEndings({ offset, remove, bytes: Buffer.from(added) }, octetAt)).toBe(true);
  });
});

describe('Edits', () => {
  const splice = (bytes: Uint8Array): Splice => ({ offset: 0, remove: 0, bytes });

  it('keeps a copy, since the guest goes on using its memory', () => {
    const memory = Buffer.from('abc');
    const edits = new Edits(100);
    expect(edits.add([splice(memory)])).toBe(true);
    memory.fill(0);
    expect(Buffer.from(edits.splices[0]!.bytes).toString()).toBe('abc');
  });

  it('takes all of a set or none', () => {
    const edits = new Edits(10);
    expect(edits.add([splice(new Uint8Array(6)), splice(new Uint8Array(6))])).toBe(false);
    expect(edits.splices).toEqual([]);
    expect(edits.add([splice(new Uint8Array(10))])).toBe(true);
    expect(edits.add([splice(new Uint8Array(1))])).toBe(false);
  });

  it('is bounded in number', () => {
    const edits = new Edits(0);
    const empty = splice(new Uint8Array());
    for (let count = 0; count < EDIT_LIMIT; count++) edits.add([empty]);
    expect(edits.add([empty])).toBe(false);
    expect(edits.splices).toHaveLength(EDIT_LIMIT);
  });
});
