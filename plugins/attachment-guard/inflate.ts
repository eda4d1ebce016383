import { Octets } from './octets';

/** Where a stream of DEFLATE ended, and how. */
export class Inflated {
  /** '' if it was whole or its limit was met. */
  fault: string = '';
  /** Whether its last block was read to the end. */
  isWhole: bool = false;
  /** Offset in the source after its last octet. */
  end: i32 = 0;
}

/** What is unpacked: it grows up to a limit. */
export class Output {
  octets: Uint8Array;
  length: i32 = 0;
  private limit: i32;

  constructor(limit: i32) {
    this.limit = limit;
    this.octets = new Uint8Array(min(limit, 4096));
  }

  get isFull(): bool {
    return this.length >= this.limit;
  }

  push(octet: u8): void {
    if (this.length == this.octets.length) this.grow();
    unchecked((this.octets[this.length++] = octet));
  }

  result(): Uint8Array {
    return this.octets.subarray(0, this.length);
  }

  private grow(): void {
    const larger = new Uint8Array(min(this.limit, this.length * 4));
    memory.copy(larger.dataStart, this.octets.dataStart, this.length);
    this.octets = larger;
  }
}

const CHUNK: i32 = 16 * 1024;
const MAX_BITS: i32 = 15;
const WINDOW: i32 = 32 * 1024;

// RFC 1951 section 3.2.5: base and extra bits of lengths (257 …) and of distances.
const LENGTH_BASE: StaticArray<i32> = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195,
  227, 258,
];
const LENGTH_EXTRA: StaticArray<i32> = [
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
];
const DISTANCE_BASE: StaticArray<i32> = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097,
  6145, 8193, 12289, 16385, 24577,
];
const DISTANCE_EXTRA: StaticArray<i32> = [
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
];
const CODE_ORDER: StaticArray<i32> = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** A canonical Huffman code: how many codes there are of each length, and the symbols in the order of their codes. */
class Huffman {
  counts: StaticArray<i32> = new StaticArray<i32>(MAX_BITS + 1);
  symbols: StaticArray<i32> = new StaticArray<i32>(288);

  /** Negative if there are more codes than the lengths have room for, positive if fewer. */
  build(lengths: StaticArray<i32>, from: i32, count: i32): i32 {
    for (let bits = 0; bits <= MAX_BITS; bits++) this.counts[bits] = 0;
    for (let i = 0; i < count; i++) this.counts[lengths[from + i]]++;
    let left = 1;
    for (let bits = 1; bits <= MAX_BITS; bits++) {
      left = left * 2 - this.counts[bits];
      if (left < 0) return left;
    }
    const offsets = new StaticArray<i32>(MAX_BITS + 1);
    for (let bits = 1; bits < MAX_BITS; bits++) offsets[bits + 1] = offsets[bits] + this.counts[bits];
    for (let i = 0; i < count; i++) {
      const bits = lengths[from + i];
      if (bits != 0) this.symbols[offsets[bits]++] = i;
    }
    return left;
  }
}

/**
 * Unpacks DEFLATE (RFC 1951), once for each stream; it can be used again. Whatever the octets are, it ends: with a
 * fault, at the end of the stream, or when the output is full.
 */
export class Inflater {
  private chunk: Uint8Array = new Uint8Array(CHUNK);
  private lengths: StaticArray<i32> = new StaticArray<i32>(320);
  private literals: Huffman = new Huffman();
  private distances: Huffman = new Huffman();
  private source: Octets | null = null;
  private next: i32 = 0;
  private stop: i32 = 0;
  private have: i32 = 0;
  private at: i32 = 0;
  private bits: u32 = 0;
  private bitCount: i32 = 0;
  private fault: string = '';
  /** Where in the output this stream began: nothing before it can be meant. */
  private origin: i32 = 0;

  /** From offset `start` of the source to at most `stop`. What is there in the output already stays. */
  run(source: Octets, start: i32, stop: i32, output: Output): Inflated {
    this.source = source;
    this.next = start;
    this.stop = stop;
    this.have = 0;
    this.at = 0;
    this.bits = 0;
    this.bitCount = 0;
    this.fault = '';
    this.origin = output.length;
    const result = new Inflated();
    let isLast = false;
    while (!isLast && this.fault.length == 0 && !output.isFull) {
      isLast = this.take(1) == 1;
      this.block(this.take(2), output);
      result.isWhole = isLast && this.fault.length == 0 && !this.isCut;
    }
    result.fault = this.fault;
    // Whole octets that were read ahead are given back.
    result.end = this.next - (this.have - this.at) - this.bitCount / 8;
    return result;
  }

  private isCut: bool = false;

  private block(kind: i32, output: Output): void {
    this.isCut = false;
    if (this.fault.length > 0) return;
    if (kind == 0) return this.stored(output);
    if (kind == 3) return this.fail('it has a block of no known kind');
    if (kind == 1) this.fixedCodes();
    else this.ownCodes();
    if (this.fault.length == 0) this.codes(output);
  }

