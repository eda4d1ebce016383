import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { unbuilt } from './plugins/ask.ts';
import { command } from './support/command.ts';
import { ROOT, temporaryDirectory } from './support/postern.ts';
import { openssl } from './support/secure-mail.ts';

// Each check starts the real program, perhaps beside much else.
vi.setConfig({ testTimeout: 120_000 });

/** What the documents say must be so: their configs check, their commands exist, their links lead somewhere. */
const inFolders = (parent: string): string[] =>
  readdirSync(join(ROOT, parent)).map((folder) => `${parent}/${folder}/README.md`);
const DOCUMENTS = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`),
  ...readdirSync(join(ROOT, 'docs/decisions')).map((name) => `docs/decisions/${name}`),
  ...inFolders('plugins'),
  ...inFolders('sdk'),
  'sdk/ABI.md',
  'test/dialog/README.md',
]
  .filter((name) => name.endsWith('.md') && existsSync(join(ROOT, name)))
  .map((name) => ({ name, text: readFileSync(join(ROOT, name), 'utf8') }));

const blocksOf = (text: string, language: string): string[] =>
  [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```/gm)].flatMap(([, word, body]) =>
    word === language ? [body!] : [],
  );

const { path: directory, remove } = temporaryDirectory();
afterAll(remove);

/** A private key that an example names. */
function writeKey(file: string): void {
  mkdirSync(dirname(file), { recursive: true });
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
}

/** What examples with keys for S/MIME and OpenPGP name besides: certificates of the key, directories, secret keys. */
function writeSecureMail(folder: string, block: string): void {
  const [, key = ''] = /file: (\.\/[\w./-]+\.pem), certificate:/.exec(block) ?? [];
  for (const [, file] of block.matchAll(/(?:certificate|authorities): (\.\/[\w./-]+\.pem)/g)) {
    openssl(['req', '-x509', '-key', join(folder, key), '-subj', '/CN=x', '-out', join(folder, file!)]);
  }
  for (const [, name] of block.matchAll(/directory: (\.\/[\w./-]+)/g)) mkdirSync(join(folder, name!));
  for (const [, file] of block.matchAll(/file: (\.\/[\w./-]+\.asc)/g)) {
    writeFileSync(join(folder, file!), '-----BEGIN PGP PRIVATE KEY BLOCK-----\n', { mode: 0o600 });
  }
}

describe('a config in the documents checks, plugins and their settings included', () => {
  /** What a part of a config needs to be a whole one: a group of its services, and the downstreams that they name. */
  const wholeOf = (text: string): Record<string, unknown> => {
    const part = parse(text) as Record<string, unknown>;
    if ('listeners' in part) return part;
    const names = [...text.matchAll(/nextHop: ([\w-]+)/g)].map(([, name]) => name!);
    const local = { protocol: 'maildir', path: './mail' };
    const listener = {
      protocol: 'smtp',
      port: 2525,
      domains: ['example.com'],
      downstream: 'local',
      group: 'all',
    };
    return {
      hostname: 'mx.example.org',
      listeners: { inbound: listener },
      downstreams: Object.fromEntries(['local', ...names].map((name) => [name, local])),
      groups: { all: Object.keys(part['services'] ?? {}) },
      ...part,
    };
  };
  const configs = DOCUMENTS.flatMap(({ name, text }) =>
    // What is neither a whole config nor its services is a sketch of something else.
    blocksOf(text, 'yaml')
      .filter((block) => /^(?:listeners|services):/m.test(block))
      .map((block, at) => ({ name, at: at + 1, block })),
  );

  it('of which there are some', () => {
    expect(configs.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['README.md', 'plugins/journal/README.md', 'plugins/reroute/README.md']),
    );
  });

  for (const { name, at, block } of configs) {
    const skipped = [...block.matchAll(/plugin: ([\w-]+)$/gm)].map(([, plugin]) => unbuilt(plugin!)).join('');
    it.skipIf(skipped !== '')(`${name}, number ${at}${skipped}`, async () => {
      const folder = join(directory, name.replaceAll('/', '-'), String(at));
      mkdirSync(folder, { recursive: true });
      const file = join(folder, 'postern.yaml');
      const whole = /^listeners:/m.test(block);
      for (const [, key] of block.matchAll(/file: (\.\/[\w./-]+\.pem)/g)) writeKey(join(folder, key!));
      writeSecureMail(folder, block);
      writeFileSync(file, whole ? block : JSON.stringify(wholeOf(block)));
      expect(await command(['check', '-c', file])).toEqual({ code: 0, out: `${file}: good\n`, errors: '' });
    });
  }
});

