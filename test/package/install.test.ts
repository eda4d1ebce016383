import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { digestOf } from '../../src/sandbox/digest.ts';
import { displayId } from '../../src/sandbox/minisign.ts';
import { generateKey, type SecretKey } from '../../src/sandbox/minisign-secret.ts';
import type { Ended } from '../support/command.ts';
import { lineOf, makePackage, moduleOf, signaturesOf, writeConfig, writePackage } from './packages.ts';
import { lacksMinisign, workshop, write, type Workshop } from './support.ts';

// Each command is the real program, perhaps beside much else.
vi.setConfig({ testTimeout: 120_000 });

const [one, two, three, rival, stranger] = Array.from({ length: 5 }, generateKey) as [
  SecretKey,
  SecretKey,
  SecretKey,
  SecretKey,
  SecretKey,
];
const TRUST = { trust: { acme: { keys: [lineOf(one)] }, rival: { keys: [lineOf(rival)] } } };
const idOf = (key: SecretKey): string => displayId(key.publicKey.id);

let shop: Workshop;
beforeEach(() => {
  shop = workshop();
});
afterEach(() => shop.remove());

const install = (source: string, ...more: string[]): Promise<Ended> =>
  shop.plugin(['install', source, '-c', 'postern.yaml', ...more]);
/** Everything that is kept of packages. */
const kept = (): string[] => {
  const directory = shop.file('var/packages');
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
};
interface Listed {
  readonly packages: readonly {
    version: string;
    services: string[];
    problems: string[];
    waitsFor: string[];
  }[];
}
const list = async (): Promise<Listed['packages']> => {
  const { out } = await shop.plugin(['list', '--json', '-c', 'postern.yaml']);
  return (JSON.parse(out) as Listed).packages;
};

