import type { Call } from './call.ts';
import { copyOf, zeros } from './guest-octets.ts';

/**
 * Extism's host memory: blocks that a guest allocates and names by address. Extism's own keeps them without any bound, so this
 * takes its place: what all blocks of a call hold at one time is limited, each block counting at least BLOCK_OVERHEAD.
 *
 * An address is `block number × 2^32 + offset`; block 0 is the null address. Any address that names nothing is a trap. Numbers go
 * on from call to call of an instance, so an address that a plugin has kept from an earlier call names nothing.
 */
export const HOST_MEMORY_LIMIT = 8 * 1024 * 1024;

/** What V8 and the allocator take for a block besides its octets: 330 to 370 were seen. */
const BLOCK_OVERHEAD = 384;
const BLOCK_SPAN = 2 ** 32;
/** Blocks that one call may allocate. Numbers go up to twice as much, so that every address is a whole number to JavaScript. */
export const HOST_BLOCKS = 2 ** 20;

export class Blocks {
  readonly #call: Call;
  readonly #blocks: (DataView | undefined)[] = [];
  /** The number of the first of them. */
  readonly #first: number;
  #held = 0;

  constructor(call: Call) {
    this.#call = call;
    this.#first = call.nextBlock;
  }

  /** A new block of zeros; its address. */
  allocate(size: bigint): bigint {
    const length = Number(BigInt.asUintN(64, size));
    this.hold(length + BLOCK_OVERHEAD);
    return this.#add(zeros(length));
  }

  /** A new block with a copy of these octets; its address. */
  store(octets: Uint8Array): bigint {
    this.hold(octets.length + BLOCK_OVERHEAD);
    return this.#add(copyOf(octets));
  }

  free(address: bigint): void {
    const index = this.#indexOf(address);
    const block = this.#blocks[index];
    if (block === undefined) return; // freeing null or twice is harmless
    this.#held -= block.byteLength + BLOCK_OVERHEAD;
    this.#blocks[index] = undefined;
  }

  /** Octets of the block at this address, 0 if there is none: a guest may ask. */
  length(address: bigint): bigint {
    return BigInt(this.#blocks[this.#indexOf(address)]?.byteLength ?? 0);
  }

  /** The block at this address with the offset in it, for `octets` octets. */
  at(address: bigint, octets: number): { view: DataView; offset: number } {
    const value = Number(BigInt.asUintN(64, address));
    const number = Math.floor(value / BLOCK_SPAN);
    const offset = value - number * BLOCK_SPAN;
    const view = this.#blocks[number - this.#first];
    if (view === undefined || offset + octets > view.byteLength) {
      this.#call.fail(`it named ${octets} octets of host memory at ${value}, where there is no such block`);
    }
    return { view, offset };
  }

  /** From this address to the end of its block. */
  octets(address: bigint): Uint8Array {
    const { view, offset } = this.at(address, 0);
    return new Uint8Array(view.buffer, view.byteOffset + offset, view.byteLength - offset);
  }

  /** Counts octets that are kept on the guest's behalf. */
  hold(octets: number): void {
    if (this.#held + octets > HOST_MEMORY_LIMIT) {
      this.#call.fail(`it holds more than ${HOST_MEMORY_LIMIT} octets of host memory`);
    }
    this.#held += octets;
    this.#call.hostBytes = Math.max(this.#call.hostBytes, this.#held);
  }

  release(octets: number): void {
    this.#held -= octets;
  }

  #add({ buffer, byteOffset, byteLength }: Uint8Array): bigint {
    if (this.#blocks.length >= HOST_BLOCKS)
      this.#call.fail(`it allocated more than ${HOST_BLOCKS} blocks of host memory`);
    const number = this.#first + this.#blocks.length;
    this.#blocks.push(new DataView(buffer, byteOffset, byteLength));
    this.#call.nextBlock = number + 1;
    return BigInt(number) * BigInt(BLOCK_SPAN);
  }

  #indexOf(address: bigint): number {
    return Math.floor(Number(BigInt.asUintN(64, address)) / BLOCK_SPAN) - this.#first;
  }
}
