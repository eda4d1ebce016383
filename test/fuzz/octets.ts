import fc from 'fast-check';

/**
 * Octets from seeds by a list of changes: a fast-check arbitrary, so a failing case shrinks to fewer and simpler changes. Places are
 * thousandths of what is there, so a change means something whatever the ones before it left.
 */
export function mutated(seeds: readonly Uint8Array[], words: readonly string[]): fc.Arbitrary<Uint8Array> {
  const place = fc.nat(1000);
  const octets = fc.oneof(
    fc.constantFrom(...COMMON, ...words.map((word) => Buffer.from(word))),
    fc.uint8Array({ maxLength: 8 }),
  );
  const change: fc.Arbitrary<Change> = fc.oneof(
    fc.record({ kind: fc.constant('put'), at: place, remove: fc.nat(12), octets }),
    fc.record({ kind: fc.constant('remove'), at: place, length: fc.nat(1000) }),
    fc.record({
      kind: fc.constant('repeat'),
      at: place,
      length: fc.nat(64),
      doublings: fc.oneof({ arbitrary: fc.nat(5), weight: 6 }, fc.nat(11)),
    }),
    fc.record({
      kind: fc.constant('cross'),
      at: place,
      from: fc.constantFrom(...seeds),
      start: place,
      length: fc.nat(1000),
    }),
  );
  const changes = fc.array(change, { maxLength: 10, size: 'max' });
  return fc.tuple(fc.constantFrom(...seeds), changes).map(([seed, list]) => list.reduce(apply, seed));
}

const COMMON = ['\r\n', '\r', '\n', '\0', '.', ' ', '\t', '"', '\\', '<', '>', '--', '\xFF', '\xC3', '='].map(
  (text) => Buffer.from(text, 'latin1'),
);

type Change =
  | { kind: 'put'; at: number; remove: number; octets: Uint8Array }
  | { kind: 'remove'; at: number; length: number }
  | { kind: 'repeat'; at: number; length: number; doublings: number }
  | { kind: 'cross'; at: number; from: Uint8Array; start: number; length: number };

/** No input is longer: quadratic time shows long before. */
const LONGEST = 128 * 1024;

function apply(octets: Uint8Array, change: Change): Uint8Array {
  const portion = (of: Uint8Array, thousandths: number): number =>
    Math.floor((of.length * thousandths) / 1000);
  const at = portion(octets, change.at);
  const [before, after] = [octets.subarray(0, at), octets.subarray(at)];
  const joined = (...pieces: Uint8Array[]): Uint8Array => Buffer.concat(pieces).subarray(0, LONGEST);
  switch (change.kind) {
    case 'put':
      return joined(before, change.octets, after.subarray(change.remove));
    case 'remove':
      return joined(before, after.subarray(portion(after, change.length)));
    case 'repeat': {
      const piece = after.subarray(0, change.length);
      return joined(before, ...Array<Uint8Array>(2 ** change.doublings).fill(piece), after);
    }
    case 'cross': {
      const rest = change.from.subarray(portion(change.from, change.start));
      return joined(before, rest.subarray(0, portion(rest, change.length)), after);
    }
  }
}

/** The octets cut into chunks in three ways: not at all, as small as can be, and anyhow (the same way each time). */
export function chunkings(octets: Buffer): Buffer[][] {
  const smallest = Math.max(1, Math.ceil(octets.length / 2000));
  const fixed = cut(octets, () => smallest);
  let state = octets.reduce((sum, octet) => (Math.imul(sum, 31) + octet) >>> 0, 7);
  const anyhow = cut(octets, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return 1 + ((state >>> 16) % (state % 5 === 0 ? 400 : 7));
  });
  return [octets.length === 0 ? [] : [octets], fixed, anyhow];
}

function cut(octets: Buffer, next: () => number): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < octets.length; at += chunks.at(-1)!.length)
    chunks.push(octets.subarray(at, at + next()));
  return chunks;
}

/** Octets as a text, one character each, and back. */
export const latin1 = (octets: Uint8Array): string => Buffer.from(octets).toString('latin1');
export const octetsOf = (text: string): Buffer => Buffer.from(text, 'latin1');
