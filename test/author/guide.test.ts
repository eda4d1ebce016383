import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { LANGUAGES, skipped } from '../sdk/language.ts';
import { ROOT, temporaryDirectory } from '../support/postern.ts';

vi.setConfig({ testTimeout: 300_000 });

/**
 * `docs/plugin-author.md`, run as it stands: every shell block in order, in one directory, and what it prints compared with the block
 * of text that follows it.
 */
const PAGE = readFileSync(join(ROOT, 'docs/plugin-author.md'), 'utf8');
const { path: directory, remove } = temporaryDirectory();
const bin = join(directory, 'bin');

const ANYTHING = '…\n';

interface Step {
  readonly commands: string;
  /** What it prints; ANYTHING where the page does not say. */
  readonly expected: string;
}

interface Section {
  readonly title: string;
  readonly steps: readonly Step[];
}

const sections = PAGE.split(/^## /m)
  .slice(1)
  .map((text): Section => {
    const fences = [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)];
    const steps = fences.flatMap(([, language, commands], at): Step[] => {
      const next = fences[at + 1];
      return language === 'sh'
        ? [{ commands: commands!, expected: next?.[1] === 'text' ? next[2]! : ANYTHING }]
        : [];
    });
    return { title: text.split('\n', 1)[0]!, steps };
  })
  .filter(({ steps }) => steps.length > 0);

beforeAll(() => {
  mkdirSync(bin);
  const postern = join(bin, 'postern');
  writeFileSync(postern, `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, 'dist/main.js')}' "$@"\n`);
  chmodSync(postern, 0o755);
});
afterAll(remove);

/** Where the section before ended is where the next begins: `cd` in a block holds on. */
let place = directory;

async function run({ commands }: Step, environment: Readonly<Record<string, string>>): Promise<string> {
  const marker = join(directory, 'place');
  const script = `set -e\n${commands}\npwd >'${marker}'\n`;
  const env = {
    ...process.env,
    ...environment,
    PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}`,
    // What npm installs is in its cache, from the checkout's own `npm ci`.
    npm_config_offline: 'true',
    npm_config_loglevel: 'error',
  };
  const out = await new Promise<string>((resolve, reject) => {
    const options = { cwd: place, env, timeout: 280_000 };
    execFile('bash', ['-c', script], options, (error, stdout, stderr) =>
      error === null ? resolve(stdout) : reject(new Error(`${error.message}\n${stdout}\n${stderr}`)),
    );
  });
  place = readFileSync(marker, 'utf8').trim();
  return out;
}

/** Ends of lines do not count; `…` is any text in a line, on a line of its own any number of lines. */
function patternOf(expected: string): RegExp {
  const escape = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const lines = expected
    .trimEnd()
    .split('\n')
    .map((line) => (line === '…' ? '(?:.*\\n)*?' : `${line.split('…').map(escape).join('.*')} *\\n`));
  return new RegExp(`^${lines.join('')}$`);
}

describe('the guide for authors', () => {
  test('has commands, and says what they print', () => {
    expect(sections.map(({ title }) => title)).toEqual([
      'A project',
      'See what it does',
      'Change it, and let a test find out',
      'Measure it',
      'Sign it, and ship it',
      'In C',
      'In Rust',
      'In Go',
    ]);
    const steps = sections.flatMap((section) => section.steps);
    expect(steps.filter(({ expected }) => expected !== ANYTHING).length).toBeGreaterThanOrEqual(9);
  });

  for (const { title, steps } of sections) {
    const language = LANGUAGES.find(({ name }) => title === `In ${name}`);
    const reason = language === undefined ? '' : skipped(language);
    test.skipIf(reason !== '')(`${title}${reason}`, async () => {
      if (language !== undefined) place = directory;
      for (const step of steps) {
        const out = await run(step, language?.environment ?? {});
        expect(out).toMatch(patternOf(step.expected));
      }
    });
  }

  test('leads to a package and its signature', () => {
    for (const file of ['guard.wasm', 'guard.wasm.minisig']) {
      expect(existsSync(join(directory, 'guard', file))).toBe(true);
    }
  });

  test('would notice an output that differs', () => {
    expect('a 12 b\nc\n').toMatch(patternOf('a … b\nc\n'));
    expect('a 12 b\nd\n').not.toMatch(patternOf('a … b\nc\n'));
    expect('x\ny\n').toMatch(patternOf(ANYTHING));
    expect('').toMatch(patternOf(ANYTHING));
    expect('x\ny\nc\n').toMatch(patternOf('…\nc\n'));
    expect('c\nmore\n').not.toMatch(patternOf('c\n'));
  });
});
