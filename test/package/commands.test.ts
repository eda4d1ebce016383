import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeU32 } from '../../src/sandbox/binary.ts';
import { createSandbox } from '../../src/sandbox/sandbox.ts';
import { silentLog } from '../../src/base/log.ts';
import { compileWat, readPluginAt, serviceOf } from '../abi/wat.ts';
import { ROOT } from '../support/postern.ts';
import { copyPlugin, workshop, write } from './support.ts';

const shop = workshop();
afterAll(() => shop.remove());

const MARKER = '(global (export "ocp_smtp_abi_1") i32 (i32.const 1))';
const MEMORY = '(memory (export "memory") 1 2)';
const ON_MESSAGE = '(func (export "on_message") (result i32) i32.const 0)';
const wat = (...parts: string[]): Uint8Array => compileWat('plugin.wat', `(module ${parts.join(' ')})`);
const FILTER = wat(
  '(import "ocp_smtp_v1" "message_read" (func (param i32 i32 i32) (result i32)))',
  MARKER,
  MEMORY,
  ON_MESSAGE,
);
const MANIFEST = {
  id: 'acme/filter',
  version: '1.2.3',
  abi: 1,
  title: 'Filter',
  description: 'Reads the message',
  stages: ['message'],
  reads: 'body',
  modifies: false,
};
const json = (value: unknown): string => JSON.stringify(value);

const watText = (text: string): string =>
  [...Buffer.from(text)].map((octet) => `\\${octet.toString(16).padStart(2, '0')}`).join('');

/** The filter with this as its manifest, whatever it is. */
function withManifest(text: string): Uint8Array {
  const name = Buffer.from('ocp_smtp_manifest');
  const body = [...encodeU32(name.length), ...name, ...Buffer.from(text)];
  return Buffer.concat([FILTER, Uint8Array.from([0, ...encodeU32(body.length), ...body])]);
}

/** A package under a name of its own. */
async function pack(name: string, manifest: object = MANIFEST, module: Uint8Array = FILTER): Promise<string> {
  write(shop, `${name}.json`, json(manifest));
  write(shop, name, module);
  expect(await shop.plugin(['pack', name, '--manifest', `${name}.json`])).toMatchObject({ code: 0 });
  return name;
}

describe('postern plugin pack', () => {
  it('makes a package of a module and a manifest, in its place or elsewhere', async () => {
    write(shop, 'filter.wasm', FILTER);
    write(shop, 'manifest.json', json(MANIFEST));
    write(shop, 'schema.json', json({ type: 'object', properties: { word: { type: 'string' } } }));
    const words = ['pack', 'filter.wasm', '--manifest', 'manifest.json', '--settings', 'schema.json'];
    const elsewhere = await shop.plugin([...words, '-o', 'package.wasm']);
    const { size } = statSync(shop.file('package.wasm'));
    expect(elsewhere).toEqual({
      code: 0,
      out: `package.wasm: acme/filter 1.2.3, ${size} octets\n`,
      errors: '',
    });
    expect(readFileSync(shop.file('filter.wasm'))).toEqual(Buffer.from(FILTER));
    expect((await shop.plugin(words)).code).toBe(0);
    const packed = readFileSync(shop.file('filter.wasm'));
    expect(packed).toEqual(readFileSync(shop.file('package.wasm')));
    // What was there is untouched, and a second time changes nothing.
    expect(packed.subarray(0, FILTER.length)).toEqual(Buffer.from(FILTER));
    expect((await shop.plugin(words)).code).toBe(0);
    expect(readFileSync(shop.file('filter.wasm'))).toEqual(packed);
    const shown = JSON.parse((await shop.plugin(['inspect', 'filter.wasm', '--json'])).out) as object;
    expect(shown).toMatchObject({ manifest: { settings: { properties: { word: {} } } }, problems: [] });
  });

  it.each<[string, string, string[]]>([
    [
      'that disagrees with the module, and names every disagreement',
      json({ ...MANIFEST, stages: ['rcpt'], reads: 'none' }),
      [
        'Cannot pack m.wasm: its manifest names the stage rcpt, but it has no export "on_rcpt"',
        'Cannot pack m.wasm: it exports "on_message", but its manifest does not name the stage message',
        'Cannot pack m.wasm: it imports "message_read", but its manifest says that it reads none',
      ],
    ],
    [
      'that requires a capability which it does not use',
      json({ ...MANIFEST, capabilities: { required: [{ name: 'notify', reason: 'Tells people' }] } }),
      ['Cannot pack m.wasm: its manifest asks for the capability notify, but it does not import "notify"'],
    ],
    [
      'that is wrong',
      json({ ...MANIFEST, id: 'Filter' }),
      ['Cannot use m.json: its manifest is wrong at id: must be vendor/name, of a-z, 0-9 and -'],
    ],
    ['that is no JSON', '{', ['Cannot use m.json: it is not JSON']],
    ['that is ambiguous', '{"id":1,"id":2}', ['Cannot use m.json: it has the key "id" twice']],
  ])('refuses a manifest %s, and writes nothing', async (_, manifest, lines) => {
    write(shop, 'm.json', manifest);
    write(shop, 'm.wasm', FILTER);
    const before = readdirSync(shop.path);
    expect(await shop.plugin(['pack', 'm.wasm', '--manifest', 'm.json'])).toEqual({
      code: 1,
      out: '',
      errors: `${lines.join('\n')}\n`,
    });
    expect(readFileSync(shop.file('m.wasm'))).toEqual(Buffer.from(FILTER));
    expect(readdirSync(shop.path)).toEqual(before);
  });
});

