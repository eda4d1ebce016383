import { readFileSync } from 'node:fs';
import { z } from 'zod';

const manifestSchema = z.object({ version: z.string() });

/** What `postern version` prints. */
export function version(): { postern: string; node: string; abi: number } {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return { postern: manifestSchema.parse(manifest).version, node: process.versions.node, abi: 1 };
}
