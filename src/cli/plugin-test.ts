import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { runCases, type CaseResult } from '../author/cases.ts';
import { EXIT } from './exit.ts';
import { printJson, printLine } from './output.ts';
import { packageOf } from './plugin-build.ts';
import { manifestFrom } from './plugin-pack.ts';
import { realCapabilities } from './trial-options.ts';
import { readSubject } from './trial-subject.ts';

/** `postern plugin test`: a plugin against a folder of cases. */
export function addTestCommand(plugin: Command): void {
  plugin
    .command('test [target]')
    .description(
      'Ask a package, or what a project has built, about each case of a folder; exit code 1 if any fails',
    )
    .option('--cases <directory>', 'where the cases are (default: tests beside the package)')
    .option(
      '--record',
      'let the real capabilities answer, as far as a case grants them, into NAME.calls.yaml',
    )
    .option('--json', 'print a JSON array')
    .addHelpText(
      'after',
      `
TARGET is a .wasm file or a project's directory (default: this one). A case is NAME.yaml, with NAME.eml at stage message and perhaps
NAME.expected.eml; docs/plugin-author.md has the keys. Each is asked in the sandbox that a server has.
Calls of capabilities are answered from NAME.calls.yaml: one that is not there fails the case, and so does one that is not made.

Exit codes: 0 all passed; 1 some failed, or there are no cases; 3 there is no such file.`,
    )
    .action(
      async (target: string | undefined, options: { cases?: string; record?: boolean; json?: boolean }) => {
        const path = await packagePath(target ?? '.');
        const cases = options.cases ?? join(dirname(path), 'tests');
        const results = await runCases(cases, {
          ...(await readSubject(path)),
          ...(options.record === true && { record: realCapabilities }),
        });
        if (options.json === true) printJson(results.map((one) => ({ ...one, passed: hasPassed(one) })));
        else print(results);
        if (!results.every(hasPassed)) process.exitCode = EXIT.failed;
      },
    );
}

const hasPassed = ({ differences }: CaseResult): boolean => differences.length === 0;

/** The package itself, or what `build` writes for the project. */
async function packagePath(target: string): Promise<string> {
  const isDirectory = statSync(target, { throwIfNoEntry: false })?.isDirectory() === true;
  if (!isDirectory) return target;
  const { id } = await manifestFrom({ manifest: join(target, 'manifest.json') });
  return packageOf(target, id);
}

function print(results: readonly CaseResult[]): void {
  for (const one of results) {
    printLine(hasPassed(one) ? `ok    ${one.name}` : `FAIL  ${one.name}`);
    for (const line of one.differences.flatMap((text) => text.split('\n'))) printLine(`      ${line}`);
  }
  const passed = results.filter(hasPassed).length;
  printLine(`${passed} passed, ${results.length - passed} failed`);
}
