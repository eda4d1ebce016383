/**
 * The outline of a WebAssembly binary (core specification, section 5.5): enough to audit and to cap a module before the
 * engine sees it, no more. The engine validates the rest.
 *
 * Reads anything without crashing: a malformed binary is a `MalformedBinary` that names what is wrong and where.
 */
export interface WasmSection {
  readonly id: number;
  /** The contents, without id and size. */
  readonly body: Uint8Array;
}

/** What a binary says that is no WebAssembly module, or not one that can be read. */
export class MalformedBinary extends Error {
  override readonly name = 'MalformedBinary';
}

export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  element: 9,
  code: 10,
} as const;

const KiB = 1024;

/** How many sections a module may have. Compilers write a dozen, and some custom ones. */
const SECTIONS = 1000;

/**
 * Octets that a section may have. Each entry costs whoever reads it, and later the engine, much more than the octet or two that it
 * takes in the file: a segment of elements becomes a list in the JavaScript heap, where one that is too large ends not the thread
 * but the process. Modules of compilers stay far below.
 */
const SECTION_SIZES: ReadonlyMap<number, { readonly name: string; readonly most: number }> = new Map([
  [SECTION.type, { name: 'types', most: 256 * KiB }],
  [SECTION.import, { name: 'imports', most: 128 * KiB }],
  [SECTION.function, { name: 'functions', most: 1024 * KiB }],
  [SECTION.global, { name: 'globals', most: 1024 * KiB }],
  [SECTION.export, { name: 'exports', most: 256 * KiB }],
  // Four octets for each element that a table may hold (`caps.ts`).
  [SECTION.element, { name: 'elements', most: 400 * KiB }],
]);

/** Octets of one function. What the engine's compilers take grows with it, and is in no limit. */
const FUNCTION_SIZE = 1024 * KiB;

/** The sections in order. Throws MalformedBinary. */
export function readSections(binary: Uint8Array): WasmSection[] {
  if (binary.length === 0) throw new MalformedBinary('the file is empty');
  if (
    binary.length < 8 ||
    binary[0] !== 0 ||
    binary[1] !== 0x61 ||
    binary[2] !== 0x73 ||
    binary[3] !== 0x6d
  ) {
    throw new MalformedBinary('it is not WebAssembly: it does not begin with \\0asm');
  }
  if (binary[4] !== 1 || binary[5] !== 0 || binary[6] !== 0 || binary[7] !== 0) {
    throw new MalformedBinary(
      'it is WebAssembly of another kind than a core module of version 1 (a component, perhaps)',
    );
  }
  const reader = new BinaryReader(binary, 8);
  const sections: WasmSection[] = [];
  const seen = new Set<number>();
  while (!reader.atEnd) {
    const id = reader.byte();
    const size = reader.u32();
    if (size > reader.left) {
      throw new MalformedBinary(
        `it is truncated: section ${id} at octet ${reader.offset} has ${size} octets, ${reader.left} are left`,
      );
    }
    const bound = SECTION_SIZES.get(id);
    if (bound !== undefined && size > bound.most) {
      throw new MalformedBinary(
        `its section of ${bound.name} has ${size} octets, at most ${bound.most} are allowed`,
      );
    }
    if (sections.length === SECTIONS)
      throw new MalformedBinary(`it has more than ${SECTIONS} sections, so many are allowed`);
    if (id !== SECTION.custom && seen.has(id))
      throw new MalformedBinary(`it is malformed: it has section ${id} twice`);
    seen.add(id);
    const body = reader.bytes(size);
    if (id === SECTION.code) checkFunctions(body);
    sections.push({ id, body });
  }
  return sections;
}

function checkFunctions(code: Uint8Array): void {
  const reader = new BinaryReader(code);
  for (let left = reader.u32(); left > 0; left--) {
    const size = reader.u32();
    if (size > FUNCTION_SIZE) {
      throw new MalformedBinary(
        `one of its functions has ${size} octets, at most ${FUNCTION_SIZE} are allowed`,
      );
    }
    reader.bytes(size);
  }
}

/** A binary made of these sections. */
export function writeSections(sections: readonly WasmSection[]): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)];
  for (const { id, body } of sections) parts.push(Uint8Array.of(id, ...encodeU32(body.length)), body);
  return Buffer.concat(parts);
}

/** LEB128, as the format writes its numbers. */
export function encodeU32(value: number): number[] {
  const octets: number[] = [];
  let rest = value >>> 0;
  do {
    const low = rest & 0x7f;
    rest >>>= 7;
    octets.push(rest === 0 ? low : low | 0x80);
  } while (rest !== 0);
  return octets;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads the values that sections are made of. Every method throws MalformedBinary at the end of the octets. */
export class BinaryReader {
  readonly #octets: Uint8Array;
  #offset: number;

  constructor(octets: Uint8Array, offset = 0) {
    this.#octets = octets;
    this.#offset = offset;
  }

  get offset(): number {
    return this.#offset;
  }

  get left(): number {
    return this.#octets.length - this.#offset;
  }

  get atEnd(): boolean {
    return this.left === 0;
  }

  byte(): number {
    const value = this.#octets[this.#offset];
    if (value === undefined) throw new MalformedBinary(`it is truncated: it ends at octet ${this.#offset}`);
    this.#offset += 1;
    return value;
  }

  /** An unsigned LEB128 number of at most 32 bits. */
  u32(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const octet = this.byte();
      value += (octet & 0x7f) * 2 ** shift;
      if (octet < 0x80) {
        if (value > 0xffff_ffff) break;
        return value;
      }
    }
    throw new MalformedBinary(
      `it is malformed: the number before octet ${this.#offset} has more than 32 bits`,
    );
  }

  bytes(length: number): Uint8Array {
    if (length > this.left)
      throw new MalformedBinary(`it is truncated: it ends at octet ${this.#offset + this.left}`);
    const part = this.#octets.subarray(this.#offset, this.#offset + length);
    this.#offset += length;
    return part;
  }

  name(): string {
    const octets = this.bytes(this.u32());
    try {
      return UTF8.decode(octets);
    } catch {
      throw new MalformedBinary(`it is malformed: the name before octet ${this.#offset} is not UTF-8`);
    }
  }
}
