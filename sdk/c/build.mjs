#!/usr/bin/env node
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/**
 * Compiles a filter: `node build.mjs filter.c filter.wasm`. By clang and wasm-ld, if there are such; else by the npm package
 * `@yowasp/clang`, which is the same compiler as WebAssembly, if the folder of the source or one above it has it installed. Ends with
 * 127 if there is neither, with 1 if the source does not compile.
 */
const SDK = dirname(fileURLToPath(import.meta.url));
const GET = 'get it with apt install clang lld, or npm install @yowasp/clang (100 MB) beside the source';

const compiling = ({ source, object, sdk }) =>
  'clang --target=wasm32 -mbulk-memory -O2 -Wall -Wextra -c'
    .split(' ')
    .concat(`-I${sdk}`, '-o', object, source);
// A step of its own: clang as a linker runs whatever wasm-opt is on the PATH, and an old one breaks the module. The stack comes first in
// memory, so that overflowing it traps instead of overwriting data.
const linking = ({ object, target }) =>
  'wasm-ld --no-entry --strip-all --stack-first'.split(' ').concat('-o', target, object);

function compileByClang(source, target) {
  const scratch = mkdtempSync(join(tmpdir(), 'postern-c-'));
  try {
    const object = join(scratch, 'filter.o');
    for (const [command, ...words] of [
      compiling({ source, object, sdk: SDK }),
      linking({ object, target }),
    ]) {
      execFileSync(command, words, { stdio: 'inherit' });
    }
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** What is missing of Debian's compiler; '' if all is there. */
function missing() {
  const targets = spawnSync('clang', ['--print-targets'], { encoding: 'utf8' });
  if (targets.status !== 0) return 'found no clang';
  if (!targets.stdout.includes('wasm32')) return 'found a clang that knows no wasm32';
  return spawnSync('wasm-ld', ['--version']).status === 0 ? '' : 'found no wasm-ld';
}

function packageFor(source) {
  try {
    return createRequire(source).resolve('@yowasp/clang');
  } catch {
    return undefined;
  }
}

/** Its files are in memory: this machine's below `host`, so that they hide none of its own. It takes `..` in a path for `.`. */
async function compileByPackage(source, { target, module }) {
  const { runClang, runLLVM, Exit } = await import(pathToFileURL(module).href);
  let said = '';
  const decoder = new TextDecoder();
  const hear = (octets) => {
    if (octets !== null) said += decoder.decode(octets, { stream: true });
  };
  const options = { stdout: hear, stderr: hear, fetchProgress() {} };
  const object = 'filter.o';
  const output = 'filter.wasm';
  // First, and alone: a compilation would tell how far it is with reading its own files.
  await runLLVM(null, {}, options);
  try {
    const words = compiling({ source: inHost(source), object, sdk: inHost(SDK) });
    const compiled = await runClang(words, treeOf(source), options);
    const linked = await runLLVM(linking({ object, target: output }), compiled, options);
    writeFileSync(target, linked[output]);
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
    process.exitCode = 1;
  } finally {
    process.stderr.write(said.replaceAll(/\bhost\//g, sep));
  }
}

const inHost = (path) => `host${path}`;

/** The source and all that it includes, as nested folders. */
function treeOf(source) {
  const tree = {};
  for (const [path, text] of filesOf(source)) {
    const names = inHost(path).split(sep);
    const name = names.pop();
    let folder = tree;
    for (const one of names) folder = folder[one] ??= {};
    folder[name] = text;
  }
  return tree;
}

/** By path. What is not found is the compiler's own, or its complaint. */
function filesOf(source) {
  const files = new Map();
  const add = (path) => {
    if (files.has(path) || statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return;
    const text = readFileSync(path, 'utf8');
    files.set(path, text);
    for (const [, name] of text.matchAll(/^\s*#\s*include\s*["<]([^">\n]+)[">]/gm)) {
      add(resolve(dirname(path), name));
      add(resolve(SDK, name));
    }
  };
  add(source);
  return files;
}

const [given, target, ...others] = process.argv.slice(2);
if (given === undefined || target === undefined || others.length > 0) {
  console.error('Usage: build.mjs <filter.c> <filter.wasm>');
  process.exit(2);
}
const source = resolve(given);
const lack = missing();
const module = lack === '' ? undefined : packageFor(source);
if (lack !== '' && module === undefined) {
  console.error(`Cannot compile: ${lack} and no @yowasp/clang; ${GET}`);
  process.exitCode = 127;
} else if (module === undefined) {
  try {
    compileByClang(source, target);
  } catch (error) {
    // Otherwise it has said itself what is wrong.
    if (typeof error.status !== 'number') console.error(`Cannot compile: ${error.message}`);
    process.exitCode = 1;
  }
} else {
  await compileByPackage(source, { target, module });
}
