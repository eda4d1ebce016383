import { parseArgs } from 'node:util';
import { fuzz } from './run.ts';
import { TARGETS, targetNamed } from './targets.ts';
import { tellFailure } from './tell.ts';

/**
 * `npm run fuzz`: puts made-up and damaged input to everything that reads what strangers write. README.md says how and what.
 *
 *   --seconds N    of new inputs for each target (default 20); 0: only what is kept
 *   --target NAME  only this one
 *   --seed S       a whole number, to repeat a run; else another each time
 *
 * Exit code 1 if a property does not hold; its input is then in cases/.
 */
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '20' },
    target: { type: 'string' },
    seed: { type: 'string' },
  },
});
const seconds = Number(values.seconds);
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed) | 0;
if (!(seconds >= 0)) throw new Error(`Cannot fuzz: --seconds is ${values.seconds}, it must be a number`);
const chosen = values.target === undefined ? TARGETS : [targetNamed(values.target)];

for (const { name, properties } of chosen) {
  const report = await fuzz(name, { seed, seconds });
  if ('failure' in report) {
    console.error(tellFailure(name, report.failure));
    process.exitCode = 1;
    continue;
  }
  const { runs, kept, growth, slowest } = report.held;
  const rate = seconds > 0 ? Math.round(runs / seconds) : 0;
  console.log(
    `${name.padEnd(10)} ${String(runs).padStart(8)} runs ${String(rate).padStart(6)}/s  ${kept} kept  ` +
      `${Object.keys(properties).length} properties  ${(growth / 2 ** 20).toFixed(1)} MiB grown  slowest ${slowest.toFixed(0)} ms  seed ${seed}`,
  );
}