describe('postern plugin inspect', () => {
  it('shows what a package says and what its module has, without compiling it', async () => {
    // The engine would refuse this code: a function without a result where one is due.
    const code = Buffer.from(FILTER);
    code.fill(0x01, code.length - 3, code.length - 1);
    await expect(WebAssembly.compile(code)).rejects.toThrow('WebAssembly.compile()');
    const name = await pack('shown.wasm');
    const good = readFileSync(shop.file(name));
    const broken = Buffer.concat([code, good.subarray(code.length)]);
    write(shop, name, broken);
    write(shop, `${name}.minisig`, 'nonsense');
    const { code: exit, out } = await shop.plugin(['inspect', name, '--json']);
    expect(exit).toBe(0);
    expect(JSON.parse(out)).toEqual({
      file: name,
      size: broken.length,
      digest: `sha256:${createHash('sha256').update(broken).digest('hex')}`,
      manifest: {
        ...MANIFEST,
        capabilities: { required: [], optional: [] },
        limits: {},
        bypassable: false,
        parts: false,
      },
      problems: [],
      imports: [
        { module: 'ocp_smtp_v1', name: 'message_read', kind: 'function', signature: 'i32 i32 i32 -> i32' },
      ],
      exports: [
        { name: 'ocp_smtp_abi_1', kind: 'global' },
        { name: 'memory', kind: 'memory' },
        { name: 'on_message', kind: 'function', signature: '-> i32' },
      ],
      memory: { minimum: 1, maximum: 2 },
      signatures: [
        { file: `${name}.minisig`, problem: expect.stringContaining('Cannot read a signature') as unknown },
      ],
    });
    const table = (await shop.plugin(['inspect', name])).out;
    expect(table).toMatch(/^id +acme\/filter$/m);
    expect(table).toMatch(/^reads +body$/m);
    expect(table).toMatch(/^memory +64 KiB at first, 128 KiB at most$/m);
    expect(table).toMatch(/^import +ocp_smtp_v1 message_read \(i32 i32 i32 -> i32\)$/m);
  });

  it('shows the packages of this repository, each with its schema of settings and no problem', async () => {
    for (const name of ['access-control', 'attachment-guard', 'reroute', 'journal']) {
      copyPlugin(shop, { name, as: `${name}.wasm` });
      const { code, out } = await shop.plugin(['inspect', `${name}.wasm`, '--json']);
      const schema = readFileSync(join(ROOT, 'plugins', name, 'settings.schema.json'), 'utf8');
      expect([name, code]).toEqual([name, 0]);
      expect(JSON.parse(out)).toMatchObject({
        manifest: { id: `postern/${name}`, settings: JSON.parse(schema) as object },
        problems: [],
      });
      const lint = await shop.plugin(['lint', `${name}.wasm`]);
      // The project has no homepage to name.
      const warning = `warning: ${name}.wasm: its manifest has no homepage, where an operator could learn more and report faults`;
      expect(lint).toEqual({ code: 0, out: `${warning}\n${name}.wasm: good\n`, errors: '' });
    }
  });

  it('says so of what is no module, and of what is not there', async () => {
    write(shop, 'text.wasm', '#!/bin/sh\n');
    write(shop, 'cut.wasm', FILTER.subarray(0, 40));
    expect(await shop.plugin(['inspect', 'text.wasm'])).toMatchObject({
      code: 1,
      out: '',
      errors: 'Cannot read text.wasm: it is not WebAssembly: it does not begin with \\0asm\n',
    });
    expect(await shop.plugin(['inspect', 'cut.wasm'])).toMatchObject({
      code: 1,
      errors: expect.stringContaining('it is truncated') as unknown,
    });
    for (const words of [['inspect'], ['lint'], ['verify', '-k', 'x'], ['sign', '-k', 'x']]) {
      const [word, ...more] = words as [string, ...string[]];
      expect(await shop.plugin([word, 'missing.wasm', ...more])).toEqual({
        code: 3,
        out: '',
        errors: 'Cannot read missing.wasm: there is no such file\n',
      });
    }
  });
});

