import type { AsServer } from '../author/cases.ts';
import { effectiveService } from './effective-service.ts';
import { readPackage } from './package-file.ts';
import type { PluginSource } from '../sandbox/sandbox.ts';

/** A plugin's file to be tried, and what a server would make of a service that runs it. */
export async function readSubject(path: string): Promise<{ plugin: PluginSource; asServer: AsServer }> {
  const { binary, manifest } = await readPackage(path);
  const known = manifest !== undefined && 'manifest' in manifest ? manifest.manifest : undefined;
  return { plugin: { where: path, binary }, asServer: (said) => effectiveService(said, known) };
}
