import { basename, join, resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { describeError, OperationalError } from '../base/errors.ts';
import { manifestSchema } from '../ocp/manifest.ts';
import { languageNames, LANGUAGES, makeProject, type Language } from '../author/projects.ts';
import { CommandError, EXIT } from './exit.ts';

/** `postern plugin new`: a project to begin with. */
export function addNewCommand(plugin: Command): void {
  plugin
    .command('new <directory>')
    .description('Make a project for a filter: it builds, and passes its own tests, as it is')
    .addOption(
      new Option('--lang <language>', 'what it is written in').choices(languageNames).makeOptionMandatory(),
    )
    .option('--id <vendor/name>', "the package's id (default: example/ and the directory's name)")
    .addHelpText(
      'after',
      `
Exit codes: 0 made; 1 the directory is not empty, or can't be written; 2 the id is not allowed.`,
    )
    .action(async (directory: string, options: { lang: Language; id?: string }) => {
      const id = options.id ?? `example/${basename(resolve(directory))}`;
      const checked = manifestSchema.shape.id.safeParse(id);
      if (!checked.success) {
        const reason = checked.error.issues[0]?.message;
        throw new CommandError(EXIT.usage, `Cannot use the id ${id}: it ${reason}; --id sets one`);
      }
      try {
        await makeProject(directory, { language: options.lang, id });
      } catch (error) {
        if (error instanceof OperationalError) throw error;
        throw new CommandError(EXIT.failed, `Cannot make ${directory}: ${describeError(error)}`);
      }
      const first = options.lang === 'assemblyscript' ? ['npm install'] : [];
      const next = [`cd ${directory}`, ...first, 'postern plugin build', 'postern plugin test'];
      process.stdout.write(
        `${directory}: ${id}, a filter in ${LANGUAGES[options.lang].title} (${join(directory, LANGUAGES[options.lang].source)})\n` +
          `next: ${next.join(' && ')}\n`,
      );
    });
}
