import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileWat } from '../abi/wat.ts';
import { command } from '../support/command.ts';

/** Packages of a vendor, made as a vendor makes them: a module and its manifest, put together by `postern plugin pack`. */
export interface Footer {
  readonly version: string;
  /** Is also asked at rcpt, and requires the clock. */
  readonly asksMore?: true;
  /** Its `configure` refuses whatever the settings are. */
  readonly refusesSettings?: true;
  readonly settings?: object;
  /** What it says that a call needs. */
  readonly limits?: object;
}

/** `acme/footer`, which adds the field `X-Footer: VERSION` to each message; the path of its package. */
export async function makeFooter(directory: string, footer: Footer): Promise<string> {
  const { version, asksMore, refusesSettings, settings, limits } = footer;
  const module = `(module
    (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
    (import "extism:host/env" "store_u8" (func $store (param i64 i32)))
    (import "extism:host/env" "output_set" (func $output (param i64 i64)))
    (import "ocp_smtp_v1" "header_add" (func $header_add (param i32 i32 i32 i32) (result i32)))
    ${asksMore ? '(import "ocp_smtp_v1" "clock" (func (param i32 i32) (result i32)))' : ''}
    (global (export "ocp_smtp_abi_1") i32 (i32.const 1))
    (memory (export "memory") 1)
    (data (i32.const 0) "X-Footer${version}")
    (func $say (param $first i32) (param $second i32) (local $at i64)
      (local.set $at (call $alloc (i64.const 2)))
      (call $store (local.get $at) (local.get $first))
      (call $store (i64.add (local.get $at) (i64.const 1)) (local.get $second))
      (call $output (local.get $at) (i64.const 2)))
    (func (export "on_message") (result i32)
      (drop (call $header_add (i32.const 0) (i32.const 8) (i32.const 8) (i32.const ${version.length})))
      (call $say (i32.const 123) (i32.const 125))
      (i32.const 0))
    ${asksMore ? '(func (export "on_rcpt") (result i32) (call $say (i32.const 123) (i32.const 125)) (i32.const 0))' : ''}
    ${refusesSettings ? '(func (export "configure") (result i32) (call $say (i32.const 110) (i32.const 111)) (i32.const 0))' : ''}
  )`;
  const manifest = {
    id: 'acme/footer',
    version,
    abi: 1,
    title: 'Footer',
    description: 'Adds a field to the header.',
    stages: asksMore ? ['rcpt', 'message'] : ['message'],
    reads: 'none',
    modifies: true,
    ...(asksMore && { capabilities: { required: [{ name: 'clock', reason: 'It says when.' }] } }),
    ...(settings && { settings }),
    ...(limits && { limits }),
  };
  mkdirSync(directory, { recursive: true });
  const file = join(directory, `footer-${version}.wasm`);
  writeFileSync(file, compileWat('footer.wat', module));
  writeFileSync(`${file}.json`, JSON.stringify(manifest));
  const packed = await command(['plugin', 'pack', file, '--manifest', `${file}.json`], { seconds: 120 });
  if (packed.code !== 0) throw new Error(packed.errors);
  return file;
}
