import { foldCase, Message } from '../../../sdk/assemblyscript';
import { latin1 } from '../../../sdk/assemblyscript/text/octets';

/** A field of a part's header, as octets in the message. */
export class Field {
  /** In lower case. */
  name: string = '';
  start: i32 = 0;
  /** After its last line end. */
  end: i32 = 0;
  /** As it is, from its start to its end: folded, one character an octet. */
  raw: string = '';

  /** The value, unfolded, without the white space around it. */
  get value(): string {
    const text = this.raw.substring(this.raw.indexOf(':') + 1);
    return text.replaceAll('\r\n', '').trim();
  }

  /** The name as it was written. */
  get written(): string {
    return this.raw.substring(0, this.raw.indexOf(':')).trimEnd();
  }
}

/** Whether a line of a header is a delimiter of the multipart that the part is in. */
export interface Delimits {
  delimits(line: string): bool;
}

/** The header of the message or of a part. It ends at the empty line, or before the first line that is no field. */
export class Header {
  fields: Field[] = [];
  /** After the last field: where one is added. */
  end: i32 = 0;
  /** After the empty line, if there is one. */
  bodyStart: i32 = 0;
  /** It ends before a line that is no field, nor a delimiter, without the empty line. */
  endsInJunk: bool = false;
  /** False past 1 MiB or 10,000 fields. */
  complete: bool = true;

  /** The first field of that name, which is the one that counts. */
  find(name: string): Field | null {
    for (let i = 0; i < this.fields.length; i++) {
      if (this.fields[i].name == name) return this.fields[i];
    }
    return null;
  }

  /** Its value, '' if there is no such field. */
  value(name: string): string {
    const field = this.find(name);
    return field === null ? '' : field.value;
  }
}

const LIMIT: i32 = 1024 * 1024;
const FIELD_LIMIT: i32 = 10_000;

let buffer: Uint8Array = new Uint8Array(8192);

export function readHeader(offset: i32, within: Delimits): Header {
  let length = Message.read(offset, buffer);
  for (;;) {
    const header = parse(offset, length, within);
    if (header !== null) return header;
    if (buffer.length >= LIMIT) break;
    buffer = new Uint8Array(min(LIMIT, buffer.length * 8));
    length = Message.read(offset, buffer);
  }
  const unread = new Header();
  unread.end = offset;
  unread.bodyStart = offset;
  unread.complete = false;
  return unread;
}

/** Null if its end is not among the octets at hand. */
function parse(offset: i32, length: i32, within: Delimits): Header | null {
  const whole = length < buffer.length;
  const header = new Header();
  let at = 0;
  while (true) {
    header.end = offset + at;
    header.bodyStart = offset + at;
    if (at >= length) return whole ? header : null;
    if (buffer[at] == 13 && at + 1 < length && buffer[at + 1] == 10) {
      header.bodyStart = offset + at + 2;
      return header;
    }
    let colon = at;
    while (colon < length && buffer[colon] > 32 && buffer[colon] < 127 && buffer[colon] != 0x3a) colon++;
    const nameEnd = colon;
    while (colon < length && (buffer[colon] == 32 || buffer[colon] == 9)) colon++;
    if (colon >= length) return whole ? header : null;
    if (nameEnd == at || buffer[colon] != 0x3a) {
      let end = at;
      while (end < length && buffer[end] != 10) end++;
      header.endsInJunk = !within.delimits(latin1(buffer, at, end).trimEnd());
      return header;
    }
    let end = colon;
    for (;;) {
      while (end < length && buffer[end] != 10) end++;
      if (end >= length) {
        if (!whole) return null;
        break;
      }
      end++;
      if (end >= length && !whole) return null;
      if (end >= length || (buffer[end] != 32 && buffer[end] != 9)) break;
    }
    if (buffer[at] == 0x2d && buffer[at + 1] == 0x2d && within.delimits(latin1(buffer, at, end).trimEnd()))
      return header;
    if (header.fields.length == FIELD_LIMIT) {
      header.complete = false;
      return header;
    }
    const field = new Field();
    field.name = foldCase(latin1(buffer, at, nameEnd));
    field.start = offset + at;
    field.end = offset + end;
    field.raw = latin1(buffer, at, end);
    header.fields.push(field);
    at = end;
  }
}
