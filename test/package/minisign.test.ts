import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Ended } from '../support/command.ts';
import { copyPlugin, lacksMinisign, workshop, write } from './support.ts';

// Two tools, one format: what one writes the other must read, with keys of both.

const lacks = lacksMinisign();

// Opening an encrypted key is meant to be slow: seconds of work each time, on a machine with nothing else to do.
describe.skipIf(lacks !== '')(`minisign and postern plugin${lacks}`, { timeout: 240_000 }, () => {
  const shop = workshop();
  afterAll(() => shop.remove());

  const ok = { code: 0 };
  const publicKey = (name: string): string => readFileSync(shop.file(`${name}.pub`), 'utf8').split('\n')[1]!;

  const made: Ended[] = [];
  beforeAll(async () => {
    copyPlugin(shop, { name: 'attachment-guard', as: 'filter.wasm' });
    copyPlugin(shop, { name: 'journal', as: 'other.wasm' });
    const twice = 'open sesame\nopen sesame\n';
    made.push(
      await shop.plugin(['keygen', '--no-password', '-o', 'ours']),
      await shop.plugin(['keygen', '-o', 'ours-sealed'], 'open sesame\n'),
      await shop.minisign(['-G', '-W', '-p', 'theirs.pub', '-s', 'theirs.key']),
      await shop.minisign(['-G', '-p', 'theirs-sealed.pub', '-s', 'theirs-sealed.key'], twice),
    );
  }, 240_000);

  it('make keys', () => {
    expect(made.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
  });

  const KEYS = ['ours', 'ours-sealed', 'theirs', 'theirs-sealed'];
  const passwordOf = (key: string): string => (key.endsWith('sealed') ? 'open sesame\n' : '');

  it.each(KEYS)('minisign verifies what postern signs, with the key pair "%s"', async (key) => {
    const signature = `by-postern-${key}.minisig`;
    const signed = await shop.plugin(
      ['sign', 'filter.wasm', '-k', `${key}.key`, '-o', signature],
      passwordOf(key),
    );
    expect(signed).toMatchObject(ok);
    const verify = (file: string, name: string) =>
      shop.minisign(['-V', '-P', publicKey(name), '-m', file, '-x', signature]);
    const verified = await verify('filter.wasm', key);
    expect(verified).toMatchObject(ok);
    expect(verified.out).toMatch(/^Trusted comment: timestamp:\d+\tfile:filter\.wasm\thashed$/m);
    expect((await verify('other.wasm', key)).code).not.toBe(0);
    expect((await verify('filter.wasm', key === 'ours' ? 'theirs' : 'ours')).code).not.toBe(0);
  });

  it.each(KEYS)('postern verifies what minisign signs, with the key pair "%s"', async (key) => {
    const signature = `by-minisign-${key}.minisig`;
    const words = ['-S', '-s', `${key}.key`, '-m', 'filter.wasm', '-x', signature, '-t', 'Grüße'];
    expect(await shop.minisign(words, passwordOf(key))).toMatchObject(ok);
    const verify = (file: string, name: string) =>
      shop.plugin(['verify', file, '--key', `${name}.pub`, '--signature', signature]);
    expect(await verify('filter.wasm', key)).toMatchObject(ok);
    expect(await verify('other.wasm', key)).toMatchObject({ code: 1, out: '' });
    expect(await verify('filter.wasm', key === 'ours' ? 'theirs' : 'ours')).toMatchObject({
      code: 1,
      out: '',
    });
  });

  it('postern verifies the signatures of older versions, which are over the file itself', async () => {
    const words = ['-S', '-l', '-s', 'theirs.key', '-m', 'filter.wasm', '-x', 'legacy.minisig'];
    expect(await shop.minisign(words)).toMatchObject(ok);
    expect(readFileSync(shop.file('legacy.minisig'), 'utf8').split('\n')[1]).toMatch(/^RW/);
    const verify = (file: string) =>
      shop.plugin(['verify', file, '-k', publicKey('theirs'), '--signature', 'legacy.minisig']);
    expect(await verify('filter.wasm')).toMatchObject(ok);
    expect(await verify('other.wasm')).toMatchObject({ code: 1 });
  });

  it('neither takes a trusted comment that was changed', async () => {
    expect(await shop.minisign(['-S', '-s', 'theirs.key', '-m', 'filter.wasm', '-t', 'good'])).toMatchObject(
      ok,
    );
    const text = readFileSync(shop.file('filter.wasm.minisig'), 'utf8');
    write(shop, 'changed.minisig', text.replace('trusted comment: good', 'trusted comment: best'));
    const theirs = await shop.minisign([
      '-V',
      '-p',
      'theirs.pub',
      '-m',
      'filter.wasm',
      '-x',
      'changed.minisig',
    ]);
    expect(theirs.code).not.toBe(0);
    const ours = await shop.plugin([
      'verify',
      'filter.wasm',
      '-k',
      'theirs.pub',
      '--signature',
      'changed.minisig',
    ]);
    expect([ours.code, ours.errors]).toEqual([
      1,
      expect.stringContaining('its trusted comment is not the one that was signed'),
    ]);
    expect(await shop.plugin(['verify', 'filter.wasm', '-k', 'theirs.pub'])).toMatchObject(ok);
  });

  it('neither opens a key with the wrong password', async () => {
    for (const key of ['ours-sealed', 'theirs-sealed']) {
      const ours = await shop.plugin(['sign', 'filter.wasm', '-k', `${key}.key`, '-o', 'x'], 'open\n');
      expect(ours).toEqual({
        code: 1,
        out: '',
        errors: 'Cannot read the secret key: the password is wrong\n',
      });
      const theirs = await shop.minisign(
        ['-S', '-s', `${key}.key`, '-m', 'filter.wasm', '-x', 'x'],
        'open\n',
      );
      expect(theirs.code).not.toBe(0);
    }
  });
});
