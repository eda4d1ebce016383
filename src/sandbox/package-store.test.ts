import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Consent } from '../ocp/consent.ts';
import { digestOf } from './digest.ts';
import { PackageStore } from './package-store.ts';

let directory: string;
let store: PackageStore;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'postern-packages-'));
  store = new PackageStore(join(directory, 'packages'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const content = Buffer.from('octets of a package');
const other = Buffer.from('octets of another');
const named = (version: string, more: object = {}) => ({
  id: 'acme/filter',
  version,
  signatures: ['one'],
  source: 'filter.wasm',
  signedBy: ['ABC'],
  ...more,
});
const consent: Consent = {
  stages: ['rcpt'],
  reads: 'none',
  parts: false,
  modifies: false,
  capabilities: [],
  limits: {},
};
/** All files below the directory. */
const files = (): string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
const path = (name: string): string => join(directory, 'packages', name);
const blob = (octets: Uint8Array): string => path(`sha256/${digestOf(octets).slice(7)}.wasm`);

describe('the package store', () => {
  it('is empty where nothing is installed, and makes nothing to find that out', async () => {
    expect(await store.list()).toEqual([]);
    expect(await store.versions('acme/filter')).toEqual([]);
    expect(await store.find({ id: 'acme/filter', version: '1.0.0' })).toBeUndefined();
    expect(await store.readConsent('acme/filter')).toBeUndefined();
    expect(await store.readHistory('acme/filter')).toEqual([]);
    expect(files()).toEqual([]);
  });

  it('keeps packages by digest, with a record for each version', async () => {
    const record = await store.add(content, named('1.10.0'));
    await store.add(other, named('1.9.0'));
    expect(record).toMatchObject({ digest: digestOf(content), size: content.length, signatures: ['one'] });
    expect(await store.find(record)).toEqual(record);
    expect(Buffer.from(await store.read(record))).toEqual(content);
    expect((await store.versions('acme/filter')).map(({ version }) => version)).toEqual(['1.9.0', '1.10.0']);
    expect((await store.list()).map(({ version }) => version)).toEqual(['1.9.0', '1.10.0']);
    expect(files()).toHaveLength(4);
  });

  it('refuses another content under a version, and keeps what was there', async () => {
    const record = await store.add(content, named('1.0.0'));
    await expect(store.add(other, named('1.0.0'))).rejects.toMatchObject({
      code: 'package_conflict',
      message: expect.stringContaining('this version is installed with another content') as unknown,
    });
    expect(await store.find(record)).toEqual(record);
    expect(files()).toHaveLength(2);
  });

  it('adds signatures to what is there, and heals its octets', async () => {
    await store.add(content, named('1.0.0'));
    writeFileSync(blob(content), 'damaged');
    const record = await store.add(content, named('1.0.0', { signatures: ['one', 'two'] }));
    expect(record.signatures).toEqual(['one', 'two']);
    expect(await store.find(record)).toEqual(record);
    expect(Buffer.from(await store.read(record))).toEqual(content);
  });

  it('hands out no octets but those that were installed', async () => {
    const record = await store.add(content, named('1.0.0'));
    writeFileSync(blob(content), other);
    await expect(store.read(record)).rejects.toThrow('is not what was installed: its digest differs');
    rmSync(blob(content));
    await expect(store.read(record)).rejects.toThrow(/^Cannot read acme\/filter@1\.0\.0: .* is not there/);
  });

  it.each([
    ['cut', (text: string) => text.slice(0, 40)],
    ["another's", (text: string) => text.replace('acme/filter', 'acme/other')],
    ['with a digest that is a path', (text: string) => text.replace(/sha256:\w+/, 'sha256:../../x')],
  ])('says so of a record that is %s', async (_, damage) => {
    const record = await store.add(content, named('1.0.0'));
    const file = path('ids/acme/filter/versions/1.0.0.json');
    writeFileSync(file, damage(readFileSync(file, 'utf8')));
    await expect(store.find(record)).rejects.toMatchObject({
      code: 'package_store',
      message: expect.stringContaining(`Cannot read ${file}: it is not what Postern writes`) as unknown,
    });
  });

  it('makes no path of what is no id or version', async () => {
    await expect(store.find({ id: 'acme/../..', version: '1.0.0' })).rejects.toThrow(TypeError);
    await expect(store.find({ id: 'acme/filter', version: '../1' })).rejects.toThrow(TypeError);
    await expect(store.readConsent('../x')).rejects.toThrow(TypeError);
  });

  it('keeps consent and history of an id, until its last version goes', async () => {
    const [first, second] = [
      await store.add(content, named('1.0.0')),
      await store.add(other, named('2.0.0')),
    ];
    expect(await store.createConsent('acme/filter', consent)).toBe(true);
    expect(await store.createConsent('acme/filter', { ...consent, modifies: true })).toBe(false);
    expect(await store.readConsent('acme/filter')).toEqual(consent);
    await store.writeConsent('acme/filter', { ...consent, modifies: true });
    expect(await store.readConsent('acme/filter')).toMatchObject({ modifies: true });
    const history = Array.from({ length: 120 }, (_, at) => ({
      version: `1.0.${at}`,
      digest: digestOf(content),
      at: '2026-01-01T00:00:00Z',
    }));
    await store.writeHistory('acme/filter', history);
    expect(await store.readHistory('acme/filter')).toEqual(history.slice(20));
    await store.remove(first);
    expect(await store.readConsent('acme/filter')).toBeDefined();
    expect(await store.find(first)).toBeUndefined();
    await store.remove(second);
    expect(files()).toEqual([]);
  });

  it('forgets with a version that it ran', async () => {
    const first = await store.add(content, named('1.0.0'));
    const second = await store.add(other, named('2.0.0'));
    const ran = [first, second, first, second].map(({ version, digest }) => ({ version, digest, at: 'now' }));
    await store.writeHistory('acme/filter', ran);
    await store.remove(first);
    expect(await store.readHistory('acme/filter')).toEqual([ran[1], ran[3]]);
  });

  it('takes versions that differ in build metadata only for one', async () => {
    const record = await store.add(content, named('1.0.0+one'));
    await expect(store.add(other, named('1.0.0+two'))).rejects.toMatchObject({
      code: 'package_conflict',
      message: expect.stringContaining(
        'Cannot install acme/filter@1.0.0+two: 1.0.0+one, which is the same version, is installed',
      ) as unknown,
    });
    await expect(store.add(other, named('1.0.0'))).rejects.toMatchObject({ code: 'package_conflict' });
    expect(await store.list()).toEqual([record]);
    expect(await store.add(content, named('1.0.0+one'))).toEqual(record);
    await store.add(other, named('1.0.0-rc.1+one'));
  });

  it('can be read by whoever gets there, whatever the umask', async () => {
    const before = process.umask(0o077);
    try {
      await store.add(content, named('1.0.0'));
    } finally {
      process.umask(before);
    }
    expect(statSync(blob(content)).mode & 0o777).toBe(0o644);
    for (const name of ['', 'sha256', 'ids', 'ids/acme', 'ids/acme/filter', 'ids/acme/filter/versions'])
      expect([name, statSync(path(name)).mode & 0o777]).toEqual([name, 0o755]);
  });

  it('says what it cannot write, and leaves nothing behind', async () => {
    mkdirSync(path(''));
    writeFileSync(path('sha256'), 'in the way');
    await expect(store.add(content, named('1.0.0'))).rejects.toMatchObject({
      code: 'package_store',
      message: expect.stringContaining('Cannot write ') as unknown,
    });
    expect(files()).toEqual(['packages/sha256']);
  });
});

describe('several processes at once', () => {
  /** Installs one of two contents under one version; prints what became of it. */
  const script = (which: number): string => `
    const { PackageStore } = await import(${JSON.stringify(new URL('../../dist/sandbox/package-store.js', import.meta.url).href)});
    const store = new PackageStore(process.argv[1]);
    const name = { id: 'acme/filter', version: '1.0.0' };
    const content = Buffer.alloc(300_000, ${which});
    try {
      await store.add(content, { ...name, signatures: [], source: 'x', signedBy: [] });
      const record = await store.find(name);
      console.log(record.digest, (await store.read(record)).length);
    } catch (error) {
      console.log(error.code);
    }`;
  const install = async (which: number): Promise<string> => {
    const words = ['--input-type=module', '-e', script(which), path('')];
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    await new Promise((resolve) => child.once('close', resolve));
    return out.trim();
  };

  it('that install two contents of one version: one content wins, for all', async () => {
    const outs = await Promise.all([1, 2, 1, 2, 1, 2].map(install));
    const record = (await store.find({ id: 'acme/filter', version: '1.0.0' }))!;
    expect(await store.read(record)).toHaveLength(300_000);
    expect(new Set(outs)).toEqual(new Set([`${record.digest} 300000`, 'package_conflict']));
    expect(files()).toHaveLength(2);
  }, 60_000);
});
