import { afterEach, describe, expect, it } from 'vitest';
import { manifestSchema } from '../../src/ocp/manifest.ts';
import { encodeU32 } from '../../src/sandbox/binary.ts';
import { packModule } from '../../src/sandbox/package.ts';
import { compilePlugin } from '../../src/sandbox/plugin-module.ts';
import { compileWat, factsOf, serviceOf, startBench, type Bench } from '../abi/wat.ts';

const MARKER = '(global (export "ocp_smtp_abi_1") i32 (i32.const 1))';
const MEMORY = '(memory (export "memory") 1)';
const wat = (...parts: string[]): Uint8Array => compileWat('plugin.wat', `(module ${parts.join(' ')})`);

/** A module with a section of this content and no other. */
const withSection = (id: number, body: Uint8Array): Uint8Array =>
  Buffer.concat([wat().subarray(0, 8), Uint8Array.of(id, ...encodeU32(body.length)), body]);

const good = wat(MARKER, MEMORY, '(func (export "on_rcpt") (result i32) i32.const 0)');
const nonsense: Record<string, [Uint8Array, string]> = {
  'an empty file': [new Uint8Array(), 'the file is empty'],
  'a text': [Buffer.from('#!/bin/sh\necho hello\n'), 'it is not WebAssembly: it does not begin with \\0asm'],
  'a component': [
    Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0),
    'it is WebAssembly of another kind than a core module of version 1 (a component, perhaps)',
  ],
  'a truncated file': [
    good.subarray(0, good.length - 3),
    'it is truncated: section 10 at octet 73 has 6 octets, 3 are left',
  ],
  'a body that does not validate': [
    Buffer.concat([good.subarray(0, good.length - 3), Uint8Array.of(0x6a, 0x01, 0x0b)]),
    'it is malformed: WebAssembly.compile(): ',
  ],
};
const refused: Record<string, [Uint8Array, string]> = {
  'no marker': [wat(MEMORY), 'it has no export "ocp_smtp_abi_1"'],
  'an unknown call': [
    wat('(import "ocp_smtp_v1" "send_mail" (func (result i32)))', MARKER, MEMORY),
    'it imports "send_mail" from "ocp_smtp_v1", which Postern does not offer',
  ],
  'a call of a later version': [
    wat('(import "ocp_smtp_v2" "message_size" (func (result i32)))', MARKER, MEMORY),
    'it imports "message_size" from "ocp_smtp_v2", which Postern does not offer',
  ],
  http_request: [
    wat('(import "extism:host/env" "http_request" (func (param i64 i64) (result i64)))', MARKER, MEMORY),
    'it imports "http_request" from "extism:host/env", which Postern does not offer',
  ],
  'a name that JavaScript has': [
    wat('(import "ocp_smtp_v1" "constructor" (func (result i32)))', MARKER, MEMORY),
    'it imports "constructor" from "ocp_smtp_v1", which Postern does not offer',
  ],
  'another signature': [
    wat('(import "ocp_smtp_v1" "message_size" (func (param i64) (result i32)))', MARKER, MEMORY),
    'it imports "message_size" from "ocp_smtp_v1" as (i64 -> i32), it is (-> i32)',
  ],
  'an imported memory': [
    wat('(import "env" "memory" (memory 1))', MARKER),
    'it imports the memory "memory" from "env"; only functions may be imported',
  ],
  'an imported table': [
    wat('(import "env" "table" (table 1 funcref))', MARKER, MEMORY),
    'it imports the table "table" from "env"; only functions may be imported',
  ],
  'a hidden memory': [
    wat('(import "ocp_smtp_v1" "message_size" (func (result i32)))', MARKER, '(memory 1)'),
    'it does not export its memory as "memory"',
  ],
  'an export with parameters': [
    wat(MARKER, MEMORY, '(func (export "on_rcpt") (param i32) (result i32) i32.const 0)'),
    'its export "on_rcpt" is (i32 -> i32), it must be a function (-> i32)',
  ],
  'an export that is no function': [
    wat(MARKER, MEMORY, '(global (export "configure") i32 (i32.const 1))'),
    'its export "configure" is a global, it must be a function (-> i32)',
  ],
  'too much memory from the start': [
    wat(MARKER, '(memory (export "memory") 2000)'),
    'it needs 125 MiB of memory from the start, its limit is 64 MiB',
  ],
  'a table too large from the start': [
    wat(MARKER, MEMORY, '(table 1000000 funcref)'),
    'it declares a table of 1000000 elements, 100000 are allowed',
  ],
  'shared memory': [
    // (memory 1 1 shared), which the engine would allow: section 5, one memory, flags 3
    Buffer.concat([wat(MARKER).subarray(0, 8), Uint8Array.of(5, 4, 1, 3, 1, 1), wat(MARKER).subarray(8)]),
    'it declares a shared or 64-bit memory (flags 0x3), which is not allowed',
  ],
  'two memories': [
    Buffer.concat([wat(MARKER).subarray(0, 8), Uint8Array.of(5, 5, 2, 0, 1, 0, 1), wat(MARKER).subarray(8)]),
    'it declares 2 memories, one is allowed',
  ],
  'sections without end': [
    Buffer.concat([wat(MARKER), Buffer.alloc(3_000_000)]),
    'it has more than 1000 sections, so many are allowed',
  ],
  'a section twice': [
    Buffer.concat([wat(MARKER), Uint8Array.of(7, 1, 0)]),
    'it is malformed: it has section 7 twice',
  ],
  'exports without end': [
    withSection(7, Buffer.alloc(10_000_000)),
    'its section of exports has 10000000 octets, at most 262144 are allowed',
  ],
  // As a list in the JavaScript heap these would end the process, whatever the limit of the thread.
  'elements that no table could hold': [
    withSection(9, Buffer.alloc(10_000_000)),
    'its section of elements has 10000000 octets, at most 409600 are allowed',
  ],
  'a function that would keep the compiler busy': [
    withSection(10, Buffer.concat([Uint8Array.of(1, ...encodeU32(2_000_000)), Buffer.alloc(2_000_000)])),
    'one of its functions has 2000000 octets, at most 1048576 are allowed',
  ],
  'garbage-collected types': [
    // (type (array i32)), which later engines allow: section 1, one type of form 0x5e
    Buffer.concat([
      wat(MARKER).subarray(0, 8),
      Uint8Array.of(1, 4, 1, 0x5e, 0x7f, 0),
      wat(MARKER).subarray(8),
    ]),
    'it declares a type of form 0x5e; only function types are allowed',
  ],
};
const manifest = manifestSchema.parse({
  id: 'acme/filter',
  version: '1.0.0',
  abi: 1,
  title: 'Filter',
  description: 'Says what it does not do',
  stages: ['rcpt'],
  reads: 'none',
  modifies: false,
});
const importing = (call: string, parameters: number): Uint8Array =>
  wat(
    `(import "ocp_smtp_v1" "${call}" (func (param ${'i32 '.repeat(parameters)}) (result i32)))`,
    MARKER,
    MEMORY,
    '(func (export "on_rcpt") (result i32) i32.const 0)',
  );
