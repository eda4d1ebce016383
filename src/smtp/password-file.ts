import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { OperationalError } from '../base/errors.ts';
import type { Authenticator } from './handler.ts';

/**
 * Users and their passwords in a text file, one a line: `user:scrypt$N$r$p$salt$hash`.
 *
 * N, r and p are scrypt's cost (RFC 7914) in decimal, salt and hash base64; the hash's length is the key's. A user name is
 * compared octet for octet and has no colon. Empty lines and lines that begin with `#` are left out; of two lines for one user
 * the first counts. The file is read again when it has changed.
 */
interface PasswordHash {
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

/** A line's hash part for a new password: `scrypt$N$r$p$salt$hash`. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await derive(password, { ...DEFAULT_COST, salt, hash: Buffer.alloc(32) });
  const { N, r, p } = DEFAULT_COST;
  return `scrypt$${N}$${r}$${p}$${salt.toString('base64')}$${hash.toString('base64')}`;
}

/** What is wrong with the file, each with its line; an empty list means nothing is. Throws if it can't be read. */
export async function checkPasswordFile(path: string): Promise<{ line: number; problem: string }[]> {
  return (await readUsers(path)).problems;
}

/**
 * An Authenticator for the file. It throws an OperationalError `password_file` while the file can't be read; lines that are
 * wrong are left out. At most two passwords are checked at a time: scrypt runs where the disk's work runs too, and a flood of
 * logins must not hold up the mail.
 */
export function fileAuthenticator(path: string): Authenticator {
  let known: { version: string; users: Promise<Users> } | undefined;
  const users = async (): Promise<Map<string, PasswordHash>> => {
    const version = await versionOf(path);
    if (known?.version !== version) known = { version, users: readUsers(path) };
    try {
      return (await known.users).hashes;
    } catch (error) {
      known = undefined;
      throw error;
    }
  };
  const turn = turnstile(2);
  return async ({ user, password }) => {
    const hashes = await users();
    // A user who does not exist costs as much as one who does.
    const expected = hashes.get(user) ?? dummyLike(hashes);
    const actual = await turn(() => derive(password, expected));
    return timingSafeEqual(actual, expected.hash) && hashes.has(user);
  };
}

interface Users {
  readonly hashes: Map<string, PasswordHash>;
  readonly problems: { line: number; problem: string }[];
}

async function readUsers(path: string): Promise<Users> {
  const users: Users = { hashes: new Map(), problems: [] };
  for (const [index, text] of (await readText(path)).split(/\r?\n/).entries()) {
    if (text.trim() === '' || text.startsWith('#')) continue;
    const problem = addLine(text, users.hashes);
    if (problem !== undefined) users.problems.push({ line: index + 1, problem });
  }
  return users;
}

function addLine(text: string, hashes: Map<string, PasswordHash>): string | undefined {
  const colon = text.indexOf(':');
  if (colon < 1) return 'Cannot read the line: no "user:" at its start';
  const user = text.slice(0, colon);
  const hash = parseHash(text.slice(colon + 1).trim());
  if (typeof hash === 'string') return hash;
  if (hashes.has(user)) return `Cannot have user ${user} twice: the first line counts`;
  hashes.set(user, hash);
  return undefined;
}

const HASH = /^scrypt\$(\d{1,7})\$(\d{1,3})\$(\d{1,3})\$([A-Za-z0-9+/]+={0,2})\$([A-Za-z0-9+/]+={0,2})$/;

function parseHash(text: string): PasswordHash | string {
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

function dummyLike(hashes: Map<string, PasswordHash>): PasswordHash {
  const [first] = hashes.values();
  return first ?? { ...DEFAULT_COST, salt: randomBytes(16), hash: Buffer.alloc(32) };
}

async function versionOf(path: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(path);
    return `${mtimeMs} ${size} ${ino}`;
  } catch (error) {
    throw unreadable(path, error);
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw unreadable(path, error);
  }
}

const unreadable = (path: string, cause: unknown): OperationalError =>
  new OperationalError('password_file', `Cannot read the password file ${path}`, { cause });

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
