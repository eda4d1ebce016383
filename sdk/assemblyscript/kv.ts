import { Answer, isGrantedHere, question } from './answer';
import { JsonObject } from './json-writer';
import { kv } from './ocp_smtp_v1';
import { LIMIT, must, nameOf, NOT_FOUND, UNAVAILABLE } from './result';
import { decodeUtf8, encodeUtf8 } from './utf8';

/** A value with what is known of it. */
export class KvEntry {
  value: Uint8Array = new Uint8Array(0);
  /** A number that no other value of any key ever has. */
  revision: i64 = 0;
  /** In how many seconds it is gone; 0: never. */
  expires: i64 = 0;
}

/** What a `try…` call comes to. */
export class KvOutcome<T> {
  /** `LIMIT` if the store is full, as the grant bounds it, `UNAVAILABLE` if it is out of order, else ''. */
  error: string;
  /** Counts if there is no error. */
  value: T;

  constructor(error: string, value: T) {
    this.error = error;
    this.value = value;
  }
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
    return entryFrom(askEntry(key), key);
  }

  /**
   * Where the store is full, as the grant bounds it, or out of order, the `try…` calls say so, and the others end the call. This one's value is
   * null if there is none.
   */
  export function tryEntry(key: string): KvOutcome<KvEntry | null> {
    const size = askEntry(key);
    if (isTrouble(size)) return new KvOutcome<KvEntry | null>(nameOf(size), null);
    return new KvOutcome<KvEntry | null>('', entryFrom(size, key));
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
    checked(askPut(key, value, expires), key);
  }

  /** The value is whether it is stored. */
  export function tryPut(key: string, value: Uint8Array, expires: i32 = 0): KvOutcome<bool> {
    const size = askPut(key, value, expires);
    if (isTrouble(size)) return new KvOutcome<bool>(nameOf(size), false);
    checked(size, key);
    return new KvOutcome<bool>('', true);
  }

  export function putText(key: string, value: string, expires: i32 = 0): void {
    put(key, encodeUtf8(value), expires);
  }

  /** Puts a value in the place of the one with this revision, 0 of none; false if another is there by now. */
  export function replace(key: string, value: Uint8Array, revision: i64, expires: i32 = 0): bool {
    return isStored(askReplace(key, value, revision, expires), key);
  }

  export function tryReplace(
    key: string,
    value: Uint8Array,
    revision: i64,
    expires: i32 = 0,
  ): KvOutcome<bool> {
    const size = askReplace(key, value, revision, expires);
    if (isTrouble(size)) return new KvOutcome<bool>(nameOf(size), false);
    return new KvOutcome<bool>('', isStored(size, key));
  }

  /** Adds to a number in decimal digits, and gives the sum. `expires` is for one that was not there before. */
  export function increment(key: string, by: i64 = 1, expires: i32 = 0): i64 {
    return sumFrom(askIncrement(key, by, expires), key);
  }

  export function tryIncrement(key: string, by: i64 = 1, expires: i32 = 0): KvOutcome<i64> {
    const size = askIncrement(key, by, expires);
    if (isTrouble(size)) return new KvOutcome<i64>(nameOf(size), 0);
    return new KvOutcome<i64>('', sumFrom(size, key));
  }

  /** Whether there was one. */
  export function remove(key: string): bool {
    const size = ask(fieldsOf('delete', key), null);
    return new Answer(checked(size, key)).fields.get('deleted').bool();
  }
}

function fieldsOf(op: string, key: string): JsonObject {
  return new JsonObject().text('op', op).text('key', key);
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

function askEntry(key: string): i32 {
  return ask(fieldsOf('get', key), null);
}

function entryFrom(size: i32, key: string): KvEntry | null {
  if (size == NOT_FOUND) return null;
  const answer = new Answer(checked(size, key));
  const found = new KvEntry();
  found.value = answer.octets;
  found.revision = answer.integer('revision');
  found.expires = answer.integer('expires');
  return found;
}

function askPut(key: string, value: Uint8Array, expires: i32): i32 {
  return ask(withExpiry(fieldsOf('put', key), expires), value);
}

function askReplace(key: string, value: Uint8Array, revision: i64, expires: i32): i32 {
  return ask(withExpiry(fieldsOf('put', key).json('revision', revision.toString()), expires), value);
}

function isStored(size: i32, key: string): bool {
  return new Answer(checked(size, key)).fields.get('stored').bool();
}

function askIncrement(key: string, by: i64, expires: i32): i32 {
  return ask(withExpiry(fieldsOf('increment', key).json('by', by.toString()), expires), null);
}

function sumFrom(size: i32, key: string): i64 {
  return new Answer(checked(size, key)).integer('value');
}

/** Full, as the grant bounds it, or out of order. */
function isTrouble(size: i32): bool {
  return size == LIMIT || size == UNAVAILABLE;
}
