import { createPlugin } from '@extism/extism';
import { beforeAll, expect, test } from 'vitest';
import { compilePlugin } from './compile.ts';

/** Reads JSON with the SDK and writes it again, so that what was understood can be compared with JSON.parse. */
const PROBE = `
import { encodeUtf8, Json, JsonKind, JsonList, JsonObject, parseJson, quote } from 'sdk';

let input = new Uint8Array(0);
let output = new Uint8Array(0);

export function room(size: i32): usize {
  input = new Uint8Array(size);
  return input.dataStart;
}

export function read(): i32 {
  const json = parseJson(input);
  if (json === null) return -1;
  output = encodeUtf8(write(json));
  return output.length;
}

export function written(): usize {
  return output.dataStart;
}

export function integer(): i32 {
  const json = parseJson(input);
  return json === null ? -2 : json.get('a').get('b').at(1).integer(-1);
}

function write(json: Json): string {
  if (json.kind == JsonKind.Text) return quote(json.text());
  if (json.kind == JsonKind.List) {
    const list = new JsonList();
    for (let i = 0; i < json.length; i++) list.json(write(json.at(i)));
    return list.toString();
  }
  if (json.kind == JsonKind.Object) {
    const object = new JsonObject();
    for (let i = 0; i < json.length; i++) object.json(json.nameAt(i), write(json.at(i)));
    return object.toString();
  }
  return json.raw;
}
`;

interface Probe {
  memory: WebAssembly.Memory;
  room(size: number): number;
  read(): number;
  written(): number;
  integer(): number;
}

let module: WebAssembly.Module;

beforeAll(async () => {
  module = await WebAssembly.compile(await compilePlugin(PROBE));
});

/** A fresh instance with these octets as its input. */
async function open(octets: Uint8Array): Promise<Probe> {
  const plugin = await createPlugin(module, { useWasi: false });
  const { exports } = await plugin.getInstance();
  if (!isProbe(exports)) throw new Error('the probe lacks an export');
  const start = exports.room(octets.length);
  new Uint8Array(exports.memory.buffer, start, octets.length).set(octets);
  return exports;
}

const isProbe = (exports: unknown): exports is Probe =>
  typeof exports === 'object' && exports !== null && 'room' in exports && 'integer' in exports;

/** What the SDK read, undefined where it refused. */
async function readBySdk(octets: Uint8Array): Promise<unknown> {
  const probe = await open(octets);
  const size = probe.read();
  if (size < 0) return undefined;
  const written = Buffer.from(probe.memory.buffer, probe.written(), size);
  return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(written));
}

/** The same by JSON.parse, half surrogates replaced as UTF-8 demands. */
function readByNode(octets: Uint8Array): unknown {
  try {
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(octets);
    return JSON.parse(text, (_key, value: unknown) =>
      typeof value === 'string' ? Buffer.from(value).toString() : value,
    );
  } catch {
    return undefined;
  }
}

const VALID = [
  '{}',
  ' [ ] ',
  '{"a":{"b":[1,2.50,-3e+7,0,-0,1E-2]},"c":null,"d":true,"e":false}',
  '"plain"',
  '"\\u0041\\n\\t\\r\\b\\f\\/\\\\\\""',
  '"\\ud83d\\ude00 \\uD83D\\uDE00 😀 ä € \\u20ac"',
  '"half \\ud83d and \\ude00 and \\ud83d\\u0041"',
  '"\u007f"',
  '{"":{"":""},"a":1,"a":2}',
  '[[[[[[]]]]]]',
  '"\\ud83d\\ud83d\\ude00"',
  '1234567890123456789012345678901234567890',
];

const INVALID = [
  '',
  ' ',
  '{',
  '[1,]',
  '{"a":1,}',
  '{"a" 1}',
  '{"a":1 "b":2}',
  "{'a':1}",
  '{a:1}',
  '01',
  '1.',
  '.5',
  '+1',
  '-',
  '1e',
  'tru',
  'truex',
  'NaN',
  '"a',
  '"\\"',
  '"\\x41"',
  '"\\u12g4"',
  '"\\u12',
  '"a\nb"',
  '"\u0000"',
  '[1]]',
  '{}x',
  '\ufeff{}',
  '/* */{}',
];

test.each(VALID)('reads %s as JSON.parse does', async (text) => {
  const octets = Buffer.from(text);
  expect(readByNode(octets)).not.toBe(undefined);
  expect(await readBySdk(octets)).toEqual(readByNode(octets));
});

test.each(INVALID)('refuses %j', async (text) => {
  const octets = Buffer.from(text);
  expect(readByNode(octets)).toBe(undefined);
  expect(await readBySdk(octets)).toBe(undefined);
});

test('replaces octets that are not UTF-8 as the Encoding Standard does', async () => {
  const bad = [
    [0xff],
    [0xc0, 0xae],
    [0xc3],
    [0xe2, 0x82],
    [0xe0, 0x80, 0xaf],
    [0xed, 0xa0, 0x80],
    [0xf0, 0x9f, 0x98],
    [0xf4, 0x90, 0x80, 0x80],
    [0xf8, 0x88, 0x80, 0x80, 0x80],
    [0x80, 0x41, 0xe2, 0x28, 0xa1],
  ];
  for (const octets of bad) {
    const text = Buffer.from([0x22, 0x61, ...octets, 0x62, 0x22]);
    expect(await readBySdk(text)).toBe(readByNode(text));
  }
});

test('refuses what nests deeper than 64 and survives any depth', async () => {
  const nested = (depth: number): Buffer => Buffer.from('['.repeat(depth) + ']'.repeat(depth));
  expect(await readBySdk(nested(65))).toEqual(readByNode(nested(65)));
  expect(await readBySdk(nested(66))).toBe(undefined);
  expect(await readBySdk(nested(200_000))).toBe(undefined);
  expect(await readBySdk(Buffer.from('{"a":'.repeat(50_000)))).toBe(undefined);
});

test('gives the fallback for what is missing or of another kind', async () => {
  expect((await open(Buffer.from('{"a":{"b":[0,42]}}'))).integer()).toBe(42);
  expect((await open(Buffer.from('{"a":{"b":[0,-7]}}'))).integer()).toBe(-7);
  for (const text of [
    '{"a":{"b":[0,1.5]}}',
    '{"a":{"b":[0,9999999999]}}',
    '{"a":[]}',
    '[]',
    '{"a":{"b":[0,"1"]}}',
  ]) {
    expect((await open(Buffer.from(text))).integer()).toBe(-1);
  }
});

test('agrees with JSON.parse on 5000 damaged texts', async () => {
  let seed = 20_061_105;
  const next = (limit: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % limit;
  };
  const alphabet = Buffer.from('{}[]",:\\u0123456789eE+-.truefalsn \n');
  for (let round = 0; round < 5000; round++) {
    const octets = Buffer.from(VALID[next(VALID.length)]!);
    for (let edits = 1 + next(3); edits > 0; edits--) {
      octets[next(octets.length)] = next(4) === 0 ? next(256) : alphabet[next(alphabet.length)]!;
    }
    const text = octets.toString('latin1');
    expect({ text, value: await readBySdk(octets) }).toEqual({ text, value: readByNode(octets) });
  }
});
