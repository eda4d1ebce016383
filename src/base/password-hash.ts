import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

/**
 * A password as it is kept: `scrypt$N$r$p$salt$hash`. N, r and p are scrypt's cost (RFC 7914) in decimal, salt and hash base64; the hash's
 * length is the key's.
 */
export interface PasswordHash {
  readonly N: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

const DEFAULT_COST = { N: 16384, r: 8, p: 1 } as const;
/** A line may ask for this much memory at most, in octets: 128 * N * r. */
const MAX_MEMORY = 256 * 1024 * 1024;
const MAX_PARALLEL = 16;

/** What is kept of a new password. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await derive(password, { ...DEFAULT_COST, salt, hash: Buffer.alloc(32) });
  const { N, r, p } = DEFAULT_COST;
  return `scrypt$${N}$${r}$${p}$${salt.toString('base64')}$${hash.toString('base64')}`;
}

/**
 * Tells whether a password is the one that a hash was made of, two of them at a time: scrypt runs where the disk's work runs too, and a flood
 * of guesses must not hold up the mail.
 */
export function passwordMatcher(): (password: string, expected: PasswordHash) => Promise<boolean> {
  const turn = turnstile(2);
  return async (password, expected) =>
    timingSafeEqual(await turn(() => derive(password, expected)), expected.hash);
}

/** One that costs as much as others. */
export const dummyHash = (): PasswordHash => ({
  ...DEFAULT_COST,
  salt: randomBytes(16),
  hash: Buffer.alloc(32),
});

const HASH = /^scrypt\$(\d{1,7})\$(\d{1,3})\$(\d{1,3})\$([A-Za-z0-9+/]+={0,2})\$([A-Za-z0-9+/]+={0,2})$/;

/** A text that says what is wrong with it is no hash. */
export function parseHash(text: string): PasswordHash | string {
  const match = HASH.exec(text);
  if (match === null) return 'Cannot read the password hash: it must be scrypt$N$r$p$salt$hash';
  const N = Number(match[1]);
  const r = Number(match[2]);
  const p = Number(match[3]);
  const salt = Buffer.from(match[4]!, 'base64');
  const hash = Buffer.from(match[5]!, 'base64');
  if (N < 2 || (N & (N - 1)) !== 0) return `Cannot use N=${N}: it must be a power of 2`;
  if (r < 1 || 128 * N * r > MAX_MEMORY) {
    return `Cannot use N=${N} with r=${r}: 128*N*r must be between 1 and ${MAX_MEMORY}`;
  }
  if (p < 1 || p > MAX_PARALLEL) return `Cannot use p=${p}: it must be 1 to ${MAX_PARALLEL}`;
  if (salt.length < 8) return `Cannot use a salt of ${salt.length} octets: at least 8`;
  if (hash.length < 16 || hash.length > 64) return `Cannot use a hash of ${hash.length} octets: 16 to 64`;
  return { N, r, p, salt, hash };
}

function derive(password: string, parameters: PasswordHash): Promise<Buffer> {
  const { N, r, p, salt, hash } = parameters;
  const maxmem = 2 * 128 * N * r + 128 * r * p;
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, hash.length, { N, r, p, maxmem }, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}

/** Lets `width` jobs run at a time; the others wait their turn. */
function turnstile(width: number): <T>(job: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (job) => {
    if (running >= width) await new Promise<void>((resolve) => waiting.push(resolve));
    else running += 1;
    try {
      return await job();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
