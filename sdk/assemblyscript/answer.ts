import { facts } from './facts';
import { Json, parseJson } from './json';
import { JsonObject } from './json-writer';
import { answer_read } from './ocp_smtp_v1';
import { encodeUtf8 } from './utf8';

const LF: u8 = 0x0a;

/** Whether the operator grants the capability of this name. */
export function isGrantedHere(name: string): bool {
  const grants = facts().json.get('grants');
  for (let i = 0; i < grants.length; i++) {
    if (grants.at(i).text() == name) return true;
  }
  return false;
}

/** What a capability is asked: a line of JSON, and octets as they are after it. */
export function question(fields: JsonObject, octets: Uint8Array | null = null): Uint8Array {
  const line = encodeUtf8(fields.toString());
  if (octets === null) return line;
  // Without `null` in its type, which `set` would take over.
  const after: Uint8Array = octets;
  const whole = new Uint8Array(line.length + 1 + after.length);
  whole.set(line);
  whole[line.length] = LF;
  whole.set(after, line.length + 1);
  return whole;
}

/** A range of the message that a request names as its content, as JSON. */
export function content(offset: i32, length: i32, encoding: string): string {
  const fields = new JsonObject().integer('offset', offset).integer('length', length);
  if (encoding.length > 0) fields.text('encoding', encoding);
  return fields.toString();
}

/** What a capability answered, in the same form. */
export class Answer {
  fields: Json;
  octets: Uint8Array;

  constructor(size: i32) {
    const whole = new Uint8Array(size);
    answer_read(0, whole.dataStart, size);
    let end = whole.indexOf(LF);
    if (end < 0) end = size;
    const fields = parseJson(whole.subarray(0, end));
    if (fields === null) throw new Error('Cannot read an answer of the host: it is no JSON');
    this.fields = fields;
    this.octets = whole.subarray(min(end + 1, size));
  }

  /** A whole number, 0 if there is none of that name. */
  integer(name: string): i64 {
    const json = this.fields.get(name);
    return json.raw == '' ? 0 : I64.parseInt(json.raw);
  }
}
