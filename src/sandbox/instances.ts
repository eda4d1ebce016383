import { createPlugin, type ExtismPluginOptions } from '@extism/extism';
import type { Service } from '../ocp/service.ts';
import { Call, type CallSetup, type CallSlot } from './call.ts';
import { causeOf } from './fault-cause.ts';
import { abiFunctions } from './host-abi.ts';
import { ABI_MODULE, KERNEL_MODULE, WASI_MODULE } from './imports.ts';
import { kernelFunctions } from './kernel.ts';
import { wasiFunctions } from './wasi.ts';

/** What of a service its calls go by. The object stands for the service: what belongs to one is not used for another. */
export type GuestService = Pick<Service, 'limits' | 'settings' | 'allowModify' | 'callsPerInstance'>;

/** A service and the module of its plugin. */
export interface Guest {
  readonly service: GuestService;
  readonly module: WebAssembly.Module;
}

/** A plugin's module, linked, started and initialised. */
export interface Instance {
  readonly exports: WebAssembly.Instance['exports'];
  readonly memory: WebAssembly.Memory | undefined;
  /** What it did while it was made. Its log lines belong to the first call. */
  readonly making: Call;
  /** Calls that it has answered. */
  calls: number;
  /** The number of the next block of host memory (`blocks.ts`): no two of an instance's calls have the same addresses. */
  nextBlock: number;
}

/** Makes instances in this thread: Extism links and starts the module, with host calls that are all our own. */
export class InstanceMaker {
  readonly #slot: CallSlot;
  readonly #functions: Functions;
  readonly #options = new WeakMap<WebAssembly.Module, ExtismPluginOptions>();

  constructor(slot: CallSlot) {
    this.#slot = slot;
    this.#functions = {
      [KERNEL_MODULE]: unbound(kernelFunctions(slot), slot),
      [ABI_MODULE]: unbound(abiFunctions(slot), slot),
      [WASI_MODULE]: unbound(wasiFunctions(slot), slot),
    };
  }

  /**
   * An instance, made under a call of its own (`making`), which has the service's limits and nothing else: no input, no message, no
   * state. So what a plugin finds in its start function and in `_initialize` is the same whether or not a mail waits for it. Throws
   * what the plugin throws; `making.fault` is the cause, if it has one.
   */
  async make(module: WebAssembly.Module, making: Call): Promise<Instance> {
    this.#slot.call = making;
    try {
      const plugin = await createPlugin(module, this.#optionsFor(module));
      const { exports } = await plugin.getInstance();
      const memory = exports['memory'] instanceof WebAssembly.Memory ? exports['memory'] : undefined;
      const instance: Instance = { exports, memory, making, calls: 0, nextBlock: 1 };
      making.attach(instance);
      // A WASI reactor sets up its runtime here; Extism leaves that to the host, unless its own WASI is used.
      if (isFunction(exports['_initialize'])) exports['_initialize']();
      // It may have caught what was thrown through it.
      if (making.fault !== undefined) making.fail(making.fault);
      return instance;
    } finally {
      this.#slot.call = undefined;
      making.detach();
    }
  }

  /** Only what the module imports: Extism binds every function that it is given anew for each instance. */
  #optionsFor(module: WebAssembly.Module): ExtismPluginOptions {
    const known = this.#options.get(module);
    if (known !== undefined) return known;
    const functions: Functions = {};
    for (const { module: space, name } of WebAssembly.Module.imports(module)) {
      (functions[space] ??= {})[name] = this.#functions[space]![name]!;
    }
    // All of them: where one is missing, Extism gives a copy of these a default, and a new shape, at each call.
    const options: ExtismPluginOptions = {
      functions,
      useWasi: false,
      enableWasiOutput: false,
      runInWorker: false,
      allowedPaths: {},
      allowedHosts: [],
      logger: console,
      config: {},
      fetch,
    };
    this.#options.set(module, options);
    return options;
  }
}

const NOTHING = new Uint8Array();

/** The call under which an instance is made. */
export function makingCall({ limits, settings }: Pick<CallSetup, 'limits' | 'settings'>): Call {
  return new Call({ limits, settings, input: NOTHING, smtputf8: false });
}

export function isFunction(value: unknown): value is () => unknown {
  return typeof value === 'function';
}

type Functions = Record<string, Record<string, (context: unknown, ...args: unknown[]) => unknown>>;

/**
 * Extism passes its own context first; ours is the call in the slot. Whatever is thrown out of a host call has left it half done, so it ends
 * the guest's call, also where the guest catches it.
 */
function unbound(
  functions: Record<string, (...args: never[]) => unknown>,
  slot: CallSlot,
): Functions[string] {
  const wrapped: Functions[string] = {};
  for (const [name, body] of Object.entries(functions)) {
    wrapped[name] = (_context, ...args) => {
      try {
        return Reflect.apply(body, undefined, args);
      } catch (thrown) {
        if (slot.call !== undefined) slot.call.fault ??= causeOf(thrown);
        throw thrown;
      }
    };
  }
  return wrapped;
}
