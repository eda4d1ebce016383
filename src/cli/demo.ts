import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Config } from '../config/config.ts';
import { hashPassword } from '../smtp/password-file.ts';

/** An account for a first try, made where the password file of a submission listener is missing. */
export interface DemoAccount {
  readonly user: string;
  /** Shown once, kept nowhere. */
  readonly password: string;
}

/** Makes missing password files with one account; undefined if there is none to make. Never touches a file that is there. */
export async function makeDemoAccount(config: Config): Promise<DemoAccount | undefined> {
  const missing = config.listeners.flatMap(({ auth }) =>
    auth === undefined || existsSync(auth.file) ? [] : [auth.file],
  );
  if (missing.length === 0) return undefined;
  const account = { user: 'demo', password: makePassword() };
  const line = `${account.user}:${await hashPassword(account.password)}\n`;
  for (const file of new Set(missing)) {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(file, line, { mode: 0o600, flag: 'wx' });
  }
  return account;
}

// 16 characters out of 31 are 79 bits; none of them is easily taken for another.
function makePassword(): string {
  const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789';
  return Array.from({ length: 16 }, () => alphabet[randomInt(alphabet.length)]).join('');
}
