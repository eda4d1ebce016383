import type { Command } from 'commander';
import { existsSync } from 'node:fs';
import { silentLog } from '../base/log.ts';
import { loadConfig, type LoadedConfig } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import { checkPasswordFile } from '../smtp/password-file.ts';
import { openSandbox } from './plugins.ts';
import type { CommonOptions } from './context.ts';
import { EXIT } from './exit.ts';
import { printJson, printLine } from './output.ts';
import { stateProblem } from './state-dir.ts';

/** `postern check`: everything that would keep `run` from starting, all of it at once. Starts nothing, writes nothing. */
export function addCheckCommand(program: Command, common: (command: Command) => Command): void {
  common(program.command('check'))
    .description('Print every problem of the config and of the plugins it names; exit code 2 if there is one')
    .option('--json', 'print a JSON object {ok, problems, warnings}')
    .action(async (options: CommonOptions & { json?: boolean }) => {
      const loaded = loadConfig(options.config);
      const later = loaded.ok ? await laterFindings(loaded) : { problems: [], warnings: [] };
      const problems = loaded.ok ? later.problems : loaded.problems.map(formatProblem);
      const warnings = [...loaded.warnings.map(formatProblem), ...later.warnings];
      if (options.json === true) {
        printJson({ ok: problems.length === 0, problems, warnings });
      } else {
        for (const warning of warnings) printLine(`warning: ${warning}`);
        for (const problem of problems) printLine(problem);
        if (problems.length === 0) process.stdout.write(`${options.config}: good\n`);
      }
      if (problems.length > 0) process.exitCode = EXIT.usage;
    });
}

/** What only shows when the files that the config names are used: plugins, password files, the state directory. */
async function laterFindings(loaded: LoadedConfig): Promise<{ problems: string[]; warnings: string[] }> {
  const { sandbox, problems, warnings } = await openSandbox(loaded, { log: silentLog });
  await sandbox.close();
  for (const { name, auth } of loaded.config.listeners) {
    if (auth === undefined || !existsSync(auth.file)) continue;
    for (const { line, problem } of await checkPasswordFile(auth.file)) {
      const path = ['listeners', name, 'auth', 'file'];
      problems.push(formatProblem(loaded.problemAt(path, `${auth.file}, line ${line}: ${problem}`)));
    }
  }
  const unusable = await stateProblem(loaded.config);
  if (unusable !== undefined) problems.push(formatProblem(loaded.problemAt(['stateDir'], unusable)));
  return { problems, warnings };
}
