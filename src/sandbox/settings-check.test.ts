import { expect, test } from 'vitest';
import { checkSettings, settingsSchemaFault } from './settings-check.ts';

const DRAFT = 'https://json-schema.org/draft/2020-12/schema';
const footer = {
  $schema: DRAFT,
  type: 'object',
  additionalProperties: false,
  required: ['text'],
  properties: {
    text: { type: 'string', minLength: 1 },
    place: { enum: ['top', 'bottom'] },
    lists: { type: 'array', items: { $ref: '#/$defs/entry' } },
  },
  $defs: {
    entry: {
      type: 'object',
      required: ['name'],
      properties: { name: { oneOf: [{ type: 'string' }, { type: 'array' }] } },
    },
  },
};

async function faults(schema: Record<string, unknown>, settings: Record<string, unknown>): Promise<string[]> {
  const [answer] = await checkSettings([{ schema, settings }]);
  if (answer === undefined || 'schemaFault' in answer) throw new Error(answer?.schemaFault);
  return answer.faults.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

test('Settings that fit have no fault', async () => {
  expect(await faults(footer, { text: 'x', place: 'top', lists: [{ name: 'a' }] })).toEqual([]);
});

test('Every fault is told, at its key, in words', async () => {
  const settings = { text: '', place: 'left', colour: 'blue', lists: [{ name: 'a' }, {}, { name: 7 }] };
  expect((await faults(footer, settings)).sort()).toEqual([
    'colour: unknown key',
    'lists.1.name: missing',
    'lists.2.name: must be string, or must be array',
    'place: must be one of "top","bottom"',
    'text: must NOT have fewer than 1 characters',
  ]);
  expect(await faults(footer, {})).toEqual(['text: missing']);
});

test('Keys of which one is needed are told in one line', async () => {
  const schema = { anyOf: [{ required: ['to'] }, { required: ['nextHop'] }] };
  expect(await faults({ properties: { table: schema } }, { table: {} })).toEqual([
    'table: must have to, or must have nextHop',
  ]);
});

test('A value is never shown: it may be a secret', async () => {
  const schema = { properties: { key: { type: 'string', maxLength: 3, pattern: '^x' } } };
  expect((await faults(schema, { key: 'hunter2-hunter2' })).join()).not.toContain('hunter2');
});

test.each<[string, Record<string, unknown>, RegExp]>([
  ['of another draft', { $schema: 'http://json-schema.org/draft-07/schema#' }, /another "\$schema"/],
  ['against the draft', { type: 'strin' }, /schema is invalid/],
  ['with a reference to elsewhere', { $ref: 'https://example.com/schema.json' }, /can't resolve reference/],
  ['with a reference to nowhere', { $ref: '#/$defs/none' }, /can't resolve reference/],
  ['with a pattern that is none', { properties: { a: { pattern: '(' } } }, /cannot be used/],
  ['that answers later', { $async: true }, /\$async/],
])('A schema %s is at fault itself', async (_name, schema, fault) => {
  expect(await settingsSchemaFault(schema)).toMatch(fault);
});

test('What a schema remarks does not keep it from being used', async () => {
  expect(
    await settingsSchemaFault({ format: 'uri', 'x-order': 1, title: 'T', $comment: 'c' }),
  ).toBeUndefined();
});

test('A pattern that backtracks without end, or a schema that refers to itself, stops nobody', async () => {
  const evil = { properties: { a: { type: 'string', pattern: '^(a+)+$' } } };
  const loop = { $ref: '#' };
  const answers = await checkSettings(
    [
      { schema: evil, settings: { a: `${'a'.repeat(60)}!` } },
      { schema: loop, settings: {} },
      { schema: footer, settings: { text: 'x' } },
    ],
    { deadlineMs: 3000 },
  );
  expect(answers).toEqual([
    { schemaFault: expect.stringContaining('takes longer than 3000 ms') },
    { schemaFault: expect.stringContaining('cannot be') },
    { faults: [] },
  ]);
});

test('A schema that takes all memory ends its thread and nothing else', async () => {
  // Each alternative of alternatives doubles what is reported.
  let schema: Record<string, unknown> = { type: 'number' };
  for (let i = 0; i < 24; i++) schema = { allOf: [schema, { not: {} }, schema] };
  const [answer] = await checkSettings([{ schema, settings: {} }], { deadlineMs: 3000 });
  expect(answer).toHaveProperty('schemaFault');
});

test('What must be granted is held to what is, and to nothing where that is not known', async () => {
  const schema = {
    properties: {
      keys: { granted: 'key.dkim' },
      table: { granted: 'directory' },
      column: { granted: 'directory.column' },
      days: { granted: 'blob.days' },
      url: { granted: 'http.target' },
      lists: { granted: 'dns' },
      zones: { granted: 'dns.zone' },
      learns: { granted: 'kv' },
    },
  };
  const asked = {
    url: 'http://127.0.0.1:11333/x',
    lists: ['zen.example'],
    learns: {},
    zones: ['a.zen.example', 'zen.example', 'example'],
  };
  const settings = { keys: ['ours', 'theirs'], table: 'stuff', column: 'mial', days: 31, ...asked };
  const granted = {
    'key.dkim': ['ours', 'old'],
    directory: [],
    'directory.column': ['mail'],
    'blob.days': 30,
    'http.target': ['http://127.0.0.1:11334'],
    'dns.zone': ['*.zen.example', 'dbl.example'],
    dns: false,
    kv: false,
  };
  const good = {
    keys: 'old',
    column: 'mail',
    days: 30,
    url: 'http://127.0.0.1:11334/',
    lists: [],
    zones: 'Zen.example',
  };
  const answers = await checkSettings([
    { schema, settings, granted },
    { schema, settings: good, granted },
    { schema, settings },
    { schema, settings, granted: {} },
  ]);
  expect(answers).toEqual([
    {
      faults: [
        { path: ['keys'], message: 'names no DKIM key that is granted; granted are ours, old' },
        { path: ['table'], message: 'names no directory that is granted; none is' },
        {
          path: ['column'],
          message: 'names no column or attribute of a directory that is granted; granted is mail',
        },
        { path: ['days'], message: 'must not be more than 30: the grant keeps nothing longer' },
        { path: ['url'], message: 'names no target that is granted; granted is http://127.0.0.1:11334' },
        { path: ['lists'], message: 'needs the capability dns, which is not granted' },
        {
          path: ['zones'],
          message: 'names no zone in DNS that is granted; granted are *.zen.example, dbl.example',
        },
        { path: ['learns'], message: 'needs the capability kv, which is not granted' },
      ],
    },
    { faults: [] },
    { faults: [] },
    { faults: [] },
  ]);
  expect(await settingsSchemaFault({ granted: 'keys' })).toMatch(/^cannot be used: .*keyword/);
});
