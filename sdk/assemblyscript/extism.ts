import {
  alloc,
  config_get,
  input_length,
  input_load_u64,
  input_load_u8,
  length,
  load_u64,
  load_u8,
  output_set,
  store_u64,
  store_u8,
} from '@extism/as-pdk/lib/env';
import { encodeUtf8 } from './utf8';

/**
 * Extism's input, output and configuration as text. Only what is small goes this way: facts, settings, decisions
 * and log lines, eight octets a call. Message content goes through `ocp_smtp_v1`, a range a call.
 */
export function readInput(): Uint8Array {
  const size = <i32>input_length();
  const octets = new Uint8Array(size);
  const base = octets.dataStart;
  let at = 0;
  for (; at + 8 <= size; at += 8) store<u64>(base + at, input_load_u64(at));
  for (; at < size; at++) store<u8>(base + at, input_load_u8(at));
  return octets;
}

export function writeOutput(text: string): void {
  const octets = encodeUtf8(text);
  output_set(toExtism(octets), octets.length);
}

/** The configuration value of that name, '' if there is none. */
export function readConfig(name: string): Uint8Array {
  const block = config_get(textToExtism(name));
  return block == 0 ? new Uint8Array(0) : fromExtism(block);
}

/** Copies a text to the host. The host frees it with the instance. */
export function textToExtism(text: string): u64 {
  return toExtism(encodeUtf8(text));
}

function toExtism(octets: Uint8Array): u64 {
  const size = octets.length;
  const block = alloc(size);
  const base = octets.dataStart;
  let at = 0;
  for (; at + 8 <= size; at += 8) store_u64(block + at, load<u64>(base + at));
  for (; at < size; at++) store_u8(block + at, load<u8>(base + at));
  return block;
}

function fromExtism(block: u64): Uint8Array {
  const size = <i32>length(block);
  const octets = new Uint8Array(size);
  const base = octets.dataStart;
  let at = 0;
  for (; at + 8 <= size; at += 8) store<u64>(base + at, load_u64(block + at));
  for (; at < size; at++) store<u8>(base + at, load_u8(block + at));
  return octets;
}
