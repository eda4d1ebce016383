import assert from 'node:assert/strict';
import { checkConfig, type LoadResult } from '../../../src/config/load.ts';
import { hasControl } from '../../../src/mail/text.ts';
import type { Target } from '../target.ts';

/** Nothing is there, so a config that names files has problems. */
const FILE = '/nonexistent/postern.yaml';

const check = (octets: Buffer): LoadResult => checkConfig(FILE, octets.toString('utf8'));

/** `config/load.ts`: the config file. */
export const config: Target = {
  name: 'config',
  words: [
    '\n',
    '  ',
    ': ',
    '- ',
    '&a ',
    '*a',
    '<<: *a',
    '!!binary ',
    '{',
    '}',
    '[',
    ']',
    '"',
    "'",
    '|\n',
    '? ',
    '# ',
    '%YAML 1.1\n---\n',
    '---\n',
    '0x7f',
    '1e999',
    '\t',
    'listeners:\n',
    '__proto__: 1\n',
  ],
  properties: {
    'a config is loaded, or every problem has a place in the file and words on one line'(octets) {
      const result = check(octets);
      const text = octets.toString('utf8');
      const lines = text.split(/\r\n|\n|\r/).length;
      if (!result.ok) assert.ok(result.problems.length > 0 && result.problems.length <= 201);
      for (const { file, line, column, message } of [
        ...(result.ok ? [] : result.problems),
        ...result.warnings,
      ]) {
        assert.equal(file, FILE);
        // 0: what is about the whole of it.
        const isPlace = line === 0 ? column === 0 : line >= 1 && line <= lines && column >= 1;
        assert.ok(isPlace, `${line}:${column} of ${lines}`);
        assert.ok(!hasControl(message) && message !== '', message);
        assert.ok(message.length < 2000, `${message.length} characters`);
      }
    },
    'the same text gives the same result, and leaves nothing behind'(octets) {
      const [first, second] = [check(octets), check(octets)];
      assert.equal(JSON.stringify(second), JSON.stringify(first));
      assert.deepEqual(Object.keys(Object.prototype), []);
    },
  },
};
