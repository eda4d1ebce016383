/**
 * An address or CIDR network: the 16 octets of an IPv6 address, IPv4 as IPv4-mapped (RFC 4291 section 2.5.5.2), and
 * how many bits of it count.
 */
export class Network {
  octets: StaticArray<u8>;
  bits: i32;

  constructor(octets: StaticArray<u8>, bits: i32) {
    this.octets = octets;
    this.bits = bits;
  }
}

/** Reads `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`, `fe80::1%eth0`; null for anything else. */
export function parseNetwork(text: string): Network | null {
  const slash = text.indexOf('/');
  let address = slash < 0 ? text : text.substring(0, slash);
  const zone = address.indexOf('%');
  if (zone >= 0) address = address.substring(0, zone);
  const octets = new StaticArray<u8>(16);
  const isV6 = address.includes(':');
  if (isV6) {
    if (!parseV6(address, octets)) return null;
  } else {
    octets[10] = 0xff;
    octets[11] = 0xff;
    if (!parseV4(address, octets, 12)) return null;
  }
  if (slash < 0) return new Network(octets, 128);
  const bits = decimal(text.substring(slash + 1), isV6 ? 128 : 32);
  return bits < 0 ? null : new Network(octets, isV6 ? bits : bits + 96);
}

/** Whether an IP address is in any of these networks, as `parseNetwork` reads them. */
export function inNetworks(networks: string[], address: string): bool {
  const client = parseNetwork(address);
  for (let i = 0; client !== null && i < networks.length; i++) {
    const network = parseNetwork(networks[i]);
    if (network !== null && inNetwork(client, network)) return true;
  }
  return false;
}

function inNetwork(address: Network, network: Network): bool {
  const whole = network.bits >> 3;
  for (let i = 0; i < whole; i++) {
    if (address.octets[i] != network.octets[i]) return false;
  }
  const rest = network.bits & 7;
  return rest == 0 || (address.octets[whole] ^ network.octets[whole]) >> (<u8>(8 - rest)) == 0;
}

function parseV4(text: string, octets: StaticArray<u8>, at: i32): bool {
  const parts = text.split('.');
  if (parts.length != 4) return false;
  for (let i = 0; i < 4; i++) {
    const value = decimal(parts[i], 255);
    if (value < 0) return false;
    octets[at + i] = <u8>value;
  }
  return true;
}

function parseV6(text: string, octets: StaticArray<u8>): bool {
  const gap = text.indexOf('::');
  if (gap < 0) return parseGroups(text, octets) == 16;
  if (text.indexOf('::', gap + 1) >= 0) return false;
  const tail = new StaticArray<u8>(16);
  const before = parseGroups(text.substring(0, gap), octets);
  const after = parseGroups(text.substring(gap + 2), tail);
  if (before < 0 || after < 0 || before + after > 14) return false;
  for (let i = 0; i < after; i++) octets[16 - after + i] = tail[i];
  return true;
}

/** Groups between colons, the last of which may be IPv4. Gives the octets written, -1 if it is wrong. */
function parseGroups(text: string, octets: StaticArray<u8>): i32 {
  if (text.length == 0) return 0;
  const groups = text.split(':');
  let at = 0;
  for (let i = 0; i < groups.length; i++) {
    if (i == groups.length - 1 && groups[i].includes('.')) {
      return at <= 12 && parseV4(groups[i], octets, at) ? at + 4 : -1;
    }
    const value = hexadecimal(groups[i]);
    if (value < 0 || at > 14) return -1;
    octets[at++] = <u8>(value >> 8);
    octets[at++] = <u8>value;
  }
  return at;
}

/** -1 unless it is 1 to 3 digits without a leading zero, at most `limit`. */
function decimal(text: string, limit: i32): i32 {
  if (text.length == 0 || text.length > 3 || (text.length > 1 && text.charCodeAt(0) == 0x30)) return -1;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value <= limit ? value : -1;
}

function hexadecimal(text: string): i32 {
  if (text.length == 0 || text.length > 4) return -1;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    const letter = unit | 0x20;
    if (unit >= 0x30 && unit <= 0x39) value = value * 16 + unit - 0x30;
    else if (letter >= 0x61 && letter <= 0x66) value = value * 16 + letter - 0x57;
    else return -1;
  }
  return value;
}
