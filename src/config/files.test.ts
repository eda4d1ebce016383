import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { expect, test } from 'vitest';
import { loadConfig } from './load.ts';

test('A certificate must fit its key; one that does is good, as an authority too', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'postern-tls-'));
  const attributes = [{ name: 'commonName', value: 'mx.example.org' }];
  const [own, other] = [await generate(attributes), await generate(attributes)];
  writeFileSync(join(directory, 'cert.pem'), own.cert);
  writeFileSync(join(directory, 'key.pem'), own.private);
  writeFileSync(join(directory, 'other.pem'), other.private);
  const load = (key: string) => {
    const file = join(directory, 'postern.yaml');
    writeFileSync(
      file,
      `
hostname: mx.example.org
listeners:
  inbound: { protocol: lmtp, port: 2424, downstream: store, tls: { cert: cert.pem, key: ${key} } }
downstreams:
  store: { protocol: lmtp, host: 192.0.2.1, port: 24, tls: required, ca: cert.pem }
`,
    );
    return loadConfig(file);
  };
  try {
    const good = load('key.pem');
    expect(good).toMatchObject({ ok: true, warnings: [] });
    expect(good.ok && good.config.downstreams[0]).toMatchObject({ ca: join(directory, 'cert.pem') });
    expect(load('other.pem')).toMatchObject({
      ok: false,
      problems: [
        { line: 4, path: 'listeners.inbound.tls', message: expect.stringContaining('key values mismatch') },
      ],
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('Directories need not be there, but no file may be in their place or above it', () => {
  const directory = mkdtempSync(join(tmpdir(), 'postern-directories-'));
  const file = join(directory, 'postern.yaml');
  const load = (path: string) => {
    writeFileSync(
      file,
      `
hostname: mx.example.org
stateDir: ${path}
listeners:
  inbound: { protocol: lmtp, port: 2424, downstream: store }
downstreams:
  store: { protocol: maildir, path: ${path} }
`,
    );
    const loaded = loadConfig(file);
    return loaded.ok ? [] : loaded.problems.map((problem) => `${problem.path}: ${problem.message}`);
  };
  const both = (message: string) => [`stateDir: ${message}`, `downstreams.store.path: ${message}`];
  try {
    expect([load('.'), load('./not/yet')]).toEqual([[], []]);
    expect(load('./postern.yaml')).toEqual(both(`found "${file}", which is no directory`));
    const below = join(file, 'a', 'b');
    expect(load(below)).toEqual(both(`found "${below}", but "${file}" is no directory`));
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('A private key that plugins may use is one, fits its type, and is for its owner alone', () => {
  const directory = mkdtempSync(join(tmpdir(), 'postern-keys-'));
  const file = join(directory, 'postern.yaml');
  const pem = (type: 'rsa' | 'ec' | 'ed25519', bits = 2048): string => {
    const { privateKey } =
      type === 'rsa'
        ? generateKeyPairSync('rsa', { modulusLength: bits })
        : type === 'ec'
          ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
          : generateKeyPairSync('ed25519');
    return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  };
  const problem = (text: string, mode = 0o600): string | undefined => {
    writeFileSync(join(directory, 'key.pem'), text);
    chmodSync(join(directory, 'key.pem'), mode);
    writeFileSync(
      file,
      `
hostname: mx.example.org
listeners:
  inbound: { protocol: lmtp, port: 2424, downstream: store }
downstreams:
  store: { protocol: maildir, path: ./mail }
keys:
  ours: { type: dkim, file: key.pem, domain: Example.com, selector: s1 }
`,
    );
    const loaded = loadConfig(file);
    return loaded.ok ? undefined : loaded.problems[0]?.message.replace(directory, '');
  };
  try {
    expect(problem(pem('rsa'))).toBeUndefined();
    expect(problem(pem('ed25519'))).toBeUndefined();
    expect(problem(pem('rsa', 1024))).toBe(
      'found "/key.pem", must be an RSA key of at least 2048 bits, it has 1024',
    );
    expect(problem(pem('ec'))).toBe(
      'found "/key.pem", must be an RSA or an Ed25519 key, it is one of type ec',
    );
    expect(problem('secret')).toBe('found "/key.pem", must be a private key in PEM, not encrypted');
    expect(problem(pem('rsa'), 0o640)).toBe(
      'found "/key.pem", which others than its owner may read or write, must have mode 0600',
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('A password file and a table that are not there yet are warnings that say what that means', () => {
  const directory = mkdtempSync(join(tmpdir(), 'postern-later-'));
  const file = join(directory, 'postern.yaml');
  writeFileSync(
    file,
    `
hostname: mx.example.org
listeners:
  users: { protocol: submission, port: 2587, downstream: store, auth: { file: users } }
downstreams:
  store: { protocol: maildir, path: ./mail }
directories:
  staff: { type: csv, file: staff.csv, key: address }
  old: { type: sqlite, file: old.db, table: people, key: address }
`,
  );
  try {
    expect(loadConfig(file)).toMatchObject({
      ok: true,
      warnings: [
        {
          path: 'listeners.users.auth.file',
          message: `found "${join(directory, 'users')}", which does not exist: until it does, nobody can log in; make it of the lines that postern hash-password prints`,
        },
        {
          path: 'directories.staff.file',
          message: `found "${join(directory, 'staff.csv')}", which does not exist: until it does, look-ups in it fail`,
        },
        { path: 'directories.old.file' },
      ],
    });
    for (const name of ['users', 'staff.csv', 'old.db']) writeFileSync(join(directory, name), '');
    expect(loadConfig(file)).toMatchObject({ ok: true, warnings: [] });
  } finally {
    rmSync(directory, { recursive: true });
  }
});
