import { Answer, isGrantedHere, question } from './answer';
import { JsonObject } from './json-writer';
import { kv } from './ocp_smtp_v1';
import { LIMIT, must, NOT_FOUND } from './result';
import { decodeUtf8, encodeUtf8 } from './utf8';

/** A value with what is known of it. */
export class KvEntry {
  value: Uint8Array = new Uint8Array(0);
  /** A number that no other value of any key ever has. */
  revision: i64 = 0;
  /** In how many seconds it is gone; 0: never. */
  expires: i64 = 0;
}

/**
 * Values and counters that this service keeps from one message to the next, as far as the operator grants it (capability `kv`).
 * A change is on disk when the call returns, and atomic. `expires` is in seconds; 0: never.
 */
export namespace Kv {
  /** Whether the operator grants it; without that the other calls end the call. For what the manifest has as optional. */
  export function isGranted(): bool {
    return isGrantedHere('kv');
  }

  /** Null if there is none. */
  export function entry(key: string): KvEntry | null {
    const size = ask(new JsonObject().text('op', 'get').text('key', key), null);
    if (size == NOT_FOUND) return null;
    const answer = new Answer(checked(size, key));
    const found = new KvEntry();
    found.value = answer.octets;
    found.revision = answer.integer('revision');
    found.expires = answer.integer('expires');
    return found;
  }

  /** Null if there is none. */
  export function get(key: string): Uint8Array | null {
    const found = entry(key);
    return found === null ? null : found.value;
  }

  /** '' if there is none. */
  export function getText(key: string): string {
    const value = get(key);
    return value === null ? '' : decodeUtf8(value);
  }

  export function put(key: string, value: Uint8Array, expires: i32 = 0): void {
    checked(ask(withExpiry(new JsonObject().text('op', 'put').text('key', key), expires), value), key);
  }

  /** False if the grant has no room for it. */
  export function putIfRoom(key: string, value: Uint8Array, expires: i32 = 0): bool {
    const fields = new JsonObject().text('op', 'put').text('key', key);
    const size = ask(withExpiry(fields, expires), value);
    if (size == LIMIT) return false;
    checked(size, key);
    return true;
  }

  export function putText(key: string, value: string, expires: i32 = 0): void {
    put(key, encodeUtf8(value), expires);
  }

  /** Puts a value in the place of the one with this revision, 0 of none; false if another is there by now. */
  export function replace(key: string, value: Uint8Array, revision: i64, expires: i32 = 0): bool {
    const fields = new JsonObject().text('op', 'put').text('key', key).json('revision', revision.toString());
    const answer = new Answer(checked(ask(withExpiry(fields, expires), value), key));
    return answer.fields.get('stored').bool();
  }

  /** Adds to a number in decimal digits, and gives the sum. `expires` is for one that was not there before. */
  export function increment(key: string, by: i64 = 1, expires: i32 = 0): i64 {
    const fields = new JsonObject().text('op', 'increment').text('key', key).json('by', by.toString());
    return new Answer(checked(ask(withExpiry(fields, expires), null), key)).integer('value');
  }

  /** Whether there was one. */
  export function remove(key: string): bool {
    const size = ask(new JsonObject().text('op', 'delete').text('key', key), null);
    return new Answer(checked(size, key)).fields.get('deleted').bool();
  }
}

function ask(fields: JsonObject, value: Uint8Array | null): i32 {
  const octets = question(fields, value);
  return kv(octets.dataStart, octets.length);
}

function checked(size: i32, key: string): i32 {
  return must(size, 'use the key "' + key + '"');
}

function withExpiry(fields: JsonObject, expires: i32): JsonObject {
  return expires == 0 ? fields : fields.integer('expires', expires);
}
