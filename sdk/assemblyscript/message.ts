import {
  header_add,
  header_change,
  header_count,
  header_find,
  header_insert,
  header_name,
  header_remove,
  header_value,
  message_read,
  message_size,
  splice as spliceCall,
} from './ocp_smtp_v1';
import { must, NOT_FOUND } from './result';
import { decodeUtf8, encodeUtf8 } from './utf8';

/**
 * The message, read by range where the host keeps it, and the edits that are proposed for it. Stage `message` only.
 *
 * Offsets and indexes are those of the message as it was when the call began, however many edits were proposed. Edits
 * are applied all together when the call succeeds; edits that overlap make it a failure.
 */
export namespace Message {
  /** Octets. */
  export function size(): i32 {
    return must(message_size(), 'tell the size of the message');
  }

  /** Fills `buffer` from `offset`; gives the octets copied, fewer at the end, 0 past it. */
  export function read(offset: i32, buffer: Uint8Array): i32 {
    return must(message_read(offset, buffer.dataStart, buffer.length), 'read the message');
  }

  export function headerCount(): i32 {
    return must(header_count(), 'count the header fields');
  }

  /** The index of the `nth` (from 0) field of that name, case ignored; -1 if there is none. */
  export function headerFind(name: string, nth: i32 = 0): i32 {
    const octets = encodeUtf8(name);
    const index = header_find(octets.dataStart, octets.length, nth);
    return index == NOT_FOUND ? -1 : must(index, 'find the header ' + name);
  }

  export function headerName(index: i32): string {
    let buffer = new Uint8Array(128);
    const size = must(header_name(index, buffer.dataStart, buffer.length), 'read a header name');
    if (size > buffer.length) {
      buffer = new Uint8Array(size);
      header_name(index, buffer.dataStart, size);
    }
    return decodeUtf8(buffer, 0, size);
  }

  /** The value, unfolded; encoded words (RFC 2047) as they are. */
  export function headerValue(index: i32): string {
    let buffer = new Uint8Array(512);
    const size = must(header_value(index, buffer.dataStart, buffer.length), 'read a header value');
    if (size > buffer.length) {
      buffer = new Uint8Array(size);
      header_value(index, buffer.dataStart, size);
    }
    return decodeUtf8(buffer, 0, size);
  }

  /** The value of the first field of that name, or null. */
  export function header(name: string): string | null {
    const index = headerFind(name);
    return index < 0 ? null : headerValue(index);
  }

  /** Adds a field after the last. */
  export function headerAdd(name: string, value: string): void {
    const key = encodeUtf8(name);
    const octets = encodeUtf8(value);
    must(header_add(key.dataStart, key.length, octets.dataStart, octets.length), 'add the header ' + name);
  }

  /** Adds a field before field `index`; 0 puts it at the top. */
  export function headerInsert(index: i32, name: string, value: string): void {
    const key = encodeUtf8(name);
    const octets = encodeUtf8(value);
    must(
      header_insert(index, key.dataStart, key.length, octets.dataStart, octets.length),
      'insert the header ' + name,
    );
  }

  export function headerChange(index: i32, value: string): void {
    const octets = encodeUtf8(value);
    must(header_change(index, octets.dataStart, octets.length), 'change a header');
  }

  export function headerRemove(index: i32): void {
    must(header_remove(index), 'remove a header');
  }

  /** Removes all fields of that name, case ignored. Once in a call: edits must not overlap. */
  export function headerRemoveAll(name: string): void {
    for (let nth = 0; ; nth++) {
      const index = headerFind(name, nth);
      if (index < 0) return;
      headerRemove(index);
    }
  }

  /** Replaces `remove` octets at `offset`. Lines end in CRLF; a bare CR or LF is refused. */
  export function splice(offset: i32, remove: i32, octets: Uint8Array): void {
    must(spliceCall(offset, remove, octets.dataStart, octets.length), 'change the message');
  }
}
