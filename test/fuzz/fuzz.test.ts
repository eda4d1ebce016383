import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { inputsOf } from './files.ts';
import { fuzz, WORKER } from './run.ts';
import { TARGETS } from './targets.ts';
import { tellFailure } from './tell.ts';

/** Of new inputs for each target; `npm run fuzz` takes longer. */
const SECONDS = 0.8;
// Another each time, so that in the course of days much is tried; a failure prints it.
const seed = Math.floor(Math.random() * 2 ** 31);

describe('a reader of what strangers write', () => {
  it('has been compiled', () => {
    expect(existsSync(WORKER), 'run `npm run build:fuzz` first').toBe(true);
  });

  it.each(TARGETS)('$name holds with all seeds and kept cases, and with new inputs', async ({ name }) => {
    expect(inputsOf(name).length).toBeGreaterThan(0);
    const report = await fuzz(name, { seed, seconds: SECONDS });
    expect('failure' in report ? tellFailure(name, report.failure) : '').toBe('');
    // A target that tries nothing would hold, too.
    expect(report).toMatchObject({ held: { kept: inputsOf(name).length } });
    expect('held' in report && report.held.runs).toBeGreaterThan(0);
  });
});
