/** A JSON string of the text, quotes included (RFC 8259 section 7). */
export function quote(text: string): string {
  const pieces: string[] = ['"'];
  let kept = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x20 && unit != 0x22 && unit != 0x5c && unit != 0x7f) continue;
    if (i > kept) pieces.push(text.substring(kept, i));
    kept = i + 1;
    if (unit == 0x22) pieces.push('\\"');
    else if (unit == 0x5c) pieces.push('\\\\');
    else pieces.push('\\u00' + HEX.charAt(unit >> 4) + HEX.charAt(unit & 15));
  }
  if (kept < text.length) pieces.push(text.substring(kept));
  pieces.push('"');
  return pieces.join('');
}

const HEX: string = '0123456789abcdef';

/** Composes a JSON object, member by member. One that is given again has the last value: a name stands in it once. */
export class JsonObject {
  private names: string[];
  private pieces: string[];

  /** Starts with the members of another one. */
  constructor(other: JsonObject | null = null) {
    this.names = other === null ? [] : other.names.slice();
    this.pieces = other === null ? [] : other.pieces.slice();
  }

  text(name: string, value: string): JsonObject {
    return this.json(name, quote(value));
  }

  integer(name: string, value: i32): JsonObject {
    return this.json(name, value.toString());
  }

  bool(name: string, value: bool): JsonObject {
    return this.json(name, value ? 'true' : 'false');
  }

  /** A member whose value is JSON already. */
  json(name: string, value: string): JsonObject {
    const piece = quote(name) + ':' + value;
    const index = this.names.indexOf(name);
    if (index >= 0) {
      this.pieces[index] = piece;
      return this;
    }
    this.names.push(name);
    this.pieces.push(piece);
    return this;
  }

  toString(): string {
    return '{' + this.pieces.join(',') + '}';
  }
}

/** Composes a JSON list, item by item. */
export class JsonList {
  private pieces: string[] = [];

  get length(): i32 {
    return this.pieces.length;
  }

  text(value: string): JsonList {
    return this.json(quote(value));
  }

  json(value: string): JsonList {
    this.pieces.push(value);
    return this;
  }

  toString(): string {
    return '[' + this.pieces.join(',') + ']';
  }
}
