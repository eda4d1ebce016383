import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from './support/postern.ts';
import { isThere, rowsIn, testsIn } from './support/tests-named.ts';

/** `docs/protocol.md` says what Postern speaks, and which test shows it. Here is what is held of that: the tests are there. */
const ROWS = readFileSync(join(ROOT, 'docs/protocol.md'), 'utf8')
  .split(/^## /m)
  .slice(1)
  .flatMap(rowsIn)
  .map(([what = '', , server = '', client = '', tests = '']) => ({ what, sides: [server, client], tests }));

/** What the page says of a side that does not speak it, or has no part in it; that parameters are passed on shows in the client's tests. */
const SAYS_NO = new Set(['not yet', '—', 'parameters passed on']);

describe.each(ROWS)('$what', ({ sides, tests }) => {
  it('has tests, if it is spoken, and they are there', () => {
    const named = testsIn(tests);
    expect(named.length > 0).toBe(!sides.every((said) => SAYS_NO.has(said)));
    expect(named.filter((test) => !isThere(test))).toEqual([]);
  });
});

it('What EHLO can offer has a row', () => {
  const table = readFileSync(join(ROOT, 'src/smtp/server-extensions.ts'), 'utf8');
  const keywords = [...table.matchAll(/keyword: '([A-Z0-9-]+)'/g)].map(([, keyword]) => keyword!);
  expect(keywords.length).toBeGreaterThan(8);
  const spoken = ROWS.filter(({ sides }) => sides[0] !== 'not yet').map(({ what }) => what.split(' ')[0]);
  expect(keywords.filter((keyword) => !spoken.includes(keyword))).toEqual([]);
});