describe('postern plugin install', () => {
  it('keeps a package that its vendor has signed, and says what it is and what to do next', async () => {
    writeConfig(shop, TRUST);
    const content = makePackage({ limits: { deadlineMs: 100 } });
    writePackage(shop, 'filter.wasm', { content, keys: [one] });
    const { code, out, errors } = await install('filter.wasm');
    expect([code, errors]).toEqual([0, '']);
    expect(out).toMatch(/^PACKAGE +acme\/filter@1\.0\.0$/m);
    expect(out).toMatch(new RegExp(`^signed by +${idOf(one)}$`, 'm'));
    expect(out).toMatch(/^limit +deadlineMs 100$/m);
    expect(out).toContain('It is the first of its id: what it asks for counts as consented to.');
    expect(out).toContain(
      'Next: postern plugin enable acme/filter@1.0.0 --service filter --group GROUP -c postern.yaml',
    );
    expect(out).toContain('services:\n  filter:\n    plugin: acme/filter@1.0.0\n');
    expect(kept()).toEqual([
      'ids/acme/filter/consent.json',
      'ids/acme/filter/versions/1.0.0.json',
      `sha256/${digestOf(content).slice(7)}.wasm`,
    ]);
    expect(await list()).toMatchObject([
      {
        version: '1.0.0',
        digest: digestOf(content),
        signedBy: [idOf(one)],
        services: [],
        problems: [],
        waitsFor: [],
      },
    ]);
    const inspected = await shop.plugin(['inspect', 'acme/filter@1.0.0', '-c', 'postern.yaml', '--json']);
    expect(JSON.parse(inspected.out)).toMatchObject({
      digest: digestOf(content),
      manifest: { id: 'acme/filter' },
      problems: [],
      signatures: [{ key: idOf(one) }],
    });
  });

  it('keeps nothing of a package that is unfit or not trusted', async () => {
    writeConfig(shop, {
      trust: { ...TRUST.trust, team: { keys: [one, two, three].map(lineOf), threshold: 2 } },
    });
    const good = makePackage();
    const team = makePackage({ id: 'team/filter' });
    const claimed = makePackage({ id: 'rival/filter' });
    const cases: [string, Uint8Array, string[], string][] = [
      [
        'unsigned',
        good,
        [],
        'acme/filter@1.0.0: it is not trusted: it is signed by 0 of the 1 keys of acme, 1 must have; it has no signature',
      ],
      ['over another file', good, signaturesOf(makePackage({ title: 'Other' }), one), 'over this very file'],
      ['of a stranger', good, signaturesOf(good, stranger), `key ${idOf(stranger)} is not known`],
      [
        "under another vendor's id",
        claimed,
        signaturesOf(claimed, one),
        `key ${idOf(one)} is trusted for acme, team, not for rival`,
      ],
      [
        'of one where two must',
        team,
        signaturesOf(team, three),
        'it is signed by 1 of the 3 keys of team, 2 must have',
      ],
      [
        'of one, twice',
        team,
        [...signaturesOf(team, three), ...signaturesOf(team, three)],
        'it is signed by 1 of the 3',
      ],
      ['of nobody known', makePackage({ id: 'nobody/filter' }), [], 'no key is trusted for nobody'],
      ['of a plain module', moduleOf(['rcpt'], '{}'), [], 'it has no manifest'],
      ['that is cut', good.subarray(0, 100), signaturesOf(good.subarray(0, 100), one), 'it is truncated'],
    ];
    for (const [name, content, signatures, reason] of cases) {
      write(shop, 'filter.wasm', content);
      for (const at of [0, 1]) write(shop, `filter.wasm.${at}.minisig`, signatures[at] ?? 'no signature');
      const { code, out, errors } = await install('filter.wasm');
      expect([name, code, out]).toEqual([name, 1, '']);
      expect(errors).toContain(reason);
      expect([name, kept()]).toEqual([name, []]);
    }
  });

  it('takes two of three where two must have signed', async () => {
    writeConfig(shop, { trust: { acme: { keys: [one, two, three].map(lineOf), threshold: 2 } } });
    writePackage(shop, 'filter.wasm', { content: makePackage(), keys: [three, one] });
    expect(await install('filter.wasm', '--json')).toMatchObject({ code: 0 });
    expect(await list()).toMatchObject([{ signedBy: [idOf(one), idOf(three)] }]);
  });

  it('refuses what its manifest and module disagree about, however well it is signed', async () => {
    writeConfig(shop, TRUST);
    const honest = makePackage();
    const manifest = makePackage({ stages: ['connect'] }).subarray(moduleOf(['connect'], '{}').length);
    const content = Buffer.concat([moduleOf(['rcpt'], '{}'), manifest]);
    expect(content).not.toEqual(honest);
    writePackage(shop, 'filter.wasm', { content, keys: [one] });
    const { code, errors } = await install('filter.wasm');
    expect(code).toBe(1);
    expect(errors).toContain('it exports "on_rcpt", but its manifest does not name the stage rcpt');
    expect(kept()).toEqual([]);
  });

  it('lets unsigned packages in where that is allowed and no key is trusted for the vendor', async () => {
    writeConfig(shop, { ...TRUST, allowUnsigned: true });
    writePackage(shop, 'free.wasm', { content: makePackage({ id: 'free/filter' }), keys: [] });
    const { code, out } = await install('free.wasm');
    expect(code).toBe(0);
    expect(out).toMatch(/^signed by +nobody: unsigned packages are allowed$/m);
    writePackage(shop, 'filter.wasm', { content: makePackage(), keys: [] });
    expect(await install('filter.wasm')).toMatchObject({ code: 1 });
  });

  it('holds a file to a digest that was told, and takes signatures from elsewhere', async () => {
    writeConfig(shop, TRUST);
    const content = makePackage();
    write(shop, 'filter.wasm', content);
    write(shop, 'elsewhere.sig', signaturesOf(content, one)[0]!);
    const digest = digestOf(content).slice(7);
    const wrong = digest.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
    expect(await install('filter.wasm', '--sha256', wrong, '--signature', 'elsewhere.sig')).toEqual({
      code: 1,
      out: '',
      errors: `Cannot use filter.wasm: its digest is sha256:${digest}, it must be sha256:${wrong}\n`,
    });
    expect(await install('filter.wasm', '--sha256', 'abc')).toMatchObject({ code: 2 });
    expect(await install('missing.wasm')).toMatchObject({
      code: 3,
      errors: 'Cannot read missing.wasm: there is no such file\n',
    });
    expect(kept()).toEqual([]);
    expect(await install('filter.wasm', '--sha256', digest, '--signature', 'elsewhere.sig')).toMatchObject({
      code: 0,
    });
  });

  it('keeps one content for a version, and goes down only when told to', async () => {
    writeConfig(shop, TRUST);
    const versions = { 'one.wasm': '1.0.0', 'ten.wasm': '1.10.0', 'two.wasm': '1.2.0' };
    for (const [name, version] of Object.entries(versions))
      writePackage(shop, name, { content: makePackage({ version }), keys: [one] });
    writePackage(shop, 'again.wasm', { content: makePackage({ title: 'Another' }), keys: [one] });
    for (const name of ['one.wasm', 'ten.wasm']) expect(await install(name)).toMatchObject({ code: 0 });
    expect(await install('again.wasm')).toMatchObject({
      code: 1,
      errors: expect.stringContaining(
        'Cannot install acme/filter@1.0.0: this version is installed with another content',
      ) as unknown,
    });
    expect(await install('two.wasm')).toEqual({
      code: 1,
      out: '',
      errors:
        'Cannot install acme/filter@1.2.0: 1.10.0 is installed, which is higher; --allow-downgrade installs it all the same\n',
    });
    // What is installed already is no downgrade.
    expect(await install('one.wasm')).toMatchObject({ code: 0 });
    expect(await install('two.wasm', '--allow-downgrade')).toMatchObject({ code: 0 });
    expect((await list()).map(({ version }) => version)).toEqual(['1.0.0', '1.2.0', '1.10.0']);
  });

  it('waits for consent where a version asks for more, also if the file is edited', async () => {
    writeConfig(shop, TRUST);
    writePackage(shop, 'one.wasm', { content: makePackage(), keys: [one] });
    writePackage(shop, 'two.wasm', {
      content: makePackage({ version: '2.0.0', stages: ['mail', 'rcpt'], modifies: true }),
      keys: [one],
    });
    await install('one.wasm');
    const beyond = ['it also wants to be asked at mail', 'it also modifies mail'];
    const { code, out } = await install('two.wasm');
    expect(code).toBe(0);
    for (const line of beyond) expect(out).toContain(`\n  ${line}\n`);
    expect(out).toContain('postern plugin upgrade acme/filter@2.0.0 --consent');
    writeConfig(shop, TRUST, { filter: { plugin: 'acme/filter@2.0.0' } });
    const checked = await shop.postern(['check', '-c', 'postern.yaml']);
    expect(checked.code).toBe(2);
    expect(checked.out).toContain(
      'acme/filter@2.0.0 waits for consent: it also wants to be asked at mail; it also modifies mail',
    );
    expect(await list()).toMatchObject([
      { version: '1.0.0', services: [], waitsFor: [] },
      { version: '2.0.0', services: ['filter'], waitsFor: beyond },
    ]);
    writeConfig(shop, TRUST, { filter: { plugin: 'acme/filter@1.0.0' } });
    expect(await shop.postern(['check', '-c', 'postern.yaml'])).toEqual({
      code: 0,
      out: 'postern.yaml: good\n',
      errors: '',
    });
    // Also where no service runs any version of it yet.
    writeConfig(shop, TRUST);
    const upgrade = ['upgrade', 'acme/filter@2.0.0', '-c', 'postern.yaml'];
    expect(await shop.plugin(upgrade)).toMatchObject({ code: 1 });
    expect(await shop.plugin([...upgrade, '--consent'])).toMatchObject({ code: 0 });
    expect(await list()).toMatchObject([{ waitsFor: [] }, { waitsFor: [] }]);
    expect(await shop.plugin([...upgrade, '--consent'])).toMatchObject({ code: 3 });
  });
});

