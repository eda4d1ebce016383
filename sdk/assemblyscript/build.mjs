#!/usr/bin/env node
import { appendFileSync, existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

/**
 * Compiles a plugin: `postern-asc filter.ts filter.wasm [manifest.json]`. With a manifest it becomes a package.
 *
 * The options are for a fresh instance on every call: no garbage collector (memory goes when the call ends), one page
 * of memory that grows on demand, no imports but Extism's and Postern's.
 */
const SDK = dirname(fileURLToPath(import.meta.url));
const { name: NAME } = JSON.parse(readFileSync(join(SDK, 'package.json'), 'utf8'));
/** The node_modules folder that holds what the SDK imports, wherever the plugin is. */
const PACKAGES = resolve(
  dirname(createRequire(import.meta.url).resolve('@extism/as-pdk/package.json')),
  '../..',
);

/**
 * Gives the size of the module; throws with the compiler's messages. Warnings go to the standard error stream.
 * `manifest`: an object that becomes the package's manifest.
 */
export async function compile(source, target, { manifest } = {}) {
  const { base, abort } = namesFor(resolve(source));
  let messages = '';
  const stderr = {
    write(text) {
      messages += String(text);
      return true;
    },
  };
  const options = [
    relative(base, resolve(source)).replaceAll(sep, '/'),
    `--baseDir=${base}`,
    `--outFile=${relative(base, resolve(target)).replaceAll(sep, '/')}`,
    `--path=${PACKAGES}`,
    `--use=abort=${abort}`,
    '--runtime=stub',
    '--optimizeLevel=3',
    '--shrinkLevel=1',
  ];
  const { error } = await asc.main(options, { stderr });
  if (error) throw new Error(`Cannot compile ${source}: ${messages || error.message}`);
  if (messages !== '') console.error(messages);
  if (manifest !== undefined) addManifest(target, manifest);
  return statSync(target).size;
}

/** Makes a package of a module in a file. */
export function addManifest(target, manifest) {
  appendFileSync(target, section('ocp_smtp_manifest', JSON.stringify(manifest)));
}

/** A custom section of a module (WebAssembly specification, section 5.5.3). It may stand after all others. */
function section(name, content) {
  const body = Buffer.concat([lengthOf(Buffer.byteLength(name)), Buffer.from(name), Buffer.from(content)]);
  return Buffer.concat([Buffer.of(0), lengthOf(body.length), body]);
}

/** LEB128, as the format writes its numbers. */
function lengthOf(value) {
  const octets = [];
  for (; value > 0x7f; value >>>= 7) octets.push((value & 0x7f) | 0x80);
  return Buffer.of(...octets, value);
}

/**
 * The compiler names a file by its path from the base directory, or from node_modules if the SDK was installed there,
 * and `--use abort=` wants that name.
 */
function namesFor(source) {
  if (isLinkedFor(source)) return { base: dirname(source), abort: `~lib/${NAME}/abort/abort` };
  const parts = SDK.split(sep);
  const installed = parts.lastIndexOf('node_modules');
  if (installed >= 0) {
    return { base: dirname(source), abort: `~lib/${parts.slice(installed + 1).join('/')}/abort/abort` };
  }
  const own = dirname(source).split(sep);
  const shared = own.findIndex((part, i) => part !== parts[i]);
  const base = own.slice(0, shared < 0 ? own.length : shared).join(sep) || sep;
  return { base, abort: `${relative(base, join(SDK, 'abort')).replaceAll(sep, '/')}/abort` };
}

/** Whether a node_modules folder above the source has a link to this folder: `npm install` makes one of a path. */
function isLinkedFor(source) {
  for (let folder = dirname(source); ; folder = dirname(folder)) {
    const link = join(folder, 'node_modules', NAME);
    if (existsSync(link)) return realpathSync(link) === SDK;
    if (folder === dirname(folder)) return false;
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [source, target, manifestFile] = process.argv.slice(2);
  if (source === undefined || target === undefined) {
    console.error('Usage: postern-asc <filter.ts> <filter.wasm> [manifest.json]');
    process.exit(2);
  }
  try {
    const manifest = manifestFile && JSON.parse(readFileSync(manifestFile, 'utf8'));
    console.log(`${target}: ${await compile(source, target, { manifest })} bytes`);
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
