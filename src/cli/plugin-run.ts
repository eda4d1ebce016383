import { Option, type Command } from 'commander';
import { diffLines, unified } from '../author/diff.ts';
import { exampleFacts } from '../author/example-facts.ts';
import { readMessage } from '../author/message-file.ts';
import { messageLines } from '../author/message-lines.ts';
import type { Asked } from '../author/trial.ts';
import type { Facts } from '../ocp/facts.ts';
import { STAGES, type Stage } from '../ocp/stage.ts';
import { CommandError, EXIT } from './exit.ts';
import { formatSize, printJson, printLine } from './output.ts';
import { collect } from './plugin-verify.ts';
import { addTrialOptions, openSubject, type TrialOptions } from './trial-options.ts';

interface RunOptions extends TrialOptions {
  readonly eml?: string;
  readonly from?: string;
  readonly to?: readonly string[];
  readonly stage: Stage;
  readonly json?: boolean;
}

/** `postern plugin run`: one question to one plugin, and all that came of it. */
export function addRunPluginCommand(plugin: Command): void {
  addTrialOptions(
    plugin
      .command('run <file>')
      .description(
        'Ask a package once: its decision, its log, what it did to the message, its time and memory',
      )
      .option('--eml <file>', 'the message; at stage message, and at report for what the facts tell of it')
      .option('--from <address>', "the sender; '' is the null one")
      .option('--to <address>', 'a recipient; may be given again', collect)
      .addOption(new Option('--stage <stage>', 'where it is asked').choices(STAGES).default('message')),
  )
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
It runs in the sandbox that a server has, as a service with these settings, leave and grants. In the difference of the message encoded
text is shown decoded, and what is no text as one line. Capabilities that are granted are the real ones.

Exit codes: 0 it decided; 1 it failed, or a server would not run it; 2 wrong usage; 3 there is no such file.`,
    )
    .action(async (path: string, options: RunOptions) => {
      const { stage } = options;
      const message = await messageFor(options);
      const { trial, service } = await openSubject(path, options);
      try {
        if (!trial.answers(service.name, stage)) {
          throw new CommandError(
            EXIT.usage,
            `Cannot ask ${path} at ${stage}: it has no export "on_${stage}"`,
          );
        }
        const facts = factsFrom(options);
        const asked = await trial.ask(service.name, { stage, facts, ...(message && { message }) });
        const difference = differenceOf(message, asked);
        if (options.json === true) printJson(asJson(asked, difference));
        else print(asked, { difference, hasMessage: message !== undefined });
        if (asked.outcome.result.kind !== 'decision') process.exitCode = EXIT.failed;
      } finally {
        await trial.close();
      }
    });
}

async function messageFor({ eml, stage }: RunOptions): Promise<Uint8Array | undefined> {
  const fits = stage === 'report' || (eml !== undefined) === (stage === 'message');
  if (fits) return eml === undefined ? undefined : readMessage(eml);
  const rule = stage === 'message' ? 'needs a message: --eml FILE' : 'has no message: leave --eml out';
  throw new CommandError(EXIT.usage, `Cannot ask: the stage ${stage} ${rule}`);
}

/** What the options say of the envelope, as far as there is one at the stage. */
function factsFrom({ stage, from, to }: RunOptions): Partial<Facts> {
  const example = exampleFacts(stage);
  return {
    ...(from !== undefined && example.sender && { sender: { address: from, params: {} } }),
    ...(to !== undefined &&
      example.recipients && { recipients: to.map((address) => ({ address, params: {} })) }),
  };
}

function differenceOf(before: Uint8Array | undefined, { message }: Asked): string[] {
  if (before === undefined || message === undefined || before === message) return [];
  return unified(diffLines(messageLines(before), messageLines(message)));
}

function asJson({ outcome }: Asked, difference: readonly string[]) {
  const { result, logs, notifications = [], modified, micros, memoryBytes } = outcome;
  return {
    ...(result.kind === 'decision' ? { decision: result.decision } : {}),
    ...(result.kind === 'failure' ? { failure: { kind: result.failure, cause: result.cause } } : {}),
    notifications,
    logs,
    modified,
    difference,
    micros: Math.round(micros),
    memoryBytes,
  };
}

function print(
  { outcome }: Asked,
  { difference, hasMessage }: { difference: readonly string[]; hasMessage: boolean },
): void {
  const { result, logs, notifications = [], modified, micros, memoryBytes } = outcome;
  if (result.kind === 'failure') printLine(`failure (${result.failure}): ${result.cause}`);
  if (result.kind === 'decision') {
    for (const line of `decision ${JSON.stringify(result.decision, null, 2)}`.split('\n')) printLine(line);
  }
  for (const notification of notifications) printLine(`notify ${JSON.stringify(notification)}`);
  for (const { level, text } of logs) printLine(`log ${level}: ${text}`);
  if (hasMessage) printLine(modified ? 'message changed' : 'message unchanged');
  for (const line of difference) printLine(line);
  // Nothing is warm yet: later calls cost a fraction of it.
  printLine(`first call ${Math.round(micros)} µs, memory ${formatSize(memoryBytes)}`);
}