describe('an installed package', () => {
  beforeEach(async () => {
    writeConfig(shop, TRUST, { filter: { plugin: 'acme/filter@1.0.0' } });
    writePackage(shop, 'filter.wasm', { content: makePackage(), keys: [one] });
    await install('filter.wasm');
  });
  const check = (): Promise<Ended> => shop.postern(['check', '-c', 'postern.yaml']);

  it('is removed when no service of the config names it, disabled ones included', async () => {
    const remove = (name: string): Promise<Ended> => shop.plugin(['remove', name, '-c', 'postern.yaml']);
    expect(await remove('acme/filter@1.0.0')).toMatchObject({
      code: 1,
      errors: expect.stringContaining('the config names it for filter') as unknown,
    });
    writeConfig(shop, TRUST, { filter: { plugin: 'acme/filter@1.0.0', enabled: false } });
    expect(await remove('acme/filter@1.0.0')).toMatchObject({ code: 1 });
    expect(await remove('acme/filter@2.0.0')).toMatchObject({ code: 3 });
    expect(await remove('acme/filter')).toMatchObject({ code: 2 });
    expect(kept()).toHaveLength(3);
    writeConfig(shop, TRUST);
    expect(await remove('acme/filter@1.0.0')).toEqual({
      code: 0,
      out: 'acme/filter@1.0.0: removed\n',
      errors: '',
    });
    expect(kept()).toEqual([]);
  });

  it('is judged again at every load', async () => {
    expect(await check()).toMatchObject({ code: 0, out: 'postern.yaml: good\n' });
    const services = { filter: { plugin: 'acme/filter@1.0.0' } };
    const policies: [object, string][] = [
      [{}, 'no key is trusted for acme'],
      [{ ...TRUST, revoked: { keys: [lineOf(one)] } }, `key ${idOf(one)} is revoked`],
      [{ ...TRUST, revoked: { packages: [digestOf(makePackage())] } }, 'is revoked'],
      [
        { trust: { acme: { keys: [lineOf(one), lineOf(two)], threshold: 2 } } },
        'signed by 1 of the 2 keys of acme',
      ],
    ];
    for (const [policy, reason] of policies) {
      writeConfig(shop, policy, services);
      const { code, out } = await check();
      expect([reason, code]).toEqual([reason, 2]);
      expect(out).toMatch(
        /^postern\.yaml:1:\d+ services\.filter\.plugin: acme\/filter@1\.0\.0: it is not trusted: /m,
      );
      expect(out).toContain(reason);
    }
  });

  it('is held to what was installed, octets and name', async () => {
    const blob = shop.file(`var/packages/sha256/${digestOf(makePackage()).slice(7)}.wasm`);
    const other = makePackage({ version: '6.6.6' });
    writeFileSync(blob, other);
    expect((await check()).out).toContain('is not what was installed: its digest differs');
    // Whoever writes the record too still needs a signature of the vendor over that very version.
    const record = shop.file('var/packages/ids/acme/filter/versions/1.0.0.json');
    const changed = { ...(JSON.parse(readFileSync(record, 'utf8')) as object), digest: digestOf(other) };
    writeFileSync(shop.file(`var/packages/sha256/${digestOf(other).slice(7)}.wasm`), other);
    writeFileSync(record, JSON.stringify({ ...changed, signatures: signaturesOf(makePackage(), one) }));
    expect((await check()).out).toContain('over this very file');
    writeFileSync(record, JSON.stringify({ ...changed, signatures: signaturesOf(other, one) }));
    expect((await check()).out).toContain('what is installed under this name is acme/filter@6.6.6');
  });

  it('that the config names and that is not there is told with what is', async () => {
    writeConfig(shop, TRUST, { filter: { plugin: 'acme/filter@1.1.0' } });
    expect((await check()).out).toContain(
      'services.filter.plugin: acme/filter@1.1.0: it is not installed: installed are 1.0.0; postern plugin install adds it',
    );
    writeConfig(shop, TRUST, { filter: { plugin: 'acme/fliter@1.0.0' } });
    expect((await check()).out).toContain(
      'acme/fliter@1.0.0: it is not installed: no version of it is installed; did you mean "acme/filter"?; postern plugin install adds it',
    );
  });
});

