import { BinaryReader, encodeU32, MalformedBinary, SECTION, type WasmSection } from './binary.ts';

/**
 * The limits that are written into a module: neither Extism nor V8 lets a host cap what an instance may grow to, but both
 * obey the maximum that the module itself declares.
 */
export const PAGE_SIZE = 64 * 1024;

/** Elements a table may hold at most. Compilers make tables of a few thousand. */
export const TABLE_ELEMENTS = 100_000;
const TABLES = 16;

const HAS_MAXIMUM = 1;

/** The same sections with every memory and table capped. Throws MalformedBinary where the minimum is over the limit. */
export function capSections(sections: readonly WasmSection[], limits: { memoryMiB: number }): WasmSection[] {
  return sections.map((section) => {
    switch (section.id) {
      case SECTION.memory:
        return { id: section.id, body: capMemory(section.body, limits.memoryMiB) };
      case SECTION.table:
        return { id: section.id, body: capTables(section.body) };
      default:
        return section;
    }
  });
}

function capMemory(body: Uint8Array, memoryMiB: number): Uint8Array {
  const reader = new BinaryReader(body);
  const count = reader.u32();
  if (count > 1) throw new MalformedBinary(`it declares ${count} memories, one is allowed`);
  if (count === 0) return body;
  const { minimum, maximum } = readLimits(reader, 'memory');
  const allowed = Math.floor((memoryMiB * 1024 * 1024) / PAGE_SIZE);
  if (minimum > allowed) {
    const needed = Math.ceil((minimum * PAGE_SIZE) / (1024 * 1024));
    throw new MalformedBinary(
      `it needs ${needed} MiB of memory from the start, its limit is ${memoryMiB} MiB`,
    );
  }
  const capped = Math.min(maximum ?? allowed, allowed);
  return Uint8Array.from([1, HAS_MAXIMUM, ...encodeU32(minimum), ...encodeU32(capped)]);
}

function capTables(body: Uint8Array): Uint8Array {
  const reader = new BinaryReader(body);
  const count = reader.u32();
  if (count > TABLES) throw new MalformedBinary(`it declares ${count} tables, ${TABLES} are allowed`);
  const octets = encodeU32(count);
  for (let left = count; left > 0; left--) {
    const element = reader.byte();
    if (element !== 0x70 && element !== 0x6f) {
      throw new MalformedBinary(
        `it declares a table of type 0x${element.toString(16)}; funcref and externref are allowed`,
      );
    }
    const { minimum, maximum } = readLimits(reader, 'table');
    if (minimum > TABLE_ELEMENTS) {
      throw new MalformedBinary(`it declares a table of ${minimum} elements, ${TABLE_ELEMENTS} are allowed`);
    }
    const capped = Math.min(maximum ?? TABLE_ELEMENTS, TABLE_ELEMENTS);
    octets.push(element, HAS_MAXIMUM, ...encodeU32(minimum), ...encodeU32(capped));
  }
  return Uint8Array.from(octets);
}

export function readLimits(
  reader: BinaryReader,
  what: string,
): { minimum: number; maximum: number | undefined } {
  const flags = reader.byte();
  if (flags > HAS_MAXIMUM) {
    throw new MalformedBinary(
      `it declares a shared or 64-bit ${what} (flags 0x${flags.toString(16)}), which is not allowed`,
    );
  }
  const minimum = reader.u32();
  return { minimum, maximum: flags === HAS_MAXIMUM ? reader.u32() : undefined };
}
