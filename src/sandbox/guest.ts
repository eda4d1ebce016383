import { causeOf } from './fault-cause.ts';
import type { Call, CallSlot } from './call.ts';
import {
  InstanceMaker,
  isFunction,
  makingCall,
  type Guest,
  type GuestService,
  type Instance,
} from './instances.ts';
import { Litter } from './litter.ts';
import { Stock } from './stock.ts';

/**
 * Runs plugins in this thread: a fresh instance for every call, which is dropped after it, unless the operator has let the
 * service's instances answer several (`callsPerInstance`). One that is slow to make may be made before it is needed (`stock.ts`).
 *
 * The export is called on the instance itself, since Extism's `Plugin.call` throws its return code away; input and output pass
 * through our own kernel (`kernel.ts`), where `Plugin.call` would use Extism's. One call of a trivial plugin takes about 40 µs.
 */
export class GuestRunner {
  readonly #slot: CallSlot = { call: undefined };
  readonly #maker = new InstanceMaker(this.#slot);
  readonly #stock = new Stock();
  readonly #litter = new Litter();

  /**
   * Calls an export of a service's plugin. Returns why it failed, or undefined; what it said is in `call`. The instance may answer the
   * next call of this service, so whoever finds later that this one failed says `discard`.
   */
  async run(guest: Guest, options: { exportName: string; call: Call }): Promise<string | undefined> {
    const { service } = guest;
    const { call } = options;
    const instance = this.#stock.take(service) ?? (await this.#makeMeasured(guest));
    // What it logged while it was made comes first, within the same limit.
    if ('fault' in instance || instance.calls === 0) call.log = instance.making.log;
    if ('fault' in instance) return instance.fault;
    const fault = this.#enter(instance, options);
    if (fault !== undefined || !this.#stock.keep(service, instance))
      this.#litter.add(call.memoryBytes + INSTANCE_BYTES);
    return fault;
  }

  /** Calls an export in an instance that is for nothing else. */
  async runOnce(guest: Guest, options: { exportName: string; call: Call }): Promise<string | undefined> {
    const made = await this.#make(guest);
    return 'fault' in made ? made.fault : this.#enter(made, options);
  }

  /** The last call of this service has failed after all: its instance answers no other. */
  discard(service: GuestService): void {
    this.#stock.discard(service);
  }

  /** The services that had better have an instance made before it is needed. */
  get lacking(): readonly GuestService[] {
    return this.#stock.lacking;
  }

  /** Makes an instance for the next call of a service. Returns why that failed, or undefined. */
  async prepare(guest: Guest): Promise<string | undefined> {
    const made = await this.#makeMeasured(guest);
    if ('fault' in made) return made.fault;
    this.#stock.put(guest.service, made);
    return undefined;
  }

  async #makeMeasured(guest: Guest): Promise<Instance | Unmade> {
    const startedMs = performance.now();
    const made = await this.#make(guest);
    if (!('fault' in made)) this.#stock.measure(guest.service, performance.now() - startedMs);
    return made;
  }

  async #make({ service, module }: Guest): Promise<Instance | Unmade> {
    const making = makingCall({
      limits: service.limits,
      settings: Buffer.from(JSON.stringify(service.settings)),
    });
    try {
      return await this.#maker.make(module, making);
    } catch (thrown) {
      return { making, fault: making.fault ?? causeOf(thrown) };
    }
  }

  #enter(instance: Instance, { exportName, call }: { exportName: string; call: Call }): string | undefined {
    this.#slot.call = call;
    try {
      call.attach(instance);
      const entry = instance.exports[exportName];
      if (!isFunction(entry)) return `it has no export "${exportName}"`;
      const code = entry();
      return call.fault ?? (code === 0 ? undefined : call.giveUp(`it returned ${String(code)}`));
    } catch (thrown) {
      return call.fault ?? call.giveUp(causeOf(thrown));
    } finally {
      this.#slot.call = undefined;
      call.detach();
      instance.calls += 1;
      instance.nextBlock = call.nextBlock;
    }
  }
}

/** What V8 keeps of an instance besides its memory, about, and of the call in it, until it collects garbage. */
const INSTANCE_BYTES = 64 * 1024;

/** What came of an instance that could not be made. */
type Unmade = Pick<Instance, 'making'> & { readonly fault: string };
