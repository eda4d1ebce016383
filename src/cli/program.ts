import { Command, CommanderError } from 'commander';
import { describeError } from '../base/errors.ts';
import { configJsonSchema } from '../config/schema.ts';
import { addBypassCommand } from './bypass-command.ts';
import { addCheckCommand } from './check-command.ts';
import { CommandError, EXIT } from './exit.ts';
import { printError, printJson } from './output.ts';
import { addPasswordCommand } from './password-command.ts';
import { addPluginCommand } from './plugin-command.ts';
import { addQuarantineCommand } from './quarantine-command.ts';
import { addQueueCommand } from './queue-command.ts';
import { addRunCommand } from './run-command.ts';
import { version } from './version.ts';

/** The command line: `postern run|check|queue|quarantine|bypass|plugin|hash-password|schema|version`. */
export function createProgram(): { parseAsync(): Promise<void> } {
  const program = new Command('postern')
    .description('A mail gate: SMTP, SUBMIT and LMTP through sandboxed filters (RFC 4496)')
    .addHelpText(
      'after',
      `
Exit codes: 0 done, 1 it did not work, 2 wrong usage or a config that does not check, 3 nothing of that name found.

Examples:
  postern check -c /etc/postern.yaml          every problem in the config, with file, line and column
  postern run -c /etc/postern.yaml            start the gate; SIGHUP reloads the config, SIGTERM stops in good order
  postern queue list -c /etc/postern.yaml     what waits for a downstream
  postern quarantine release ID -c …          deliver a held message after all`,
    )
    .exitOverride()
    .showHelpAfterError('(postern --help tells what there is)');

  const common = (command: Command): Command =>
    command.requiredOption(
      '-c, --config <file>',
      'the configuration file (YAML); docs/config.md describes it',
    );

  addRunCommand(program, common);
  addCheckCommand(program, common);
  addQueueCommand(program, common);
  addQuarantineCommand(program, common);
  addBypassCommand(program, common);
  addPluginCommand(program, common);
  addPasswordCommand(program);
  program
    .command('schema')
    .description('Print the JSON Schema of the configuration file, for editors that complete and check YAML')
    .action(() => printJson(configJsonSchema()));
  program
    .command('version')
    .description('Print the version of Postern and of what it runs on')
    .option('--json', 'print a JSON object')
    .action((options: { json?: boolean }) => {
      const facts = version();
      const text = `postern ${facts.postern} (node ${facts.node}, ABI ${facts.abi})`;
      process.stdout.write(`${options.json === true ? JSON.stringify(facts) : text}\n`);
    });

  return {
    async parseAsync() {
      // Whoever read it has seen enough (`postern queue list | head`); what the command does goes on to its end.
      process.stdout.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'EPIPE') return;
        printError(`Cannot write the output: ${describeError(error)}`);
        process.exitCode = EXIT.failed;
      });
      try {
        await program.parseAsync();
      } catch (error) {
        process.exitCode = exitCodeFor(error);
      }
    },
  };
}

function exitCodeFor(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  printError(describeError(error));
  return error instanceof CommandError ? error.exitCode : EXIT.failed;
}