/** A custom section as it lies in a file, of less than 128 octets. */
const section = (name: string, content: string | Uint8Array): Buffer => {
  const body = Buffer.concat([Buffer.of(name.length), Buffer.from(name), Buffer.from(content)]);
  return Buffer.concat([Buffer.of(0, body.length), body]);
};

describe('a package that no server takes', () => {
  const manifest = (content: string | Uint8Array): Buffer => section('ocp_smtp_manifest', content);
  const cases: Record<string, [Uint8Array, string]> = {
    'two manifests': [
      Buffer.concat([FILTER, manifest('{}'), manifest('{}')]),
      'it has 2 sections "ocp_smtp_manifest", one is allowed',
    ],
    'an empty manifest': [Buffer.concat([FILTER, manifest('')]), 'its manifest is not JSON'],
    'a manifest of noise': [
      Buffer.concat([FILTER, manifest(Uint8Array.of(0xff))]),
      'its manifest is not UTF-8',
    ],
    'a manifest of another kind': [Buffer.concat([FILTER, manifest('[]')]), 'its manifest is wrong: '],
    'a manifest that is cut': [
      Buffer.concat([FILTER, manifest('{}')]).subarray(0, -1),
      'it is truncated: section 0 at octet',
    ],
    'a section whose name is cut': [Buffer.concat([FILTER, Buffer.of(0, 1, 9)]), 'it is truncated: '],
    'a section whose name is no text': [
      Buffer.concat([FILTER, Buffer.of(0, 2, 1, 0xff)]),
      'it is malformed: the name before octet 2 is not UTF-8',
    ],
  };

  it('is refused when it is loaded, with the reason, and by lint with the same', async () => {
    const packed = await pack('changed.wasm');
    // A manifest that was put into another module by other means.
    const content = readFileSync(shop.file(packed)).subarray(FILTER.length);
    const other = wat(MARKER, MEMORY, ON_MESSAGE);
    const all: Record<string, [Uint8Array, string]> = {
      ...cases,
      "another module's manifest": [
        Buffer.concat([other, content]),
        'its manifest says that it reads body, but it imports no call that does',
      ],
    };
    const names = Object.keys(all);
    for (const name of names) write(shop, `${name}.wasm`, all[name]![0]);
    const { sandbox, problems } = await createSandbox({
      services: [...names, 'changed'].map((name) => serviceOf(name)),
      readPlugin: (name) => readPluginAt(shop.file(`${name}.wasm`)),
      log: silentLog,
      workers: 1,
    });
    await sandbox.close();
    expect([...new Set(problems.map(({ service }) => service))]).toEqual(names);
    for (const name of names) {
      const [, reason] = all[name]!;
      expect(problems.find(({ service }) => service === name)!.reason).toContain(reason);
      const lint = await shop.plugin(['lint', `${name}.wasm`]);
      expect([name, lint.code]).toEqual([name, 1]);
      expect(lint.out + lint.errors).toContain(reason);
    }
  });

  it('is refused by lint without a manifest, which a server still takes', async () => {
    write(shop, 'bare.wasm', FILTER);
    expect(await shop.plugin(['lint', 'bare.wasm'])).toEqual({
      code: 1,
      out: 'error: bare.wasm: it has no manifest; postern plugin pack adds one\n',
      errors: '',
    });
  });

  it('is warned of by lint where it could be smaller, or its settings are not checked', async () => {
    const noise = Buffer.alloc(20_000);
    const heavy = Buffer.concat([FILTER, Buffer.of(0, 0xa5, 0x9c, 0x01, 4), Buffer.from('name'), noise]);
    await pack('heavy.wasm', { ...MANIFEST, settings: { type: 'object' } }, heavy);
    const { code, out } = await shop.plugin(['lint', 'heavy.wasm']);
    expect(code).toBe(0);
    expect(out).toMatch(/^warning: heavy\.wasm: 20005 octets of it are names and debugging \("name"\)/m);
    expect(out).toMatch(
      /^warning: heavy\.wasm: its manifest has a schema of its settings, but it exports no/m,
    );
    expect(out).toMatch(/^heavy\.wasm: good$/m);
  });

  it('is warned of by lint where an operator could not judge it, or large mail would be too much for it', async () => {
    const noise = Buffer.alloc(3 * 1024 * 1024);
    const asking = wat(
      '(import "ocp_smtp_v1" "clock" (func (param i32 i32) (result i32)))',
      MARKER,
      '(memory (export "memory") 24)',
      ON_MESSAGE,
    );
    const section = Buffer.concat([Buffer.of(0, 0x86, 0x80, 0xc0, 0x01, 5), Buffer.from('.text'), noise]);
    const manifest = {
      ...MANIFEST,
      reads: 'none',
      limits: { memoryMiB: 2 },
      capabilities: { optional: [{ name: 'clock', reason: 'the time' }] },
      settings: { properties: { word: { type: 'string' }, list: { description: 'A list.' } } },
    };
    await pack('vague.wasm', manifest, Buffer.concat([asking, section]));
    const { code, out } = await shop.plugin(['lint', 'vague.wasm']);
    expect(code).toBe(0);
    for (const warning of [
      /^warning: vague\.wasm: it has 31\d{5} octets; over 2097152 it takes long to load/m,
      /^warning: vague\.wasm: 3145734 octets of it are names and debugging \("\.text"\)/m,
      /^warning: vague\.wasm: it needs 1\.5 MiB of memory from the start, more than half of its limit of 2 MiB/m,
      /^warning: vague\.wasm: its reason for clock is "the time", by which no operator can judge/m,
      /^warning: vague\.wasm: its schema of settings has no description of "word"$/m,
      /^warning: vague\.wasm: its manifest has no homepage/m,
    ])
      expect(out).toMatch(warning);
  });

  it('needs more memory from the start than its manifest says', async () => {
    write(shop, 'big.json', json({ ...MANIFEST, reads: 'none', limits: { memoryMiB: 1 } }));
    write(shop, 'big.wasm', wat(MARKER, '(memory (export "memory") 32)', ON_MESSAGE));
    expect(await shop.plugin(['pack', 'big.wasm', '--manifest', 'big.json'])).toMatchObject({
      code: 1,
      errors: 'Cannot pack big.wasm: it needs 2 MiB of memory from the start, its limit is 1 MiB\n',
    });
  });
});

