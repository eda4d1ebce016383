import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSpool, spoolOf } from '../../../src/base/spool.ts';
import { indexMime } from '../../../src/mail/mime-index.ts';
import { PartReader } from '../../../src/mail/part-reader.ts';
import { seededRandom } from '../../crash/random.ts';
import { builtPlugin, serve, type Asked } from '../ask.ts';
import { badMail, type Leaf } from './bad-mail.ts';

/** What `normalize` writes of mail made bad at random, read again by two parsers. */
const COUNT = 300;
let normalize: Asked;

beforeAll(async () => {
  normalize = await serve(builtPlugin('normalize'), {});
});
afterAll(async () => normalize.close());

/** The parts without parts that Postern finds. */
function leavesOf(text: string): Leaf[] {
  const source = openSpool(spoolOf(Buffer.from(text, 'latin1')).handle);
  const { parts } = indexMime(source);
  return parts
    .filter(({ index }) => !parts.some(({ parent }) => parent === index))
    .map((part) => {
      const octets = Buffer.alloc(part.size);
      const length = new PartReader(source, part).readInto(octets, 0);
      return { type: part.type, octets: octets.toString('latin1', 0, length) };
    });
}

interface Python {
  readonly leaves: readonly { readonly type: string; readonly octets: string; readonly name: string }[];
  readonly defects: readonly string[];
}

/** Those that Python finds, for each message. */
function inPython(texts: readonly string[]): (Omit<Python, 'leaves'> & { leaves: Leaf[] })[] {
  const input = texts
    .map((text) => JSON.stringify(Buffer.from(text, 'latin1').toString('base64')))
    .join('\n');
  const script = join(import.meta.dirname, 'leaves.py');
  const { stdout, stderr, status } = spawnSync('python3', [script], {
    input,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`python3 ended with ${status}: ${stderr}`);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Python)
    .map(({ leaves, defects }) => ({
      defects,
      leaves: leaves.map(({ type, octets }) => ({
        type,
        octets: Buffer.from(octets, 'base64').toString('latin1'),
      })),
    }));
}

/** Where a part ends is where readers differ by a line end, if nothing says it. */
const withoutLastLineEnd = (leaves: readonly Leaf[]): Leaf[] =>
  leaves.map(({ type, octets }) => ({ type, octets: octets.replace(/(?:\r\n)+$/, '') }));

describe('mail made bad at random', () => {
  test('has the parts that it should have afterwards, for Postern and for Python, and is normal', async () => {
    const random = seededRandom('normalize');
    const mails = Array.from({ length: COUNT }, () => badMail(random));
    const written: string[] = [];
    for (const { text } of mails) written.push((await normalize.filter(Buffer.from(text, 'latin1'))).text);
    const python = inPython(written);
    for (const [index, { text, leaves }] of mails.entries()) {
      const after = written[index]!;
      const again = await normalize.filter(Buffer.from(after, 'latin1'));
      const should = withoutLastLineEnd(leaves);
      expect({
        text,
        after,
        postern: withoutLastLineEnd(leavesOf(after)),
        python: withoutLastLineEnd(python[index]!.leaves),
        defects: python[index]!.defects,
        longLines: after.split('\r\n').filter(({ length }) => length > 998),
        hasBareLineEnd: /[^\r]\n|\r(?!\n)/.test(after),
        again: again.text,
        said: again.decision,
      }).toEqual({
        text,
        after,
        postern: should,
        python: should,
        defects: [],
        longLines: [],
        hasBareLineEnd: false,
        again: after,
        said: {},
      });
    }
  });
});
