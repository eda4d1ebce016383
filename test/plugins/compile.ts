import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The root of the checkout. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Compiles AssemblyScript with the command that authors use; `"sdk"` in an import means the SDK. Throws its messages. */
export async function compilePlugin(source: string): Promise<Uint8Array> {
  const folder = mkdtempSync(join(tmpdir(), 'postern-plugin-'));
  try {
    const sdk = relative(folder, join(ROOT, 'sdk/assemblyscript'));
    writeFileSync(join(folder, 'filter.ts'), source.replaceAll(/(['"])sdk\1/g, `'${sdk}'`));
    await run(process.execPath, [
      join(ROOT, 'sdk/assemblyscript/build.mjs'),
      join(folder, 'filter.ts'),
      join(folder, 'filter.wasm'),
    ]);
    return readFileSync(join(folder, 'filter.wasm'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