describe('a plugin in a file', () => {
  it('is judged by the signatures beside it, and a warning where it runs without', async () => {
    const services = { filter: { plugin: './filter.wasm' } };
    const check = (): Promise<Ended> => shop.postern(['check', '-c', 'postern.yaml']);
    writePackage(shop, 'filter.wasm', { content: makePackage(), keys: [one] });
    writeConfig(shop, TRUST, services);
    expect(await check()).toEqual({ code: 0, out: 'postern.yaml: good\n', errors: '' });
    write(shop, 'filter.wasm', makePackage({ title: 'Other' }));
    expect(await check()).toMatchObject({
      code: 2,
      out: expect.stringContaining('over this very file') as unknown,
    });
    write(shop, 'filter.wasm', moduleOf(['rcpt'], '{}'));
    expect((await check()).out).toContain('it is not trusted: it has no manifest that names a vendor');
    writeConfig(shop, { allowUnsigned: true }, services);
    expect(await check()).toMatchObject({
      code: 0,
      out: expect.stringMatching(
        /^warning: .*services\.filter\.plugin: \/.*filter\.wasm: it is unsigned/,
      ) as unknown,
    });
  });

  it('is judged by verify as the config would', async () => {
    writeConfig(shop, TRUST);
    writePackage(shop, 'filter.wasm', { content: makePackage(), keys: [one] });
    const verify = (...words: string[]): Promise<Ended> => shop.plugin(['verify', 'filter.wasm', ...words]);
    expect(await verify('-c', 'postern.yaml')).toMatchObject({
      code: 0,
      out: `filter.wasm: acme/filter 1.0.0: it is signed by ${idOf(one)}\n`,
    });
    writeConfig(shop, { ...TRUST, revoked: { keys: [lineOf(one)] } });
    expect(await verify('-c', 'postern.yaml')).toMatchObject({ code: 1, out: '' });
    expect(await verify()).toMatchObject({ code: 2 });
    expect(await verify('-c', 'postern.yaml', '-k', lineOf(one))).toMatchObject({ code: 2 });
  });
});

