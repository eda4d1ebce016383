import { state_get, state_set } from './ocp_smtp_v1';
import { must, NOT_FOUND } from './result';
import { decodeUtf8, encodeUtf8 } from './utf8';

/**
 * What this service remembers from one call of a transaction to a later one, at most 64 KiB in all. It ends with the
 * transaction; what is set before MAIL lasts for the session.
 */
export namespace State {
  export function get(key: string): Uint8Array | null {
    const name = encodeUtf8(key);
    let value = new Uint8Array(256);
    const size = state_get(name.dataStart, name.length, value.dataStart, value.length);
    if (size == NOT_FOUND) return null;
    must(size, 'read the state "' + key + '"');
    if (size <= value.length) return value.subarray(0, size);
    value = new Uint8Array(size);
    state_get(name.dataStart, name.length, value.dataStart, value.length);
    return value;
  }

  export function set(key: string, value: Uint8Array): void {
    const name = encodeUtf8(key);
    must(
      state_set(name.dataStart, name.length, value.dataStart, value.length),
      'keep the state "' + key + '"',
    );
  }

  /** '' if there is none. */
  export function getText(key: string): string {
    const value = get(key);
    return value === null ? '' : decodeUtf8(value);
  }

  export function setText(key: string, value: string): void {
    set(key, encodeUtf8(value));
  }
}
