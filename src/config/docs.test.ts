import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { configJsonSchema } from './schema.ts';

/** `docs/config.md` has one table for each map of the schema, under a heading that names the map. */
interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly string[];
  readonly const?: string;
}

/** Map → key → what the schema says of it; a key of several kinds of one map (listeners) has several. */
function mapsOf(schema: JsonSchema, path: string, maps = new Map<string, Map<string, JsonSchema[]>>()) {
  for (const branch of [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])]) mapsOf(branch, path, maps);
  if (schema.items !== undefined) mapsOf(schema.items, `${path}[]`, maps);
  if (typeof schema.additionalProperties === 'object')
    mapsOf(schema.additionalProperties, `${path}.<name>`, maps);
  for (const [key, value] of Object.entries(schema.properties ?? {})) {
    const map = maps.get(path) ?? new Map<string, JsonSchema[]>();
    maps.set(path, map.set(key, [...(map.get(key) ?? []), value]));
    mapsOf(value, path === 'The file' ? key : `${path}.${key}`, maps);
  }
  return maps;
}

/** Heading → key → the cells after it. */
function tablesOf(text: string): Map<string, Map<string, string[]>> {
  const tables = new Map<string, Map<string, string[]>>();
  for (const section of text.split(/^##+ /m).slice(1)) {
    const heading = section.slice(0, section.indexOf('\n')).replaceAll('`', '');
    const rows = [...section.matchAll(/^\| `(\w+)` +\|(.*)\|$/gm)];
    tables.set(
      heading,
      new Map(rows.map(([, key = '', cells = '']) => [key, cells.split('|').map((s) => s.trim())])),
    );
  }
  return tables;
}

const schema: JsonSchema = configJsonSchema();
const maps = mapsOf(schema, 'The file');
const tables = tablesOf(readFileSync(new URL('../../docs/config.md', import.meta.url), 'utf8'));

test('Every key of the schema is in the table of its map, and no other', () => {
  expect([...tables.keys()].sort()).toEqual([...maps.keys()].sort());
  for (const [path, keys] of maps) {
    expect({ [path]: [...tables.get(path)!.keys()].sort() }).toEqual({ [path]: [...keys.keys()].sort() });
  }
});

test('Defaults, ranges and words are those of the schema', () => {
  const unsaid = [...maps].flatMap(([path, keys]) =>
    [...keys].flatMap(([key, kinds]) => {
      const [type = '', fallback = ''] = tables.get(path)?.get(key) ?? [];
      const missing = kinds.flatMap(factsOf).filter((fact) => !`${type} ${fallback}`.includes(fact));
      return missing.map((fact) => `${path}.${key}: ${fact}`);
    }),
  );
  expect(unsaid).toEqual([]);
});

function factsOf({ default: fallback, minimum, maximum, enum: words, const: word }: JsonSchema): string[] {
  return [
    ...(['string', 'number', 'boolean'].includes(typeof fallback) ? [`\`${JSON.stringify(fallback)}\``] : []),
    ...(minimum === undefined ? [] : [`${minimum} to ${maximum}`]),
    ...(words ?? []).map((each) => `\`${each}\``),
    ...(word === undefined ? [] : [`\`${word}\``]),
  ].map((fact) => fact.replaceAll('"', ''));
}
