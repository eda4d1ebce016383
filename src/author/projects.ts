import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OperationalError } from '../base/errors.ts';

export const languageNames = ['assemblyscript', 'c', 'rust', 'go'] as const;
export type Language = (typeof languageNames)[number];

/** The languages that have an SDK and a template. The presence of its source says which one a project is in. */
export const LANGUAGES: Readonly<
  Record<Language, { readonly title: string; readonly source: string; readonly compiler: string }>
> = {
  assemblyscript: { title: 'AssemblyScript', source: 'filter.ts', compiler: '`npm install`' },
  c: {
    title: 'C',
    source: 'filter.c',
    compiler:
      '`apt install clang lld`, or, where there is no Debian, `npm install @yowasp/clang` in this folder (100 MB)',
  },
  rust: {
    title: 'Rust',
    source: 'filter.rs',
    compiler: '`apt install rustc libstd-rust-dev-wasm32 lld` (1.63 or later)',
  },
  go: {
    title: 'Go',
    source: 'main.go',
    compiler: 'Go 1.24 or later (Debian 13: `apt install golang-1.24-go`)',
  },
};

/** As they are shipped with this Postern, beside `dist/` and `src/`. */
const SDK = fileURLToPath(new URL('../../sdk/', import.meta.url));
const TEMPLATES = join(SDK, 'templates');

/** What of an SDK a project does not need. */
const NOT_COPIED = new Set(['node_modules', 'target', '.gitignore']);

/**
 * Makes a project in `folder`: what all languages share, the filter in this language, and a copy of the SDK in `sdk/`, so that it builds
 * without Postern's checkout. Throws an OperationalError if the folder exists and is not empty.
 */
export async function makeProject(
  folder: string,
  options: { readonly language: Language; readonly id: string },
): Promise<void> {
  const { language, id } = options;
  await mkdir(folder, { recursive: true });
  if ((await readdir(folder)).length > 0) {
    throw new OperationalError('project', `Cannot make a project in ${folder}: it is not empty`);
  }
  for (const template of ['common', language])
    await cp(join(TEMPLATES, template), folder, { recursive: true });
  // npm would leave a file of the name .gitignore out of what it ships.
  await rename(join(folder, 'gitignore'), join(folder, '.gitignore'));
  await copySdk(folder, language);
  const [vendor, name] = id.split('/');
  const { title, compiler } = LANGUAGES[language];
  const words = { id, vendor: vendor!, name: name!, language: title, compiler };
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const file of files) {
    const path = join(file.parentPath, file.name);
    if (file.isFile() && !path.startsWith(join(folder, 'sdk'))) await fillIn(path, words);
  }
}

/** Puts the SDK of this Postern into a project, in the place of the one that it had. */
export async function copySdk(folder: string, language: Language): Promise<void> {
  const source = join(SDK, language);
  await rm(join(folder, 'sdk'), { recursive: true, force: true });
  await cp(source, join(folder, 'sdk'), {
    recursive: true,
    filter: (path) => !NOT_COPIED.has(path.slice(source.length + 1).split('/')[0]!),
  });
  await cp(join(SDK, 'ABI.md'), join(folder, 'sdk', 'ABI.md'));
  const readme = join(folder, 'sdk', 'README.md');
  await writeFile(readme, linkedHere(await readFile(readme, 'utf8')));
}

/** The SDK's README as it reads in a project: the ABI beside it, and Postern's own documents named without a link. */
const linkedHere = (text: string): string =>
  text.replaceAll('](../ABI.md)', '](ABI.md)').replaceAll(/\[([^\]]*)\]\(\.\.\/\.\.\/[^)]*\)/g, '$1');

async function fillIn(path: string, words: Readonly<Record<string, string>>): Promise<void> {
  const text = await readFile(path, 'utf8');
  const filled = text.replaceAll(/\{\{(\w+)\}\}/g, (whole, word: string) => words[word] ?? whole);
  if (filled !== text) await writeFile(path, filled);
}

/** The language of a project; throws an OperationalError if it is none, or several. */
export function languageOf(folder: string): Language {
  const found = languageNames.filter((language) => existsSync(join(folder, LANGUAGES[language].source)));
  if (found.length === 1) return found[0]!;
  const sources = languageNames.map((language) => LANGUAGES[language].source).join(', ');
  const what = found.length === 0 ? 'none of them' : found.map((one) => LANGUAGES[one].source).join(' and ');
  throw new OperationalError(
    'project',
    `Cannot build ${folder}: found ${what}, a project has one of ${sources}; postern plugin new makes one`,
  );
}
