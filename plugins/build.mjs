import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile } from '../sdk/assemblyscript/build.mjs';

/** Builds every folder here to `<name>/<name>.wasm`, or those that are named. Ends with 1 if any does not compile. */
const here = fileURLToPath(new URL('.', import.meta.url));
const folders = readdirSync(here, { withFileTypes: true }).filter((entry) => entry.isDirectory());
const names = process.argv.length > 2 ? process.argv.slice(2) : folders.map((entry) => entry.name);

for (const name of names) {
  const target = join(here, name, `${name}.wasm`);
  try {
    console.log(`plugins/${name}/${name}.wasm: ${await compile(join(here, name, 'index.ts'), target)} bytes`);
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
