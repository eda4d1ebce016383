import { manifestSchema, type Manifest } from '../../src/ocp/manifest.ts';
import { exportOf } from '../../src/ocp/stage.ts';
import type { SecretKey } from '../../src/sandbox/minisign-secret.ts';
import { encodePublicKey, formatSignature, sign } from '../../src/sandbox/minisign.ts';
import { packModule } from '../../src/sandbox/package.ts';
import { compileWat } from '../abi/wat.ts';
import { oneListener } from '../support/one-listener.ts';
import { configText } from '../support/postern.ts';
import { write, type Workshop } from './support.ts';

/** A small real package: at each of its stages it says `decision`. */
export function makePackage(manifest: object = {}, decision: object = {}): Uint8Array {
  const whole = manifestSchema.parse({
    id: 'acme/filter',
    version: '1.0.0',
    abi: 1,
    title: 'Filter',
    description: 'Says one thing',
    stages: ['rcpt'],
    reads: 'none',
    modifies: false,
    ...manifest,
  });
  return packModule(moduleOf(whole.stages, JSON.stringify(decision)), whole);
}

/** The same without a manifest. */
export function moduleOf(stages: Manifest['stages'], text: string): Uint8Array {
  const wat = `(module
    (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
    (import "extism:host/env" "store_u8" (func $store (param i64 i32)))
    (import "extism:host/env" "output_set" (func $output (param i64 i64)))
    (global (export "ocp_smtp_abi_1") i32 (i32.const 1))
    (memory (export "memory") 1)
    (data (i32.const 0) "${text.replaceAll('"', '\\22')}")
    (func $say (result i32) (local $at i64) (local $to i64)
      (local.set $to (call $alloc (i64.const ${text.length})))
      (loop $next
        (call $store (i64.add (local.get $to) (local.get $at)) (i32.load8_u (i32.wrap_i64 (local.get $at))))
        (local.set $at (i64.add (local.get $at) (i64.const 1)))
        (br_if $next (i64.lt_u (local.get $at) (i64.const ${text.length}))))
      (call $output (local.get $to) (i64.const ${text.length}))
      (i32.const 0))
    ${stages.map((stage) => `(export "${exportOf(stage)}" (func $say))`).join('\n')})`;
  return compileWat('package.wat', wat);
}

/** The texts of `.minisig` files, one for each key. */
export const signaturesOf = (content: Uint8Array, ...keys: readonly SecretKey[]): string[] =>
  keys.map((key) => formatSignature(sign(content, { key, trustedComment: 'test' })));

/** Writes a package, and the signatures of these keys beside it. */
export function writePackage(
  shop: Workshop,
  name: string,
  options: { content: Uint8Array; keys: readonly SecretKey[] },
): void {
  const { content, keys } = options;
  write(shop, name, content);
  for (const [at, text] of signaturesOf(content, ...keys).entries())
    write(shop, `${name}.${at}.minisig`, text);
}

/** The line `RW…` of a key. */
export const lineOf = ({ publicKey }: SecretKey): string => encodePublicKey(publicKey);

/** Writes `postern.yaml`: these `plugins`, and services in one group of one listener. */
export function writeConfig(shop: Workshop, plugins: object, services: object = {}): void {
  write(shop, 'postern.yaml', configText(configOf(plugins, services)));
}

export const configOf = (plugins: object, services: object = {}): object => ({
  ...oneListener({ services }),
  plugins,
});