describe('postern plugin keygen, sign and verify', () => {
  let keys: string[];
  beforeAll(async () => {
    keys = ['one', 'two', 'three'];
    for (const key of keys) await shop.plugin(['keygen', '--no-password', '-o', key]);
  });

  const idOf = (key: string): string => /key (\w+)/.exec(readFileSync(shop.file(`${key}.pub`), 'utf8'))![1]!;
  const lineOf = (key: string): string => readFileSync(shop.file(`${key}.pub`), 'utf8').split('\n')[1]!;

  it('make keys that only their owner can read, and never write over one', async () => {
    expect(statSync(shop.file('one.key')).mode & 0o777).toBe(0o600);
    const before = readFileSync(shop.file('one.key'));
    expect(await shop.plugin(['keygen', '--no-password', '-o', 'one'])).toMatchObject({ code: 1, out: '' });
    expect(readFileSync(shop.file('one.key'))).toEqual(before);
    expect(await shop.plugin(['keygen', '-o', 'empty'])).toEqual({
      code: 2,
      out: '',
      errors: 'Cannot make a key: no password was given; --no-password does without\n',
    });
    expect(existsSync(shop.file('empty.key'))).toBe(false);
  });

  it('count different keys against the threshold', async () => {
    const name = await pack('several.wasm');
    expect(await shop.plugin(['verify', name, '-k', 'one.pub'])).toMatchObject({
      code: 1,
      errors: `${name}: acme/filter 1.2.3: it is signed by 0 of the 1 keys of acme, 1 must have; it has no signature\n`,
    });
    expect(await shop.plugin(['sign', name, '-k', 'one.key'])).toMatchObject({ code: 0 });
    // Again by the same key: its own signature is renewed.
    expect(await shop.plugin(['sign', name, '-k', 'one.key'])).toMatchObject({ code: 0 });
    expect(await shop.plugin(['sign', name, '-k', 'two.key'])).toMatchObject({
      code: 0,
      out: expect.stringContaining(`${name}.${idOf('two')}.minisig: acme/filter 1.2.3, signed by`) as unknown,
    });
    const verify = (threshold: string, ...trusted: string[]) =>
      shop.plugin([
        'verify',
        ...trusted.flatMap((key) => ['-k', `${key}.pub`]),
        '--threshold',
        threshold,
        name,
      ]);
    expect(await verify('1', 'two', 'three')).toMatchObject({
      code: 0,
      out: `${name}: acme/filter 1.2.3: it is signed by ${idOf('two')}\n`,
    });
    expect((await verify('2', ...keys)).code).toBe(0);
    expect((await verify('2', 'one', 'one')).code).toBe(1);
    expect((await verify('2', 'one', 'three')).code).toBe(1);
    expect((await verify('3', ...keys)).code).toBe(1);
    expect((await verify('0', ...keys)).code).toBe(2);
    expect((await shop.plugin(['verify', name, '-k', lineOf('one')])).code).toBe(0);
  });

  it("do not take a package that claims another vendor's id, whoever signed it", async () => {
    const name = await pack('claims.wasm', { ...MANIFEST, id: 'bank/filter' });
    await shop.plugin(['sign', name, '-k', 'one.key']);
    const { code, errors } = await shop.plugin(['verify', name, '-k', 'one.pub', '--vendor', 'acme']);
    expect([code, errors]).toEqual([
      1,
      `${name}: bank/filter 1.2.3: no key is trusted for bank; key ${idOf('one')} is trusted for acme, not for bank\n`,
    ]);
  });

  it('do not take the signature of another file, or of this one before it was packed anew', async () => {
    const name = await pack('again.wasm');
    await shop.plugin(['sign', name, '-k', 'one.key']);
    expect((await shop.plugin(['verify', name, '-k', 'one.pub'])).code).toBe(0);
    const before = readFileSync(shop.file(name));
    await pack(name, { ...MANIFEST, version: '1.2.4' });
    expect(await shop.plugin(['verify', name, '-k', 'one.pub'])).toMatchObject({
      code: 1,
      errors: expect.stringContaining('over this very file') as unknown,
    });
    // One octet after the end is another file too.
    write(shop, name, Buffer.concat([before, section('x', '')]));
    expect((await shop.plugin(['verify', name, '-k', 'one.pub'])).code).toBe(1);
    write(shop, name, before);
    expect((await shop.plugin(['verify', name, '-k', 'one.pub'])).code).toBe(0);
  });

  it('say what is wrong with a signature or a key that can not be read, and take the others', async () => {
    const name = await pack('noise.wasm');
    await shop.plugin(['sign', name, '-k', 'one.key', '-o', `${name}.good.minisig`]);
    write(shop, `${name}.minisig`, Buffer.alloc(100_000, 0x41));
    const verified = await shop.plugin(['verify', name, '-k', 'one.pub']);
    expect([verified.code, verified.errors]).toEqual([
      0,
      `${name}.minisig: it is too long for a signature\n`,
    ]);
    for (const bad of ['RWnonsense', `${name}.json`]) {
      expect((await shop.plugin(['verify', name, '-k', bad])).code).not.toBe(0);
    }
    expect(await shop.plugin(['sign', name, '-k', 'one.pub'])).toMatchObject({
      code: 1,
      errors: expect.stringContaining('Cannot read the secret key: ') as unknown,
    });
    const { code } = await shop.plugin(['sign', name, '-k', 'one.key', '--comment', 'a\nb']);
    expect(code).toBe(1);
  });

  it('sign only packages: a module is signed too early, since pack would change it', async () => {
    write(shop, 'bare2.wasm', FILTER);
    expect(await shop.plugin(['sign', 'bare2.wasm', '-k', 'one.key'])).toEqual({
      code: 1,
      out: '',
      errors: 'Cannot sign bare2.wasm: it has no manifest; postern plugin pack adds one\n',
    });
    expect(existsSync(shop.file('bare2.wasm.minisig'))).toBe(false);
  });
});

