import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addManifest, compile } from '../sdk/assemblyscript/build.mjs';
import { compileProject } from '../dist/author/compile.js';

/**
 * Builds every folder here to the package `<name>/<name>.wasm`, or those that are named: its manifest is `manifest.json` with
 * the settings of `settings.schema.json`. The source says the language: `index.ts` is AssemblyScript, whose compiler comes with
 * `npm ci`; `filter.rs` is Rust and `filter.c` is C, whose compilers may be missing: then the last line says which plugins were not
 * built and what they need. Ends with 1 if any does not compile. Run `npm run build:src` first.
 */
const here = fileURLToPath(new URL('.', import.meta.url));
const sdk = fileURLToPath(new URL('../sdk/', import.meta.url));
const folders = readdirSync(here, { withFileTypes: true }).filter((entry) => entry.isDirectory());
const names = process.argv.length > 2 ? process.argv.slice(2) : folders.map((entry) => entry.name);

const OTHERS = {
  'filter.rs': { language: 'rust', get: 'Rust: apt install rustc libstd-rust-dev-wasm32 lld' },
  'filter.c': { language: 'c', get: 'C: apt install clang lld' },
};

const DEBIAN_RUSTC = '/usr/bin/rustc';

const readJson = (name, file) => JSON.parse(readFileSync(join(here, name, file), 'utf8'));

async function build(name, target) {
  const folder = join(here, name);
  const manifest = { ...readJson(name, 'manifest.json'), settings: readJson(name, 'settings.schema.json') };
  const source = Object.keys(OTHERS).find((file) => existsSync(join(folder, file)));
  if (source === undefined) return compile(join(folder, 'index.ts'), target, { manifest });
  const { language } = OTHERS[source];
  // Beside the target, so that a plugin that does not build keeps the package that it had.
  const scratch = mkdtempSync(join(folder, '.build-'));
  try {
    const module = join(scratch, 'module.wasm');
    const said = await compileWith(folder, { language, target: module, sdk: join(sdk, language) });
    if (said.trim() !== '') console.error(said.trim());
    addManifest(module, manifest);
    renameSync(module, target);
  } catch (error) {
    throw Object.assign(error, { get: OTHERS[source].get });
  } finally {
    rmSync(scratch, { recursive: true });
  }
  return statSync(target).size;
}

/** The rustc on the PATH may be rustup's, which has no library for WebAssembly unless it was told to get it; Debian's may have one. */
async function compileWith(folder, options) {
  try {
    return await compileProject(folder, options);
  } catch (error) {
    const isOther =
      options.language === 'rust' && process.env.RUSTC === undefined && existsSync(DEBIAN_RUSTC);
    if (error.code !== 'compiler' || !isOther) throw error;
    process.env.RUSTC = DEBIAN_RUSTC;
    return compileProject(folder, options);
  }
}

const lacking = new Map();
for (const name of names) {
  const target = join(here, name, `${name}.wasm`);
  try {
    console.log(`plugins/${name}/${name}.wasm: ${await build(name, target)} bytes`);
  } catch (error) {
    if (error.code === 'compiler') lacking.set(name, error.get);
    else {
      console.error(error.message);
      process.exitCode = 1;
    }
  }
}
if (lacking.size > 0) {
  const list = [...lacking].map(([name, get]) => `${name} (${get})`).join(', ');
  console.error(`Not built, since there is no compiler for them: ${list}`);
}
