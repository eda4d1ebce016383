import { isIPv4 } from 'node:net';

/**
 * Questions and answers of DNS as they are on the wire (RFC 1035 section 4), as far as a stub resolver needs them: one question, records
 * of five types, the SOA of a negative answer. Node's own resolver tells the TTL of addresses only, and none of what is not there.
 */
export const DNS_TYPES = { A: 1, PTR: 12, MX: 15, TXT: 16, AAAA: 28 } as const;
export type DnsType = keyof typeof DNS_TYPES;

export const isDnsType = (type: string): type is DnsType => Object.hasOwn(DNS_TYPES, type);

export interface DnsQuestion {
  readonly type: DnsType;
  /** In lower case and ASCII, without the dot at the end (`isDnsName`). */
  readonly name: string;
}

/** As `node:dns` gives them: an address or a name, the strings of one TXT record, the exchange of one MX record. */
export type DnsRecord = string | readonly string[] | { readonly priority: number; readonly exchange: string };

export interface DnsReply {
  /** 0: no error, 3: there is no such name (RFC 1035 section 4.1.1). */
  readonly rcode: number;
  /** It did not fit: the question is to be asked over TCP. */
  readonly truncated: boolean;
  /** Of the type that was asked for, aliases followed by the server. */
  readonly records: readonly DnsRecord[];
  /** Seconds for which it holds: of records the least, of a negative answer what RFC 2308 section 5 says, 0 if nothing says it. */
  readonly ttl: number;
}

const CLASS_IN = 1;
const SOA = 6;
const OPT = 41;
/** Octets of an answer that fit into a datagram on any path (DNS flag day 2020). */
const DATAGRAM = 1232;
const NAME_OCTETS = 255;
/** Pointers in one name: it has no more labels. Thousands of names, each by way of thousands of pointers, would hold the event loop. */
const POINTERS = 127;

/** Letters, digits, `-`, `_` and `/` in labels of 1 to 63 octets. Others have to be written in A-labels. */
export function isDnsName(name: string): boolean {
  return name.length <= NAME_OCTETS - 2 && /^[a-z0-9_/-]{1,63}(?:\.[a-z0-9_/-]{1,63})*$/.test(name);
}

export function encodeQuestion(id: number, { type, name }: DnsQuestion): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(id, 0);
  // Recursion desired; one question, and one additional record, by which larger answers are taken (RFC 6891).
  header.writeUInt16BE(0x0100, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(1, 10);
  const labels = name.split('.').flatMap((label) => [Buffer.of(label.length), Buffer.from(label, 'latin1')]);
  const tail = Buffer.alloc(16);
  tail.writeUInt16BE(DNS_TYPES[type], 1);
  tail.writeUInt16BE(CLASS_IN, 3);
  tail.writeUInt16BE(OPT, 6);
  tail.writeUInt16BE(DATAGRAM, 8);
  return Buffer.concat([header, ...labels, tail]);
}

/** Undefined for what is no answer to this question. Throws a RangeError for one that is malformed. */
export function decodeReply(
  octets: Buffer,
  { id, question }: { id: number; question: DnsQuestion },
): DnsReply | undefined {
  // First of all: whoever guesses the port alone can neither answer nor have the question fail (RFC 5452 section 4.5).
  if (octets.length < 12 || octets.readUInt16BE(0) !== id) return undefined;
  const flags = octets.readUInt16BE(2);
  const isReply = (flags & 0x8000) !== 0;
  if (!isReply || octets.readUInt16BE(4) !== 1) return undefined;
  const reader = new Reader(octets, 12);
  const asked = { name: reader.name(), type: reader.uint16(), class: reader.uint16() };
  const isOurs = asked.name.toLowerCase() === question.name && asked.type === DNS_TYPES[question.type];
  if (!isOurs || asked.class !== CLASS_IN) return undefined;
  const truncated = (flags & 0x0200) !== 0;
  const reply = { rcode: flags & 0x000f, truncated };
  // What a truncated answer holds is not used, and may be cut anywhere.
  if (truncated) return { ...reply, records: [], ttl: 0 };

  const records: DnsRecord[] = [];
  let ttl = Infinity;
  for (let left = octets.readUInt16BE(6); left > 0; left--) {
    const record = reader.record();
    // An alias on the way holds for its own time only.
    ttl = Math.min(ttl, record.ttl);
    if (record.type === DNS_TYPES[question.type]) records.push(valueOf(question.type, record.value));
  }
  if (records.length > 0) return { ...reply, records, ttl };
  for (let left = octets.readUInt16BE(8); left > 0; left--) {
    const record = reader.record();
    if (record.type !== SOA) continue;
    record.value.name();
    record.value.name();
    record.value.skip(16);
    return { ...reply, records, ttl: Math.min(ttl, record.ttl, record.value.ttl()) };
  }
  return { ...reply, records, ttl: 0 };
}

