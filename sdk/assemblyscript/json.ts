import { decodeUtf8 } from './utf8';

/**
 * A strict reader for JSON (RFC 8259) whose shape is not known beforehand: settings, facts, part facts.
 *
 * `parseJson` gives null for anything that is not exactly one JSON text, or that nests deeper than 64. Reading a
 * value never fails: what is missing or of another kind gives the fallback, so a chain such as
 * `json.get('client').get('helo').get('name').text()` is safe. Of two members with one name the last counts.
 */
export enum JsonKind {
  Missing,
  Null,
  Bool,
  Number,
  Text,
  List,
  Object,
}

const DEPTH_LIMIT: i32 = 64;

export class Json {
  kind: JsonKind = JsonKind.Missing;
  /** The text of a string, or a number or literal as written. */
  raw: string = '';
  names: string[] | null = null;
  items: Json[] | null = null;

  get isMissing(): bool {
    return this.kind == JsonKind.Missing;
  }

  get isText(): bool {
    return this.kind == JsonKind.Text;
  }

  get isList(): bool {
    return this.kind == JsonKind.List;
  }

  get isObject(): bool {
    return this.kind == JsonKind.Object;
  }

  /** Items of a list or members of an object; 0 for anything else. */
  get length(): i32 {
    const items = this.items;
    return items === null ? 0 : items.length;
  }

  /** The member of that name. */
  get(name: string): Json {
    const names = this.names;
    if (names !== null) {
      for (let i = names.length - 1; i >= 0; i--) {
        if (names[i] == name) return this.items![i];
      }
    }
    return MISSING;
  }

  /** The item of a list, or the value of an object's member, in the order written. */
  at(index: i32): Json {
    const items = this.items;
    return items !== null && index >= 0 && index < items.length ? items[index] : MISSING;
  }

  /** The name of an object's member, in the order written. */
  nameAt(index: i32): string {
    const names = this.names;
    return names !== null && index >= 0 && index < names.length ? names[index] : '';
  }

  text(fallback: string = ''): string {
    return this.kind == JsonKind.Text ? this.raw : fallback;
  }

  bool(fallback: bool = false): bool {
    return this.kind == JsonKind.Bool ? this.raw == 'true' : fallback;
  }

  number(fallback: f64 = 0): f64 {
    return this.kind == JsonKind.Number ? F64.parseFloat(this.raw) : fallback;
  }

  /** A whole number within 32 bits; the fallback for any other. */
  integer(fallback: i32 = 0): i32 {
    if (this.kind != JsonKind.Number) return fallback;
    const raw = this.raw;
    const negative = raw.charCodeAt(0) == 0x2d;
    let value: i64 = 0;
    for (let i = negative ? 1 : 0; i < raw.length; i++) {
      const digit = raw.charCodeAt(i) - 0x30;
      if (digit < 0 || digit > 9) return fallback;
      value = value * 10 + digit;
      if (value > <i64>i32.MAX_VALUE) return fallback;
    }
    return <i32>(negative ? -value : value);
  }

  /** The texts of a list; a single text counts as a list of one. */
  texts(): string[] {
    if (this.kind == JsonKind.Text) return [this.raw];
    const found: string[] = [];
    if (this.kind != JsonKind.List) return found;
    for (let i = 0; i < this.length; i++) {
      if (this.at(i).isText) found.push(this.at(i).raw);
    }
    return found;
  }
}

const MISSING: Json = new Json();

/** The value of a JSON text, or null. */
export function parseJson(octets: Uint8Array): Json | null {
  const reader = new Reader(octets);
  const value = reader.value(0);
  if (value === null) return null;
  reader.skipSpace();
  return reader.at == octets.length ? value : null;
}

class Reader {
  at: i32 = 0;
  octets: Uint8Array;

  constructor(octets: Uint8Array) {
    this.octets = octets;
  }

  /** The octet at the cursor, -1 at the end. */
  peek(): i32 {
    return this.at < this.octets.length ? this.octets[this.at] : -1;
  }

  take(octet: i32): bool {
    if (this.peek() != octet) return false;
    this.at++;
    return true;
  }

  skipSpace(): void {
    for (let next = this.peek(); next == 0x20 || next == 0x0a || next == 0x0d || next == 0x09;) {
      this.at++;
      next = this.peek();
    }
  }

  value(depth: i32): Json | null {
    if (depth > DEPTH_LIMIT) return null;
    this.skipSpace();
    const json = new Json();
    const next = this.peek();
    if (next == 0x7b) return this.object(json, depth);
    if (next == 0x5b) return this.list(json, depth);
    if (next == 0x22) {
      json.kind = JsonKind.Text;
      const text = this.text();
      if (text === null) return null;
      json.raw = text;
      return json;
    }
    const start = this.at;
    if (next == 0x2d || isDigit(next)) {
      json.kind = JsonKind.Number;
      if (!this.number()) return null;
    } else if (this.word('true') || this.word('false')) {
      json.kind = JsonKind.Bool;
    } else if (this.word('null')) {
      json.kind = JsonKind.Null;
    } else {
      return null;
    }
    json.raw = decodeUtf8(this.octets, start, this.at);
    return json;
  }

