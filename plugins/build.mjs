import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile } from '../sdk/assemblyscript/build.mjs';

/**
 * Builds every folder here to the package `<name>/<name>.wasm`, or those that are named: its manifest is `manifest.json` with
 * the settings of `settings.schema.json`. Ends with 1 if any does not compile.
 */
const here = fileURLToPath(new URL('.', import.meta.url));
const folders = readdirSync(here, { withFileTypes: true }).filter((entry) => entry.isDirectory());
const names = process.argv.length > 2 ? process.argv.slice(2) : folders.map((entry) => entry.name);

const readJson = (name, file) => JSON.parse(readFileSync(join(here, name, file), 'utf8'));

for (const name of names) {
  const target = join(here, name, `${name}.wasm`);
  try {
    const manifest = { ...readJson(name, 'manifest.json'), settings: readJson(name, 'settings.schema.json') };
    const size = await compile(join(here, name, 'index.ts'), target, { manifest });
    console.log(`plugins/${name}/${name}.wasm: ${size} bytes`);
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
