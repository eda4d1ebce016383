import { randomFillSync } from 'node:crypto';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'; // Crockford's base 32: no i, l, o, u
const RANDOM = 7;

/** Random octets made ahead: asking for a few at a time costs more than all the rest of an id. */
const pool = new Uint8Array(1024 * RANDOM);
let used = pool.length;
let lastTime = 0;
let sequence = 0;

/**
 * An id for a session, transaction, message or queue entry: 18 characters of Crockford base 32, sortable by the
 * time it was made (9 characters of milliseconds, 2 of a sequence within the millisecond, 7 random).
 * Safe in file names, headers and SMTP replies.
 */
export function newId(): string {
  const now = Date.now();
  sequence = now === lastTime ? (sequence + 1) & 1023 : 0;
  lastTime = now;
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  let random = '';
  for (let end = used + RANDOM; used < end; used++) random += ALPHABET[pool[used]! & 31];
  return encode(now, 9) + encode(sequence, 2) + random;
}

function encode(value: number, length: number): string {
  let text = '';
  for (let rest = value, i = 0; i < length; i++) {
    text = ALPHABET[rest % 32]! + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}