  object(json: Json, depth: i32): Json | null {
    const names: string[] = [];
    const items: Json[] = [];
    json.kind = JsonKind.Object;
    json.names = names;
    json.items = items;
    this.at++;
    this.skipSpace();
    if (this.take(0x7d)) return json;
    while (true) {
      this.skipSpace();
      if (this.peek() != 0x22) return null;
      const name = this.text();
      if (name === null) return null;
      this.skipSpace();
      if (!this.take(0x3a)) return null;
      const item = this.value(depth + 1);
      if (item === null) return null;
      names.push(name);
      items.push(item);
      this.skipSpace();
      if (this.take(0x7d)) return json;
      if (!this.take(0x2c)) return null;
    }
  }

  list(json: Json, depth: i32): Json | null {
    const items: Json[] = [];
    json.kind = JsonKind.List;
    json.items = items;
    this.at++;
    this.skipSpace();
    if (this.take(0x5d)) return json;
    while (true) {
      const item = this.value(depth + 1);
      if (item === null) return null;
      items.push(item);
      this.skipSpace();
      if (this.take(0x5d)) return json;
      if (!this.take(0x2c)) return null;
    }
  }

  word(word: string): bool {
    if (this.octets.length - this.at < word.length) return false;
    for (let i = 0; i < word.length; i++) {
      if (this.octets[this.at + i] != word.charCodeAt(i)) return false;
    }
    this.at += word.length;
    return true;
  }

  number(): bool {
    this.take(0x2d);
    if (!this.take(0x30) && !this.digits()) return false;
    if (this.take(0x2e) && !this.digits()) return false;
    if (!this.take(0x65) && !this.take(0x45)) return true;
    if (!this.take(0x2b)) this.take(0x2d);
    return this.digits();
  }

  digits(): bool {
    const start = this.at;
    while (isDigit(this.peek())) this.at++;
    return this.at > start;
  }

  /** A string with its quotes. Escapes are undone as UTF-8, never longer than what they replace. */
  text(): string | null {
    const start = ++this.at;
    let escaped = false;
    for (; ; this.at++) {
      const next = this.peek();
      if (next < 0x20) return null; // the end, or a control character
      if (next == 0x22) break;
      if (next != 0x5c) continue;
      escaped = true;
      this.at++;
    }
    const end = this.at++;
    if (!escaped) return decodeUtf8(this.octets, start, end);

    const plain = new Uint8Array(end - start);
    let size = 0;
    for (let i = start; i < end;) {
      const octet = this.octets[i++];
      if (octet != 0x5c) {
        plain[size++] = octet;
        continue;
      }
      const letter = this.octets[i++];
      if (letter != 0x75) {
        const single = unescape(letter);
        if (single == 0) return null;
        plain[size++] = <u8>single;
        continue;
      }
      let point = this.hex4(i, end);
      if (point < 0) return null;
      i += 4;
      if (
        (point & 0xfc00) == 0xd800 &&
        i + 6 <= end &&
        this.octets[i] == 0x5c &&
        this.octets[i + 1] == 0x75
      ) {
        const second = this.hex4(i + 2, end);
        if ((second & 0xfc00) == 0xdc00 && second > 0) {
          point = 0x10000 + ((point & 0x3ff) << 10) + (second & 0x3ff);
          i += 6;
        }
      }
      // Half of a surrogate pair is no character; its octets would not be UTF-8.
      if ((point & 0xfffff800) == 0xd800) point = 0xfffd;
      size = putPoint(plain, size, point);
    }
    return decodeUtf8(plain, 0, size);
  }

  hex4(at: i32, end: i32): i32 {
    if (at + 4 > end) return -1;
    let value = 0;
    for (let i = at; i < at + 4; i++) {
      const octet = <i32>this.octets[i];
      const letter = octet | 0x20;
      if (isDigit(octet)) value = value * 16 + octet - 0x30;
      else if (letter >= 0x61 && letter <= 0x66) value = value * 16 + letter - 0x57;
      else return -1;
    }
    return value;
  }
}

function isDigit(octet: i32): bool {
  return octet >= 0x30 && octet <= 0x39;
}

/** The character after a backslash, 0 where JSON knows no such escape. */
function unescape(letter: i32): i32 {
  if (letter == 0x22 || letter == 0x5c || letter == 0x2f) return letter;
  if (letter == 0x62) return 0x08;
  if (letter == 0x66) return 0x0c;
  if (letter == 0x6e) return 0x0a;
  if (letter == 0x72) return 0x0d;
  return letter == 0x74 ? 0x09 : 0;
}

function putPoint(target: Uint8Array, at: i32, point: i32): i32 {
  if (point < 0x80) {
    target[at++] = <u8>point;
  } else if (point < 0x800) {
    target[at++] = <u8>(0xc0 | (point >> 6));
    target[at++] = <u8>(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    target[at++] = <u8>(0xe0 | (point >> 12));
    target[at++] = <u8>(0x80 | ((point >> 6) & 0x3f));
    target[at++] = <u8>(0x80 | (point & 0x3f));
  } else {
    target[at++] = <u8>(0xf0 | (point >> 18));
    target[at++] = <u8>(0x80 | ((point >> 12) & 0x3f));
    target[at++] = <u8>(0x80 | ((point >> 6) & 0x3f));
    target[at++] = <u8>(0x80 | (point & 0x3f));
  }
  return at;
}