const lacks = lacksMinisign();
describe.skipIf(lacks !== '')(`minisign on both sides of the store${lacks}`, () => {
  it('signs what is installed, and verifies what the store keeps', async () => {
    write(shop, 'filter.wasm', makePackage());
    await shop.minisign(['-G', '-W', '-p', 'acme.pub', '-s', 'acme.key']);
    await shop.minisign(['-S', '-s', 'acme.key', '-m', 'filter.wasm']);
    const key = readFileSync(shop.file('acme.pub'), 'utf8').split('\n')[1]!;
    writeConfig(shop, { trust: { acme: { keys: [key] } } }, { filter: { plugin: 'acme/filter@1.0.0' } });
    expect(await install('filter.wasm')).toMatchObject({ code: 0 });
    expect(await shop.postern(['check', '-c', 'postern.yaml'])).toMatchObject({ code: 0 });
    const record = JSON.parse(
      readFileSync(shop.file('var/packages/ids/acme/filter/versions/1.0.0.json'), 'utf8'),
    ) as { digest: string; signatures: string[] };
    write(shop, 'kept.minisig', record.signatures[0]!);
    const blob = `var/packages/sha256/${record.digest.slice(7)}.wasm`;
    const verified = await shop.minisign(['-V', '-P', key, '-m', blob, '-x', 'kept.minisig']);
    expect(verified).toMatchObject({ code: 0 });
  });
});
