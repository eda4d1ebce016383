/** Numbers from 0 to below 1. The seed is printed, and taken from POSTERN_CRASH_SEED if that is set, to run a failure again. */
export function seededRandom(what: string): () => number {
  const seed = Number(process.env['POSTERN_CRASH_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`${what}: POSTERN_CRASH_SEED=${seed}`);
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
