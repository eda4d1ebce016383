import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CAPABILITIES } from '../../src/ocp/manifest.ts';
import { compileWat, PRELUDE, vectorText } from '../abi/wat.ts';
import { command, type Ended } from '../support/command.ts';
import { temporaryDirectory } from '../support/postern.ts';

/** A directory of its own in which an author works, by the commands that authors have. */
export interface Shop {
  plugin(...words: string[]): Promise<Ended>;
  write(name: string, content: string | Uint8Array): void;
  read(name: string): string;
  /** Packs a module, or WebAssembly text (what `vectorText` takes), as `NAME.wasm`, or throws; the manifest is what is given and what all share. */
  pack(
    name: string,
    plugin: { module: string | Uint8Array; manifest: Readonly<Record<string, unknown>> },
  ): Promise<void>;
  remove(): void;
}

export function openShop(): Shop {
  const { path, remove } = temporaryDirectory();
  const write = (name: string, content: string | Uint8Array): void => {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), content);
  };
  const plugin = (...words: string[]) => command(['plugin', ...words], { cwd: path, seconds: 60 });
  return {
    plugin,
    write,
    read: (name) => readFileSync(join(path, name), 'utf8'),
    async pack(name, { module, manifest }) {
      write(`${name}.wasm`, typeof module === 'string' ? compileWat(name, vectorText(module)) : module);
      write(
        `${name}.json`,
        JSON.stringify({
          id: `acme/${name}`,
          version: '1.0.0',
          abi: 1,
          title: 'For a test',
          description: 'For a test.',
          homepage: 'https://acme.example/',
          license: 'Apache-2.0',
          ...manifest,
        }),
      );
      const { code, errors } = await plugin('pack', `${name}.wasm`, '--manifest', `${name}.json`);
      if (code !== 0) throw new Error(errors);
    },
    remove,
  };
}

/** A manifest that says what this repository's prelude of vectors imports: everything. */
export const EVERYTHING = {
  reads: 'body',
  modifies: true,
  capabilities: {
    optional: CAPABILITIES.filter((name) => PRELUDE.includes(`"ocp_smtp_v1" "${name}"`)).map((name) => ({
      name,
      reason: 'the prelude imports it',
    })),
  },
} as const;
