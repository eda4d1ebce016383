import { readFileSync } from 'node:fs';

/** What `postern version` prints. */
export function version(): { postern: string; node: string; abi: number } {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return { postern: manifest.version, node: process.versions.node, abi: 1 };
}