  private stored(output: Output): void {
    this.take(this.bitCount & 7);
    const length = this.take(16);
    const check = this.take(16);
    if (this.fault.length > 0) return;
    if (length != (check ^ 0xffff)) return this.fail('the length of a block is wrong');
    for (let i = 0; i < length && this.fault.length == 0; i++) {
      if (output.isFull) {
        this.isCut = true;
        return;
      }
      const octet = this.take(8);
      if (this.fault.length == 0) output.push(<u8>octet);
    }
  }

  private fixedCodes(): void {
    const lengths = this.lengths;
    for (let i = 0; i < 288; i++) lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    this.literals.build(lengths, 0, 288);
    for (let i = 0; i < 30; i++) lengths[i] = 5;
    this.distances.build(lengths, 0, 30);
  }

  private ownCodes(): void {
    const lengths = this.lengths;
    const literalCount = this.take(5) + 257;
    const distanceCount = this.take(5) + 1;
    const codeCount = this.take(4) + 4;
    if (literalCount > 286 || distanceCount > 30) return this.fail('it has too many codes');
    for (let i = 0; i < 19; i++) lengths[i] = 0;
    for (let i = 0; i < codeCount; i++) lengths[CODE_ORDER[i]] = this.take(3);
    if (this.literals.build(lengths, 0, 19) != 0) return this.fail('its codes are wrong');
    let previous = 0;
    for (let i = 0; i < literalCount + distanceCount && this.fault.length == 0;) {
      const symbol = this.symbol(this.literals);
      let times = 1;
      if (symbol < 16) previous = symbol;
      else if (symbol == 16) {
        if (i == 0) return this.fail('its codes are wrong');
        times = 3 + this.take(2);
      } else {
        previous = 0;
        times = symbol == 17 ? 3 + this.take(3) : 11 + this.take(7);
      }
      if (i + times > literalCount + distanceCount) return this.fail('its codes are wrong');
      while (times-- > 0) lengths[i++] = previous;
    }
    if (this.fault.length > 0) return;
    if (lengths[256] == 0) return this.fail('its codes are wrong');
    const distances = this.distances.build(lengths, literalCount, distanceCount);
    // One code of one bit is allowed to stand alone (section 3.2.7).
    const isShort = distances > 0 && distanceCount - zeros(lengths, literalCount, distanceCount) > 1;
    const literals = this.literals.build(lengths, 0, literalCount);
    const isOdd = literals > 0 && literalCount - zeros(lengths, 0, literalCount) > 1;
    if (distances < 0 || literals < 0 || isShort || isOdd) this.fail('its codes are wrong');
  }

  private codes(output: Output): void {
    while (this.fault.length == 0) {
      if (output.isFull) {
        this.isCut = true;
        return;
      }
      const symbol = this.symbol(this.literals);
      if (this.fault.length > 0 || symbol == 256) return;
      if (symbol < 256) {
        output.push(<u8>symbol);
        continue;
      }
      if (symbol > 285) return this.fail('it has a length that there is not');
      const length = LENGTH_BASE[symbol - 257] + this.take(LENGTH_EXTRA[symbol - 257]);
      const code = this.symbol(this.distances);
      if (this.fault.length > 0) return;
      if (code > 29) return this.fail('it has a distance that there is not');
      const distance = DISTANCE_BASE[code] + this.take(DISTANCE_EXTRA[code]);
      if (this.fault.length > 0) return;
      if (distance > WINDOW || distance > output.length - this.origin)
        return this.fail('it goes back to before its beginning');
      for (let i = 0; i < length && !output.isFull; i++) output.push(output.octets[output.length - distance]);
    }
  }

  private symbol(code: Huffman): i32 {
    let value = 0;
    let first = 0;
    let index = 0;
    for (let bits = 1; bits <= MAX_BITS; bits++) {
      value |= this.take(1);
      if (this.fault.length > 0) return 0;
      const count = unchecked(code.counts[bits]);
      if (value - first < count) return unchecked(code.symbols[index + value - first]);
      index += count;
      first = (first + count) << 1;
      value <<= 1;
    }
    this.fail('it has a code that there is not');
    return 0;
  }

  /** So many bits, at most 16; 0 and a fault if there are not as many. */
  private take(count: i32): i32 {
    while (this.bitCount < count) {
      if (this.at == this.have && !this.refill()) {
        this.fail('it ends in the middle');
        return 0;
      }
      this.bits |= (<u32>unchecked(this.chunk[this.at++])) << this.bitCount;
      this.bitCount += 8;
    }
    const value = this.bits & ((1 << count) - 1);
    this.bits >>= count;
    this.bitCount -= count;
    return value;
  }

  private refill(): bool {
    const size = min(CHUNK, this.stop - this.next);
    if (size <= 0) return false;
    this.at = 0;
    this.have = this.source!.read(this.next, this.chunk.subarray(0, size));
    this.next += this.have;
    return this.have > 0;
  }

  private fail(fault: string): void {
    if (this.fault.length == 0) this.fault = fault;
  }
}

function zeros(lengths: StaticArray<i32>, from: i32, count: i32): i32 {
  let found = 0;
  for (let i = from; i < from + count; i++) found += i32(lengths[i] == 0);
  return found;
}
