import { Blocks } from './blocks.ts';
import { enterCall, type Call, type CallSlot } from './call.ts';
import { copyOf } from './guest-octets.ts';
import type { KernelCall } from './imports.ts';
import { cleanText, type LogLevel } from './logbook.ts';

/**
 * Extism's own calls (`extism:host/env`): input, output, host memory, config, variables and logs. The JavaScript SDK's versions
 * are replaced by these, because those hold what a guest allocates, sets or logs without any bound.
 */
export type KernelFunctions = Record<KernelCall, (...args: never[]) => bigint | number | void>;

/** Extism numbers its log levels 0 (trace) to 4 (error); everything from debug on is taken. */
const LOG_LEVEL_DEBUG = 1;

export function kernelFunctions(slot: CallSlot): KernelFunctions {
  let memory: KernelMemory | undefined;
  const enter = (): KernelMemory => {
    const call = enterCall(slot);
    if (memory?.call !== call) memory = new KernelMemory(call);
    return memory;
  };
  const log = (level: LogLevel) => (address: bigint) => {
    const { call, blocks } = enter();
    call.log.add(level, blocks.octets(address));
  };
  return {
    alloc: (size: bigint) => enter().blocks.allocate(size),
    free: (address: bigint) => enter().blocks.free(address),
    length: (address: bigint) => enter().blocks.length(address),
    length_unsafe: (address: bigint) => enter().blocks.length(address),
    load_u8(address: bigint) {
      const { view, offset } = enter().blocks.at(address, 1);
      return view.getUint8(offset);
    },
    load_u64(address: bigint) {
      const { view, offset } = enter().blocks.at(address, 8);
      return view.getBigUint64(offset, true);
    },
    store_u8(address: bigint, value: number) {
      const { view, offset } = enter().blocks.at(address, 1);
      view.setUint8(offset, value);
    },
    store_u64(address: bigint, value: bigint) {
      const { view, offset } = enter().blocks.at(address, 8);
      view.setBigUint64(offset, value, true);
    },
    input_offset: () => enter().inputAddress(),
    input_length: () => BigInt(enter().call.setup.input.length),
    input_load_u8(offset: bigint) {
      const memory = enter();
      return memory.input.getUint8(memory.inputOffset(offset, 1));
    },
    input_load_u64(offset: bigint) {
      const memory = enter();
      return memory.input.getBigUint64(memory.inputOffset(offset, 8), true);
    },
    output_set: (address: bigint, length: bigint) => enter().setOutput(address, length),
    error_set(address: bigint) {
      const { call, blocks } = enter();
      call.fail(call.giveUp(`it says: ${cleanText(blocks.octets(address).subarray(0, 400))}`));
    },
    config_get: (key: bigint) => enter().config(key),
    var_get: (key: bigint) => enter().getVariable(key),
    var_set: (key: bigint, value: bigint) => enter().setVariable(key, value),
    log_trace: log('debug'),
    log_debug: log('debug'),
    log_info: log('info'),
    log_warn: log('warn'),
    log_error: log('error'),
    get_log_level() {
      enter();
      return LOG_LEVEL_DEBUG;
    },
  };
}

/** What the kernel keeps for one call. */
class KernelMemory {
  readonly call: Call;
  readonly blocks: Blocks;
  readonly #variables = new Map<string, Uint8Array>();
  readonly input: DataView;
  #inputAddress: bigint | undefined;

  constructor(call: Call) {
    const { input } = call.setup;
    this.call = call;
    this.blocks = new Blocks(call);
    this.input = new DataView(input.buffer, input.byteOffset, input.byteLength);
  }

  inputAddress(): bigint {
    this.#inputAddress ??= this.blocks.store(this.call.setup.input);
    return this.#inputAddress;
  }

  inputOffset(offset: bigint, octets: number): number {
    const start = Number(BigInt.asUintN(64, offset));
    if (start + octets > this.input.byteLength) {
      this.call.fail(
        `it read ${octets} octets of its input at ${start}, outside its ${this.input.byteLength}`,
      );
    }
    return start;
  }

  setOutput(address: bigint, length: bigint): void {
    const size = Number(BigInt.asUintN(64, length));
    const { outputBytes } = this.call.setup.limits;
    if (size > outputBytes)
      this.call.fail(`its output has ${size} octets, at most ${outputBytes} are allowed`);
    if (size === 0) {
      this.call.output = undefined;
      return;
    }
    const { view, offset } = this.blocks.at(address, size);
    this.call.output = new Uint8Array(view.buffer, view.byteOffset + offset, size);
  }

  config(key: bigint): bigint {
    return cleanText(this.blocks.octets(key)) === 'settings'
      ? this.blocks.store(this.call.setup.settings)
      : 0n;
  }

  getVariable(key: bigint): bigint {
    const value = this.#variables.get(nameOf(this.blocks.octets(key)));
    return value === undefined ? 0n : this.blocks.store(value);
  }

  setVariable(key: bigint, address: bigint): void {
    const name = nameOf(this.blocks.octets(key));
    const before = this.#variables.get(name);
    if (before !== undefined) this.blocks.release(variableSize(name, before));
    this.#variables.delete(name);
    if (address === 0n) return;
    const octets = this.blocks.octets(address);
    // Before the copy: a variable must not get past the limit even for a moment.
    this.blocks.hold(variableSize(name, octets));
    this.#variables.set(name, copyOf(octets));
  }
}

const VARIABLE_OVERHEAD = 128;

// One character an octet: names are compared, never shown, and no two may become the same.
const nameOf = (octets: Uint8Array): string => Buffer.from(octets).toString('latin1');

const variableSize = (name: string, value: Uint8Array): number =>
  name.length + value.length + VARIABLE_OVERHEAD;
