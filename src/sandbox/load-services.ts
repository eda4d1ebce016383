import type { Service } from '../ocp/service.ts';
import {
  checkPlugin,
  compilePlugin,
  type CheckedPlugin,
  type Loaded,
  type PluginModule,
} from './plugin-module.ts';

/** Why a service can't be asked. */
export interface PluginProblem {
  readonly service: string;
  /** What the source says of itself. */
  readonly where: string;
  readonly reason: string;
}

/** A plugin's octets and where they are from, for people: a path, or an id with its version. Or why there are none. */
export type PluginSource = { readonly where: string } & (
  { readonly binary: Uint8Array } | { readonly reasons: readonly string[] }
);

/** A service with its plugin: compiled for worker threads; only checked for a confined process; or why there is none. */
export interface SourcedService {
  readonly service: Service;
  readonly where: string;
  readonly plugin: PluginModule | CheckedPlugin | { readonly reason: string };
}

/** Reads, checks and compiles the plugins of all services, each once for each memory limit. What is wrong with any is a problem. */
export async function loadServices(options: {
  readonly services: readonly Service[];
  readonly readPlugin: (plugin: string) => Promise<PluginSource>;
  readonly problems: PluginProblem[];
}): Promise<SourcedService[]> {
  const reading = new Map<string, Promise<PluginSource>>();
  const read = (plugin: string): Promise<PluginSource> => {
    const source = reading.get(plugin) ?? options.readPlugin(plugin);
    reading.set(plugin, source);
    return source;
  };
  const compiling = new Map<string, Promise<Loaded>>();
  const load = async (service: Service): Promise<Pick<SourcedService, 'where'> & { loaded: AnyLoaded }> => {
    const { plugin, isolation, limits } = service;
    const source = await read(plugin);
    const { where } = source;
    if ('reasons' in source) return { where, loaded: source };
    const { memoryMiB } = limits;
    // Compiling runs the engine over it, and that is not to meet in this process what the operator does not trust in it.
    if (isolation === 'process') return { where, loaded: checkPlugin(source.binary, { memoryMiB }) };
    const key = `${memoryMiB} ${plugin}`;
    const loaded = compiling.get(key) ?? compilePlugin(source.binary, { memoryMiB });
    compiling.set(key, loaded);
    return { where, loaded: await loaded };
  };
  return Promise.all(
    options.services.map(async (service): Promise<SourcedService> => {
      const { where, loaded } = await load(service);
      if ('plugin' in loaded) return { service, where, plugin: loaded.plugin };
      for (const reason of loaded.reasons) options.problems.push({ service: service.name, where, reason });
      const reason = `its plugin ${where} did not load: ${loaded.reasons.join('; ')}`;
      return { service, where, plugin: { reason } };
    }),
  );
}

type AnyLoaded = Loaded | ReturnType<typeof checkPlugin>;
