import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkPasswordFile, fileAuthenticator, hashPassword } from './password-file.ts';

// Cheap on purpose; written out to hold the format still.
const OLD_LINE = 'old:scrypt$16$1$1$c2FsdHNhbHQ=$';

function passwordFile(text: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'postern-users-')), 'users');
  writeFileSync(path, text);
  return path;
}

it('knows who gave the right password', async () => {
  const path = passwordFile(
    `# users\n\nann:${await hashPassword('päss:word$')}\r\nbob:${await hashPassword('x')}\n`,
  );
  const authenticate = fileAuthenticator(path);
  expect(await checkPasswordFile(path)).toEqual([]);
  expect(await authenticate({ user: 'ann', password: 'päss:word$' })).toBe(true);
  expect(await authenticate({ user: 'ann', password: 'x' })).toBe(false);
  expect(await authenticate({ user: 'bob', password: 'x' })).toBe(true);
  expect(await authenticate({ user: 'Ann', password: 'päss:word$' })).toBe(false);
  expect(await authenticate({ user: '# users', password: 'x' })).toBe(false);
});

it('refuses everybody where there are no users', async () => {
  const authenticate = fileAuthenticator(passwordFile(''));
  expect(await authenticate({ user: 'ann', password: '' })).toBe(false);
});

it('takes a file with other costs, as RFC 7914 section 12 computes them', async () => {
  // scrypt("pleaseletmein", "SodiumChloride", 16384, 8, 1), 64 octets
  const key = Buffer.from(
    '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2' +
      'd5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887',
    'hex',
  );
  const salt = Buffer.from('SodiumChloride').toString('base64');
  const path = passwordFile(`ann:scrypt$16384$8$1$${salt}$${key.toString('base64')}\n`);
  expect(await fileAuthenticator(path)({ user: 'ann', password: 'pleaseletmein' })).toBe(true);
});

it('reads a changed file again', async () => {
  const path = passwordFile(`ann:${await hashPassword('one')}\n`);
  const authenticate = fileAuthenticator(path);
  expect(await authenticate({ user: 'ann', password: 'one' })).toBe(true);
  writeFileSync(path, `carol:${await hashPassword('two')}\n# longer than before\n`);
  expect(await authenticate({ user: 'ann', password: 'one' })).toBe(false);
  expect(await authenticate({ user: 'carol', password: 'two' })).toBe(true);
});

it('throws while the file cannot be read, and recovers', async () => {
  const path = passwordFile('');
  const authenticate = fileAuthenticator(`${path}.later`);
  await expect(authenticate({ user: 'ann', password: 'one' })).rejects.toMatchObject({
    code: 'password_file',
  });
  writeFileSync(`${path}.later`, `ann:${await hashPassword('one')}\n`);
  expect(await authenticate({ user: 'ann', password: 'one' })).toBe(true);
});

it('checks many at a time, each with its own result', async () => {
  const authenticate = fileAuthenticator(passwordFile(`ann:${await hashPassword('one')}\n`));
  const results = await Promise.all(
    Array.from({ length: 9 }, (_, i) => authenticate({ user: 'ann', password: i % 3 === 0 ? 'one' : 'no' })),
  );
  expect(results).toEqual([true, false, false, true, false, false, true, false, false]);
});

it('tells what is wrong with a file, line by line', async () => {
  const good = await hashPassword('x');
  const hash = Buffer.alloc(32).toString('base64');
  const path = passwordFile(
    [
      '# comment',
      `ann:${good}`,
      'no colon',
      `:${good}`,
      'bob:secret',
      `ann:${good}`,
      `n:scrypt$1000$8$1$c2FsdHNhbHQ=$${hash}`,
      `m:scrypt$1048576$8$1$c2FsdHNhbHQ=$${hash}`,
      `p:scrypt$16$1$0$c2FsdHNhbHQ=$${hash}`,
      `s:scrypt$16$1$1$c2E=$${hash}`,
      `${OLD_LINE}c2hvcnQ=`,
    ].join('\n'),
  );
  const problems = await checkPasswordFile(path);
  expect(problems.map(({ line }) => line)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11]);
  expect(problems[3]!.problem).toContain('twice');
  expect(problems[4]!.problem).toContain('N=1000');
  expect(await fileAuthenticator(path)({ user: 'ann', password: 'x' })).toBe(true);
});