/** What its manifest says, and what it is. */
const lying: Record<string, [Uint8Array, string]> = {
  'says that it changes nothing': [
    packModule(importing('splice', 4), manifest),
    'it imports "splice", but its manifest says that it modifies nothing',
  ],
  'says that it reads nothing': [
    packModule(importing('message_read', 3), manifest),
    'it imports "message_read", but its manifest says that it reads none',
  ],
  'says that it is asked at one stage only': [
    packModule(
      wat(
        MARKER,
        MEMORY,
        '(func (export "on_rcpt") (result i32) i32.const 0)',
        '(func (export "on_mail") (result i32) i32.const 0)',
      ),
      manifest,
    ),
    'it exports "on_mail", but its manifest does not name the stage mail',
  ],
  'says that it asks for nothing': [
    packModule(importing('http', 2), manifest),
    'it imports "http", but its manifest does not ask for the capability http',
  ],
  'has two manifests': [
    Buffer.concat([
      packModule(good, manifest),
      packModule(good, { ...manifest, modifies: true }).subarray(good.length),
    ]),
    'it has 2 sections "ocp_smtp_manifest", one is allowed',
  ],
};
const bad = { ...nonsense, ...refused, ...lying };

describe('a plugin that is refused', () => {
  let bench: Bench | undefined;
  afterEach(async () => {
    await bench?.close();
    bench = undefined;
  });

  it('is reported with its path and the reason, all of them at once, and the others work', async () => {
    const files = Object.fromEntries(Object.entries(bad).map(([name, [octets]]) => [name, octets]));
    const names = [...Object.keys(bad), 'missing'];
    bench = await startBench({
      folder: new URL('./', import.meta.url),
      services: [...names, 'good'].map((name) => serviceOf(name)),
      files: { ...files, good },
    });
    const reasons = [...Object.values(bad).map(([, reason]) => reason), 'there is no such file'];
    expect(bench.problems).toEqual(
      names.map((name, index) => ({
        service: name,
        where: expect.stringMatching(`/${name}.wasm$`),
        reason: expect.stringContaining(reasons[index]!),
      })),
    );

    // A service without a plugin fails when it is asked, so that its failure policy applies.
    const ask = async (name: string) =>
      (await bench!.sandbox.run({ stage: 'rcpt', services: [name], facts: factsOf('rcpt'), state: {} }))
        .outcomes[0]!.result;
    expect(bench.sandbox.answers('missing', 'rcpt')).toBe(true);
    expect(await ask('missing')).toEqual({
      kind: 'failure',
      failure: 'load',
      cause: expect.stringMatching(/missing\.wasm did not load: there is no such file$/),
    });
    expect(await ask('good')).toMatchObject({
      kind: 'failure',
      failure: 'trap',
      cause: expect.stringContaining('nothing'),
    });
  });

  it('names every fault, not only the first', async () => {
    const loaded = await compilePlugin(
      wat('(import "a" "b" (func))', '(import "c" "d" (func))', '(func (export "on_rcpt"))'),
      { memoryMiB: 64 },
    );
    expect(loaded).toEqual({
      reasons: [
        'it imports "b" from "a", which Postern does not offer',
        'it imports "d" from "c", which Postern does not offer',
        expect.stringContaining('ocp_smtp_abi_1'),
        'its export "on_rcpt" is (->), it must be a function (-> i32)',
        'it does not export its memory as "memory"',
      ],
    });
  });

  it('never throws, wherever a good file is cut or changed', async () => {
    for (let length = 0; length < good.length; length++) {
      expect(await compilePlugin(good.subarray(0, length), { memoryMiB: 64 })).toHaveProperty('reasons');
    }
    for (let at = 0; at < good.length; at++) {
      for (const value of [0, 1, 0x40, 0x7f, 0x80, 0xff]) {
        const changed = Uint8Array.from(good);
        changed[at] = value;
        const loaded = await compilePlugin(changed, { memoryMiB: 64 });
        expect('plugin' in loaded || loaded.reasons.length > 0).toBe(true);
      }
    }
  });

  it('is judged by the memory limit of each service', async () => {
    const grower = wat(
      MARKER,
      '(memory (export "memory") 40)',
      '(func (export "on_rcpt") (result i32) i32.const 0)',
    );
    bench = await startBench({
      folder: new URL('./', import.meta.url),
      services: [
        serviceOf('narrow', { plugin: 'grower', limits: { memoryMiB: 2 } }),
        serviceOf('wide', { plugin: 'grower', limits: { memoryMiB: 3 } }),
      ],
      files: { grower },
    });
    expect(bench.problems.map(({ service }) => service)).toEqual(['narrow']);
  });
});
