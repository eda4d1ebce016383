import type { Log } from '../base/log.ts';
import type { Config, ServiceConfig } from '../config/config.ts';
import type { LoadedConfig } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import type { Blobs } from '../ocp/blob.ts';
import type { Consent } from '../ocp/consent.ts';
import type { KeyValues } from '../ocp/key-value.ts';
import type { Manifest } from '../ocp/manifest.ts';
import { formatPackageName } from '../ocp/package-name.ts';
import type { CalloutService, Service } from '../ocp/service.ts';
import { digestOf } from '../sandbox/digest.ts';
import { createSandbox } from '../sandbox/sandbox.ts';
import { capabilitiesOf, type Capabilities } from './capabilities.ts';
import { waitingForConsent } from './consents.ts';
import { effectiveService, type Need, type ServiceFinding } from './effective-service.ts';
import { readPlugin, type PluginRead } from './plugin-source.ts';
import { settingsFindings } from './settings-findings.ts';

export interface OpenOptions {
  readonly log: Log;
  /** What a running server has. Without it capabilities are out of order. */
  readonly keyValues?: KeyValues;
  readonly blobs?: Blobs;
  /** By id: consent that is about to be recorded, and counts as if it were. */
  readonly consents?: ReadonlyMap<string, Consent>;
}

export interface OpenedSandbox {
  readonly sandbox: CalloutService;
  /** Those that are enabled and fit and did load, with what their packages say filled in. */
  readonly services: readonly Service[];
  /** Of each of these services, by its name. */
  readonly plugins: ReadonlyMap<string, LoadedPlugin>;
  /** One line with file and place for each thing that keeps a service from running. */
  readonly problems: string[];
  /** The same for what is allowed and may be a mistake. */
  readonly warnings: string[];
  /** What services lack that a command can give them. */
  readonly needs: readonly { readonly service: string; readonly need: Need }[];
}

/** What is known of a plugin that was read. */
export interface LoadedPlugin {
  readonly where: string;
  readonly digest: string;
  /** `vendor/name@version`, if it has a manifest. */
  readonly package: string | undefined;
}

/**
 * The sandbox for a config's services. Each plugin is read once, and what was read is what is judged, what its service is made from, and
 * what is compiled.
 */
export async function openSandbox(
  { config, problemAt }: LoadedConfig,
  { log, keyValues, blobs, consents }: OpenOptions,
): Promise<OpenedSandbox> {
  const enabled = config.services.filter((service) => service.enabled);
  const sources = await readPlugins(new Set(enabled.map(({ plugin }) => plugin)), config);
  const manifestOf = ({ plugin }: ServiceConfig): Manifest | undefined => {
    const source = sources.get(plugin)!;
    return 'manifest' in source ? source.manifest : undefined;
  };
  const waiting = await waitingForConsent(sources.values(), { config, consents });
  const unfitSettings = await settingsFindings(enabled, { manifestOf, config });
  const services: Service[] = [];
  const plugins = new Map<string, LoadedPlugin>();
  const problems: string[] = [];
  const warnings: string[] = [];
  const needs: { service: string; need: Need }[] = [];
  for (const said of enabled) {
    const at = ({ path, message }: ServiceFinding): string =>
      formatProblem(problemAt(['services', said.name, ...path], message));
    const effective = effectiveService(said, manifestOf(said));
    const unfit = [
      ...(waiting.get(said.plugin) ?? []),
      ...effective.problems,
      ...(unfitSettings.get(said.name) ?? []),
    ];
    problems.push(...unfit.map(at));
    needs.push(...unfit.flatMap(({ need }) => (need === undefined ? [] : [{ service: said.name, need }])));
    warnings.push(...effective.warnings.map(at));
    const source = sources.get(said.plugin)!;
    if ('binary' in source) plugins.set(said.name, loadedPlugin(source));
    if ('isUnsigned' in source && source.isUnsigned) {
      const message = `${source.where}: it is unsigned, and runs because of plugins.allowUnsigned`;
      warnings.push(at({ path: ['plugin'], message }));
    }
    if (unfit.length === 0) services.push(effective.service);
  }
  const capabilities = keyValues && capabilitiesOf(services, { log, keyValues, blobs, settings: config });
  const { sandbox, problems: found } = await createSandbox({
    services,
    readPlugin: async (plugin) => sources.get(plugin)!,
    ...(capabilities && { capabilities }),
    log,
    ...config.sandbox,
  });
  for (const { service, where, reason } of found)
    problems.push(formatProblem(problemAt(['services', service, 'plugin'], `${where}: ${reason}`)));
  const broken = new Set(found.map(({ service }) => service));
  return {
    sandbox: capabilities === undefined ? sandbox : closingWith(sandbox, capabilities),
    services: services.filter(({ name }) => !broken.has(name)),
    plugins,
    problems,
    warnings,
    needs,
  };
}

/** The sandbox, which takes what its plugins reach with it when it is closed. */
function closingWith(sandbox: CalloutService, capabilities: Capabilities): CalloutService {
  return {
    run: (job) => sandbox.run(job),
    answers: (service, stage) => sandbox.answers(service, stage),
    wantsParts: (service) => sandbox.wantsParts(service),
    partTable: (image) => sandbox.partTable(image),
    openBreakers: () => sandbox.openBreakers(),
    async close() {
      await sandbox.close();
      await capabilities.close();
    },
  };
}

const loadedPlugin = ({
  where,
  binary,
  manifest,
}: Extract<PluginRead, { binary: Uint8Array }>): LoadedPlugin => ({
  where,
  digest: digestOf(binary),
  package: manifest && formatPackageName(manifest),
});

async function readPlugins(plugins: Iterable<string>, config: Config): Promise<Map<string, PluginRead>> {
  const read = [...plugins].map(async (plugin): Promise<[string, PluginRead]> => [
    plugin,
    await readPlugin(plugin, config),
  ]);
  return new Map(await Promise.all(read));
}
