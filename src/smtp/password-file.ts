import { readFile, stat } from 'node:fs/promises';
import { OperationalError } from '../base/errors.ts';
import { dummyHash, parseHash, passwordMatcher, type PasswordHash } from '../base/password-hash.ts';
import type { Authenticator } from './handler.ts';

/**
 * Users and their passwords in a text file, one a line: `user:` and a hash (`base/password-hash.ts`). A user name is
 * compared octet for octet and has no colon. Empty lines and lines that begin with `#` are left out; of two lines for one user
 * the first counts. The file is read again when it has changed.
 */
export { hashPassword } from '../base/password-hash.ts';

/** What is wrong with the file, each with its line; an empty list means nothing is. Throws if it can't be read. */
export async function checkPasswordFile(path: string): Promise<{ line: number; problem: string }[]> {
  return (await readUsers(path)).problems;
}

/**
 * An Authenticator for the file. It throws an OperationalError `password_file` while the file can't be read; lines that are
 * wrong are left out.
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
  const matches = passwordMatcher();
  return async ({ user, password }) => {
    const hashes = await users();
    // A user who does not exist costs as much as one who does.
    const expected = hashes.get(user) ?? likeOthers(hashes);
    return (await matches(password, expected)) && hashes.has(user);
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

function likeOthers(hashes: Map<string, PasswordHash>): PasswordHash {
  const [first] = hashes.values();
  return first ?? dummyHash();
}
