import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';

/**
 * Every `name.yaml` here is a config that must be refused with exactly the problems in `name.expected`, one a line:
 * `line:column path: message` (the message may be cut short; `0:0` is the file as a whole). Those in `good/` must load.
 */
const directory = fileURLToPath(new URL('.', import.meta.url));
const namesIn = (folder: string): string[] =>
  readdirSync(folder).flatMap((file) => (file.endsWith('.yaml') ? [file.slice(0, -'.yaml'.length)] : []));

const bad = namesIn(directory);

test('There are enough of them, and none is without its expectation', () => {
  expect(bad.length).toBeGreaterThanOrEqual(35);
  const expectations = readdirSync(directory).filter((file) => file.endsWith('.expected'));
  expect(expectations.sort()).toEqual(bad.map((name) => `${name}.expected`).sort());
});

describe('A bad config is refused with all its problems, where they are', () => {
  test.each(bad)('%s', (name) => {
    const loaded = loadConfig(`${directory}${name}.yaml`);
    expect(loaded.ok).toBe(false);
    const found = loaded.ok
      ? []
      : loaded.problems.map(({ line, column, path, message }) => {
          const place = `${line}:${column}`;
          return path === '' ? `${place}: ${message}` : `${place} ${path}: ${message}`;
        });
    const expected = readFileSync(`${directory}${name}.expected`, 'utf8').trimEnd().split('\n');
    // An empty expectation would hold for anything.
    for (const line of expected) expect(line).toMatch(/^\d+:\d+(?: .+)?: .{5}/);
    // Compared as far as the expectation goes, so that a failure shows both lists side by side.
    expect(found.map((line, i) => line.slice(0, expected[i]?.length))).toEqual(expected);
  });
});

describe('A good config loads', () => {
  test.each(namesIn(`${directory}good`))('%s', (name) => {
    const loaded = loadConfig(`${directory}good/${name}.yaml`);
    expect(loaded).toMatchObject({ ok: true });
  });
});
