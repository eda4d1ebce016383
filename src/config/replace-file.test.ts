import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { replaceConfigFile } from './replace-file.ts';

let directory: string;
let file: string;
const octets = (text: string): Uint8Array => Buffer.from(text);
const change = { before: octets('old'), after: octets('new') };

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'postern-replace-'));
  file = join(directory, 'postern.yaml');
  writeFileSync(file, 'old');
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

test('The file has the new text and its old mode, and nothing is left beside it', async () => {
  chmodSync(file, 0o640);
  await replaceConfigFile(file, change);
  expect(readFileSync(file, 'utf8')).toBe('new');
  expect(statSync(file).mode & 0o7777).toBe(0o640);
  expect(readdirSync(directory)).toEqual(['postern.yaml']);
});

test.skipIf(process.getuid?.() !== 0)('Its owner stays, where we may set it (run as root)', async () => {
  const { chownSync } = await import('node:fs');
  chownSync(file, 12_345, 23_456);
  await replaceConfigFile(file, change);
  expect(statSync(file)).toMatchObject({ uid: 12_345, gid: 23_456 });
});

test('A link stays one, and what it leads to is changed', async () => {
  const link = join(directory, 'link.yaml');
  symlinkSync(file, link);
  await replaceConfigFile(link, change);
  expect(readFileSync(file, 'utf8')).toBe('new');
  expect(readdirSync(directory).sort()).toEqual(['link.yaml', 'postern.yaml']);
  expect(statSync(link).ino).toBe(statSync(file).ino);
});

test('A file that was changed meanwhile is left alone', async () => {
  writeFileSync(file, 'newer');
  await expect(replaceConfigFile(file, change)).rejects.toMatchObject({ code: 'config_changed' });
  expect(readFileSync(file, 'utf8')).toBe('newer');
  expect(readdirSync(directory)).toEqual(['postern.yaml']);
});

test('Of several changes at once one is made', async () => {
  const all = await Promise.allSettled(
    ['a', 'b', 'c', 'd'].map((text) =>
      replaceConfigFile(file, { before: octets('old'), after: octets(text) }),
    ),
  );
  expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(readFileSync(file, 'utf8')).toBe(
    ['a', 'b', 'c', 'd'][all.findIndex(({ status }) => status === 'fulfilled')],
  );
  expect(readdirSync(directory)).toEqual(['postern.yaml']);
});

test('A draft that is there keeps others out, and is left', async () => {
  writeFileSync(`${file}.draft`, 'mine');
  await expect(replaceConfigFile(file, change)).rejects.toMatchObject({ code: 'config_busy' });
  expect(readFileSync(file, 'utf8')).toBe('old');
  expect(readFileSync(`${file}.draft`, 'utf8')).toBe('mine');
});

test('What cannot be written is an error in words', async () => {
  await expect(replaceConfigFile(join(directory, 'gone.yaml'), change)).rejects.toMatchObject({
    code: 'config_unwritable',
    message: expect.stringContaining('gone.yaml'),
  });
  await expect(replaceConfigFile('/proc/version', change)).rejects.toMatchObject({
    code: 'config_unwritable',
  });
});
