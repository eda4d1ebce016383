import { Part } from '../../sdk/assemblyscript';

/** Octets that can be read from any place: a part, a file inside an archive, what was unpacked. */
export abstract class Octets {
  size: i32 = 0;

  /** Fills `buffer` from offset `at`; gives the octets copied, fewer at the end, 0 past it. */
  abstract read(at: i32, buffer: Uint8Array): i32;
}

/** No less than the end of a ZIP archive with the longest comment. */
const STEP: i32 = 66 * 1024;
let step: Uint8Array = new Uint8Array(0);

/** What is read through piece by piece goes through this one, made when it is first needed: memory is never freed, and parts may be many. */
export function stepBuffer(): Uint8Array {
  if (step.length == 0) step = new Uint8Array(STEP);
  return step;
}

/** A part's body, decoded. Reading on costs one pass, going back another: read it in as few as you can. */
export class PartOctets extends Octets {
  private part: Part;

  constructor(part: Part) {
    super();
    this.part = part;
    const encoding = part.encoding;
    const isCoded = encoding == 'base64' || encoding == 'quoted-printable';
    this.size = isCoded ? decodedSize(part) : part.size;
  }

  read(at: i32, buffer: Uint8Array): i32 {
    return this.part.read(at, buffer);
  }
}

function decodedSize(part: Part): i32 {
  const buffer = stepBuffer();
  let size = 0;
  for (let length = STEP; length == STEP; size += length) length = part.read(size, buffer);
  return size;
}

/** Some of other octets, without a copy. */
export class RangeOctets extends Octets {
  private whole: Octets;
  private start: i32;

  /** The range must be inside. */
  constructor(whole: Octets, start: i32, size: i32) {
    super();
    this.whole = whole;
    this.start = start;
    this.size = size;
  }

  read(at: i32, buffer: Uint8Array): i32 {
    if (at >= this.size) return 0;
    const length = min(buffer.length, this.size - at);
    return this.whole.read(this.start + at, buffer.subarray(0, length));
  }
}

export class MemoryOctets extends Octets {
  private octets: Uint8Array;

  constructor(octets: Uint8Array) {
    super();
    this.octets = octets;
    this.size = octets.length;
  }

  read(at: i32, buffer: Uint8Array): i32 {
    if (at >= this.size) return 0;
    const length = min(buffer.length, this.size - at);
    memory.copy(buffer.dataStart, this.octets.dataStart + at, length);
    return length;
  }
}

/** Exactly these, or null if there are fewer. */
export function readExactly(octets: Octets, at: i32, length: i32): Uint8Array | null {
  if (at < 0 || length < 0 || at > octets.size - length) return null;
  const buffer = new Uint8Array(length);
  return octets.read(at, buffer) == length ? buffer : null;
}

export function u16At(octets: Uint8Array, at: i32): i32 {
  return (<i32>octets[at]) | ((<i32>octets[at + 1]) << 8);
}

export function u32At(octets: Uint8Array, at: i32): i64 {
  return <i64>((<u32>u16At(octets, at)) | ((<u32>u16At(octets, at + 2)) << 16));
}

/** -1 for what is past 2^62: no archive in a mail has so much. */
export function u64At(octets: Uint8Array, at: i32): i64 {
  const high = u32At(octets, at + 4);
  return high >= 0x40000000 ? -1 : (high << 32) | u32At(octets, at);
}
