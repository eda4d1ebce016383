/**
 * BLAKE2b (RFC 7693) with a digest of 32 octets, of at most one block of 128. node:crypto has only the one of 64 octets, and a
 * shorter digest is no prefix of it. Minisign keeps this one as the checksum of a secret key.
 */
export function blake2b256(message: Uint8Array): Uint8Array {
  if (message.length > 128)
    throw new RangeError(`Cannot hash ${message.length} octets: at most 128 are allowed`);
  const block = new Uint8Array(128);
  block.set(message);
  const words = new BigUint64Array(16);
  const view = new DataView(block.buffer);
  for (let i = 0; i < 16; i++) words[i] = view.getBigUint64(i * 8, true);

  const start = BigUint64Array.from(IV);
  start[0] = start[0]! ^ PARAMETERS;
  const v = BigUint64Array.from([...start, ...IV]);
  v[12] = v[12]! ^ BigInt(message.length);
  v[14] = ~v[14]!;
  for (let round = 0; round < 12; round++) {
    const order = SIGMA[round % 10]!;
    for (let i = 0; i < 8; i++) mix(v, LANES[i]!, [words[order[2 * i]!]!, words[order[2 * i + 1]!]!]);
  }

  const digest = new DataView(new ArrayBuffer(32));
  for (let i = 0; i < 4; i++) digest.setBigUint64(i * 8, start[i]! ^ v[i]! ^ v[i + 8]!, true);
  return new Uint8Array(digest.buffer);
}

/** Digest of 32 octets, no key, fan-out and depth of 1. */
const PARAMETERS = 0x0101_0020n;

const IV = [
  0x6a09e667f3bcc908n,
  0xbb67ae8584caa73bn,
  0x3c6ef372fe94f82bn,
  0xa54ff53a5f1d36f1n,
  0x510e527fade682d1n,
  0x9b05688c2b3e6c1fn,
  0x1f83d9abfb41bd6bn,
  0x5be0cd19137e2179n,
];

const SIGMA = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
  [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
  [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
  [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
  [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
  [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
  [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
  [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
  [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];

type Lane = readonly [number, number, number, number];
const LANES: readonly Lane[] = [
  [0, 4, 8, 12],
  [1, 5, 9, 13],
  [2, 6, 10, 14],
  [3, 7, 11, 15],
  [0, 5, 10, 15],
  [1, 6, 11, 12],
  [2, 7, 8, 13],
  [3, 4, 9, 14],
];

function mix(v: BigUint64Array, [a, b, c, d]: Lane, [x, y]: readonly [bigint, bigint]): void {
  v[a] = v[a]! + v[b]! + x;
  v[d] = rotated(v[d]! ^ v[a], 32n);
  v[c] = v[c]! + v[d];
  v[b] = rotated(v[b]! ^ v[c], 24n);
  v[a] = v[a] + v[b] + y;
  v[d] = rotated(v[d] ^ v[a], 16n);
  v[c] = v[c] + v[d];
  v[b] = rotated(v[b] ^ v[c], 63n);
}

const rotated = (value: bigint, by: bigint): bigint =>
  BigInt.asUintN(64, (value >> by) | (value << (64n - by)));
