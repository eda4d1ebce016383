import type { AsServer } from '../author/cases.ts';
import type { PluginSource } from '../sandbox/sandbox.ts';
import { effectiveService } from './effective-service.ts';
import { readPackage } from './package-file.ts';
import { settingsFindings } from './settings-findings.ts';

/** A plugin's file to be tried, and what a server would make of services that run it. */
export async function readSubject(path: string): Promise<{ plugin: PluginSource; asServer: AsServer }> {
  const { binary, manifest } = await readPackage(path);
  const known = manifest !== undefined && 'manifest' in manifest ? manifest.manifest : undefined;
  return {
    plugin: { where: path, binary },
    async asServer(said) {
      const unfit = await settingsFindings(said, { manifestOf: () => known });
      return said.map((one) => {
        const { service, problems } = effectiveService(one, known);
        return { service, problems: [...problems, ...(unfit.get(one.name) ?? [])] };
      });
    },
  };
}