function valueOf(type: DnsType, value: Reader): DnsRecord {
  switch (type) {
    case 'A':
      return [...value.take(4)].join('.');
    case 'AAAA':
      return formatIpv6(value.take(16));
    case 'PTR':
      return value.name();
    case 'MX':
      return { priority: value.uint16(), exchange: value.name() };
    case 'TXT': {
      const strings: string[] = [];
      while (!value.isAtEnd) strings.push(value.take(value.uint8()).toString('utf8'));
      return strings;
    }
  }
}

/** RFC 5952, by the URL parser, which writes addresses that way. */
function formatIpv6(octets: Buffer): string {
  const groups = octets.toString('hex').match(/.{4}/g)!;
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
}

/** Reads from front to back, up to an end; names may point to what is before them in the whole message. */
class Reader {
  readonly #octets: Buffer;
  readonly #end: number;
  #at: number;

  constructor(octets: Buffer, at: number, end = octets.length) {
    this.#octets = octets;
    this.#at = at;
    this.#end = end;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end;
  }

  take(length: number): Buffer {
    const from = this.#at;
    this.skip(length);
    return this.#octets.subarray(from, from + length);
  }

  skip(length: number): void {
    if (this.#at + length > this.#end) throw new RangeError('a DNS message that ends too early');
    this.#at += length;
  }

  uint8(): number {
    return this.take(1)[0]!;
  }

  uint16(): number {
    return this.take(2).readUInt16BE();
  }

  /** One with the highest bit set counts as 0 (RFC 2181 section 8). */
  ttl(): number {
    const seconds = this.take(4).readUInt32BE();
    return seconds >= 2 ** 31 ? 0 : seconds;
  }

  /** The owner is not told: what the server puts into an answer belongs to it. */
  record(): { type: number; ttl: number; value: Reader } {
    this.name();
    const type = this.uint16();
    this.skip(2);
    const ttl = this.ttl();
    const length = this.uint16();
    const from = this.#at;
    this.skip(length);
    return { type, ttl, value: new Reader(this.#octets, from, from + length) };
  }

  /** Without the dot at the end; octets that are not plain are written as `\.` or `\DDD` (RFC 1035 section 5.1). */
  name(): string {
    const labels: string[] = [];
    let octets = 0;
    let before = this.#at;
    let reader = new Reader(this.#octets, this.#at, this.#end);
    let jumps = 0;
    for (;;) {
      const length = reader.uint8();
      if (length >= 0xc0) {
        // Only ever further to the front, so it comes to an end.
        const target = ((length & 0x3f) << 8) | reader.uint8();
        if (target >= before) throw new RangeError('a DNS name that points forward');
        before = target;
        if (jumps === 0) this.#at = reader.#at;
        jumps += 1;
        if (jumps > POINTERS) throw new RangeError('a DNS name with too many pointers');
        reader = new Reader(this.#octets, target);
      } else if (length > 0) {
        octets += length + 1;
        if (length > 63 || octets >= NAME_OCTETS) throw new RangeError('a DNS name that is too long');
        labels.push([...reader.take(length)].map(plain).join(''));
      } else {
        if (jumps === 0) this.#at = reader.#at;
        return labels.join('.');
      }
    }
  }
}

function plain(octet: number): string {
  if (octet === 0x2e || octet === 0x5c) return `\\${String.fromCharCode(octet)}`;
  return octet > 0x20 && octet < 0x7f ? String.fromCharCode(octet) : `\\${octet.toString().padStart(3, '0')}`;
}

/** The name under which an address is looked up (RFC 1035 section 3.5, RFC 3596 section 2.5), or in the zone of a list (RFC 5782). */
export function reverseName(address: string, zone?: string): string {
  if (isIPv4(address)) return `${address.split('.').toReversed().join('.')}.${zone ?? 'in-addr.arpa'}`;
  // The URL parser writes each IPv6 address in one way, `::` for zeros and no dotted IPv4 part.
  const [head = '', tail] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split('::');
  const groups = (text: string | undefined): string[] => (text ? text.split(':') : []);
  const zeros = tail === undefined ? 0 : 8 - groups(head).length - groups(tail).length;
  const all = [...groups(head), ...Array<string>(zeros).fill('0'), ...groups(tail)];
  const nibbles = all.map((group) => group.padStart(4, '0')).join('');
  return `${nibbles.split('').toReversed().join('.')}.${zone ?? 'ip6.arpa'}`;
}