describe('an example config checks as it is', () => {
  const FOLDER = join(ROOT, 'docs', 'examples');
  it.each(readdirSync(FOLDER))('%s', async (name) => {
    const file = join(FOLDER, name);
    expect(await command(['check', '-c', file])).toEqual({ code: 0, out: `${file}: good\n`, errors: '' });
  });

  it('inbound.yaml has the default inbound group, in its order', () => {
    const { services, groups } = parse(readFileSync(join(FOLDER, 'inbound.yaml'), 'utf8')) as {
      services: Record<string, { plugin: string }>;
      groups: { inbound: string[] };
    };
    expect(groups.inbound.map((name) => services[name]!.plugin)).toEqual([
      'access-control',
      'mail-auth',
      'spam',
      'attachment-guard',
      'journal',
    ]);
  });
});

describe('a command in the documents exists', () => {
  /** `npx postern …` and `postern …` at the beginning of a line of a shell block or of inline code. */
  const said = DOCUMENTS.flatMap(({ name, text }) => {
    const lines = [...blocksOf(text, 'sh'), ...blocksOf(text, '')].join('').split('\n');
    const inline = [...text.matchAll(/`((?:npx )?postern [^`]+)`/g)].map(([, code]) => code!);
    return [...lines, ...inline].flatMap((line) => {
      const found = /^(?:npx )?postern ([a-z][^#|]*)/.exec(line);
      return found === null ? [] : [{ name, words: found[1]!.trim().split(/\s+/) }];
    });
  });
  const helps = new Map<string, Promise<string>>();
  const helpOf = (verbs: readonly string[]): Promise<string> => {
    const key = verbs.join(' ');
    const help = helps.get(key) ?? command([...verbs, '--help']).then(({ out }) => out);
    helps.set(key, help);
    return help;
  };
  /** `queue`, `quarantine`, `bypass` and `plugin` take a second word. */
  const verbsOf = ([first = '', second = '']: readonly string[]): string[] =>
    ['queue', 'quarantine', 'bypass', 'plugin'].includes(first) && /^[a-z]/.test(second)
      ? [first, second]
      : [first];

  it.each(said.map(({ name, words }) => [name, words.join(' '), words] as const))(
    '%s: postern %s',
    async (_name, _line, words) => {
      const verbs = verbsOf(words);
      const help = await helpOf(verbs);
      expect(help).toMatch(new RegExp(`^Usage: postern ${verbs.join(' ')}\\b`));
      for (const flag of words.filter((word) => word.startsWith('-'))) {
        expect(help).toMatch(new RegExp(`(?:^|[ ,])${flag}\\b`, 'm'));
      }
    },
  );

  it('and each that there is stands in the README', async () => {
    const listed = (help: string): string[] =>
      [...help.slice(help.indexOf('Commands:')).matchAll(/^ {2}([a-z-]+)/gm)]
        .map(([, verb]) => verb!)
        .filter((verb) => !['help', 'postern'].includes(verb));
    const readme = said.filter(({ name }) => name === 'README.md').map(({ words }) => words[0]);
    expect(new Set(readme)).toEqual(new Set(listed(await helpOf([]))));
  });
});

describe('a file that the documents name is there', () => {
  it.each(DOCUMENTS)('links of $name', ({ name, text }) => {
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)].map(([, link]) => link!);
    expect(links.filter((link) => !existsSync(join(ROOT, dirname(name), link)))).toEqual([]);
  });

  it.each(DOCUMENTS.filter(({ name }) => name.startsWith('docs/')))('paths in $name', ({ text }) => {
    const paths = [...text.matchAll(/`([a-z-]+(?:\/[\w.-]+)+\/?)`/g)].map(([, path]) => path!);
    const ours = paths.filter((path) => /^(?:src|test|docs|sdk|plugins|bench)\/|\.ts$/.test(path));
    const missing = ours.filter((path) => ![path, `src/${path}`].some((one) => existsSync(join(ROOT, one))));
    expect(missing).toEqual([]);
  });
});
