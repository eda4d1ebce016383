import { createPlugin, type ExtismPluginOptions } from '@extism/extism';
import { describeError } from '../base/errors.ts';
import type { Call, CallSlot } from './call.ts';
import { abiFunctions } from './host-abi.ts';
import { ABI_MODULE, KERNEL_MODULE, WASI_MODULE } from './imports.ts';
import { kernelFunctions } from './kernel.ts';
import { cleanText } from './logbook.ts';
import { wasiFunctions } from './wasi.ts';

/**
 * Runs plugins in this thread: a fresh Extism instance for every call, which is dropped after it.
 *
 * Extism links and starts the module. The export is then called on the instance itself, since `Plugin.call` throws its
 * return code away; input and output pass through our own kernel (`kernel.ts`), where `Plugin.call` would use Extism's. One call of
 * a trivial plugin takes about 40 µs.
 */
export class GuestRunner {
  readonly #slot: CallSlot = { call: undefined };
  readonly #functions: Functions;
  readonly #options = new WeakMap<WebAssembly.Module, ExtismPluginOptions>();

  constructor() {
    const slot = this.#slot;
    this.#functions = {
      [KERNEL_MODULE]: unbound(kernelFunctions(slot)),
      [ABI_MODULE]: unbound(abiFunctions(slot)),
      [WASI_MODULE]: unbound(wasiFunctions(slot)),
    };
  }

  /** Calls an export. Returns why it failed, or undefined; what it said is in `call`. */
  async run(
    module: WebAssembly.Module,
    options: { exportName: string; call: Call },
  ): Promise<string | undefined> {
    const { exportName, call } = options;
    this.#slot.call = call;
    try {
      const plugin = await createPlugin(module, this.#optionsFor(module));
      const { exports } = await plugin.getInstance();
      call.attach(exports['memory'] instanceof WebAssembly.Memory ? exports['memory'] : undefined);
      // A WASI reactor sets up its runtime here; Extism leaves that to the host, unless its own WASI is used.
      if (isFunction(exports['_initialize'])) exports['_initialize']();
      const entry = exports[exportName];
      if (!isFunction(entry)) return `it has no export "${exportName}"`;
      const code = entry();
      return call.fault ?? (code === 0 ? undefined : `it returned ${String(code)}`);
    } catch (thrown) {
      return call.fault ?? causeOf(thrown);
    } finally {
      this.#slot.call = undefined;
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

type Functions = Record<string, Record<string, (context: unknown, ...args: unknown[]) => unknown>>;

/** Extism passes its own context first; ours is the call in the slot. */
function unbound(functions: Record<string, (...args: never[]) => unknown>): Functions[string] {
  const wrapped: Functions[string] = {};
  for (const [name, body] of Object.entries(functions)) {
    wrapped[name] = (_context, ...args) => Reflect.apply(body, undefined, args);
  }
  return wrapped;
}

function isFunction(value: unknown): value is () => unknown {
  return typeof value === 'function';
}

function causeOf(thrown: unknown): string {
  if (thrown instanceof WebAssembly.RuntimeError) return `it trapped: ${thrown.message}`;
  if (thrown instanceof RangeError && thrown.message.includes('call stack'))
    return 'it trapped: its stack overflowed';
  return `it ended with an exception: ${cleanText(Buffer.from(describeError(thrown))).slice(0, 300)}`;
}
