import { availableParallelism, loadavg } from 'node:os';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { madeMessages } from '../author/made-messages.ts';
import { measure, measureNoise, type Measured } from '../author/measure.ts';
import { readMessage } from '../author/message-file.ts';
import { STAGES, type Stage } from '../ocp/stage.ts';
import { EXIT } from './exit.ts';
import { formatSize, printJson, printLine, printTable } from './output.ts';
import { collect } from './plugin-verify.ts';
import { addTrialOptions, openSubject, type TrialOptions } from './trial-options.ts';

interface BenchOptions extends TrialOptions {
  readonly eml?: readonly string[];
  readonly json?: boolean;
}

interface Row extends Measured {
  readonly stage: Stage;
  /** '' at stages without one. */
  readonly message: string;
  readonly octets: number;
}

/** `postern plugin bench`: what a call costs. */
export function addBenchCommand(plugin: Command): void {
  addTrialOptions(
    plugin
      .command('bench <file>')
      .description(
        'Measure the calls of a package at each stage: microseconds (p50, p99) and the most memory',
      )
      .option(
        '--eml <file>',
        'a message; may be given again (default: made ones of 4 KB, 100 KB, 1 MB)',
        collect,
      ),
  )
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Each call has its own instance, whose making is part of the time; the way to the worker thread and back is not. One call at a time, up to
1000 for each row, at most 5 s. The last line says how much the machine itself varies: the same computation, timed again and again.

Exit codes: 0 measured; 1 a call failed, or a server would not run it; 2 wrong usage; 3 there is no such file.`,
    )
    .action(async (path: string, options: BenchOptions) => {
      const messages = await messagesFor(options);
      const { trial, service } = await openSubject(path, options);
      const rows: Row[] = [];
      try {
        for (const stage of STAGES.filter((one) => trial.answers(service.name, one))) {
          const of = stage === 'message' ? messages : [{ name: '', message: undefined }];
          for (const { name, message } of of) {
            const question = { stage, ...(message && { message }) };
            const measured = await measure(trial, { service: service.name, question });
            rows.push({ stage, message: name, octets: message?.length ?? 0, ...measured });
          }
        }
      } finally {
        await trial.close();
      }
      const machine = { noise: measureNoise(), cores: availableParallelism(), load: loadavg()[0]! };
      if (options.json === true) printJson({ rows, machine });
      else print(rows, machine);
      if (rows.some(({ failure }) => failure !== undefined)) process.exitCode = EXIT.failed;
    });
}

async function messagesFor({ eml }: BenchOptions) {
  if (eml === undefined) return madeMessages();
  return Promise.all(eml.map(async (file) => ({ name: basename(file), message: await readMessage(file) })));
}

function print(
  rows: readonly Row[],
  { noise, cores, load }: { noise: { p50: number; p99: number }; cores: number; load: number },
): void {
  printTable(
    ['STAGE', 'MESSAGE', 'OCTETS', 'CALLS', 'P50 µs', 'P99 µs', 'MEMORY'],
    rows.map((row) => [
      row.stage,
      row.message,
      String(row.octets),
      String(row.calls),
      String(row.p50),
      String(row.p99),
      row.failure === undefined ? formatSize(row.memoryBytes) : `failed: ${row.failure}`,
    ]),
  );
  const times = noise.p50 === 0 ? '' : `, ${(noise.p99 / noise.p50).toFixed(1)} times p50`;
  printLine(
    `this machine: a computation of ${noise.p50} µs (p50) takes ${noise.p99} µs at p99${times}; ` +
      `${cores} cores, load ${load.toFixed(1)}`,
  );
}