describe('what a stranger wrote into a package', () => {
  // Escape sequences, a bell, a C1 control, a change of direction, and a line that pretends to be another.
  const EVIL = 'x\u001b[31mRED\u001b]0;pwn\u0007\u202e\u009b\nerror: none';
  // oxlint-disable-next-line no-control-regex -- what must not be there
  const STEERING = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/;

  it.each(['inspect', 'lint', 'verify', 'run'])(
    'cannot steer the terminal or add a line in %s',
    async (word) => {
      const imported = wat(`(import "ocp_smtp_v1" "${watText(EVIL)}" (func))`, MARKER, MEMORY, ON_MESSAGE);
      write(shop, 'evil-import.wasm', imported);
      write(shop, 'evil-key.wasm', withManifest(json({ ...MANIFEST, [EVIL]: 1 })));
      write(shop, 'any.eml', 'Subject: x\r\n\r\nx\r\n');
      await shop.plugin(['keygen', '-o', 'stranger'], '\n\n');
      const more = {
        verify: ['-k', 'stranger.pub'],
        run: ['--eml', 'any.eml', '--from', 'a@b.example', '--to', 'c@d.example'],
      };
      for (const file of ['evil-import.wasm', 'evil-key.wasm']) {
        const { out, errors } = await shop.plugin([word, file, ...(more[word as keyof typeof more] ?? [])]);
        expect(`${out}${errors}`).not.toBe('');
        expect(`${out}${errors}`).not.toMatch(STEERING);
        expect(`${out}${errors}`).not.toMatch(/^error: none/m);
      }
    },
  );
});
