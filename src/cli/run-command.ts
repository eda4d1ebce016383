import type { Command } from 'commander';
import { pino } from 'pino';
import { describeError } from '../base/errors.ts';
import { loadConfig } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import { loadOrFail, type CommonOptions } from './context.ts';
import { makeDemoAccount } from './demo.ts';
import { EXIT } from './exit.ts';
import { Gate } from './gate.ts';
import { LogOutput } from './log-output.ts';
import { printWelcome } from './welcome.ts';

/** How long a stop waits for transactions and deliveries under way, in milliseconds. */
const STOP_MS = 10_000;

/** `postern run`: the gate itself, in the foreground. Logs JSON lines on standard error. */
export function addRunCommand(program: Command, common: (command: Command) => Command): void {
  common(program.command('run'))
    .description(
      'Start the gate and stay in the foreground. SIGTERM, SIGINT: stop in good order; SIGHUP: reload the config',
    )
    .option(
      '--demo',
      'for a first try: make a missing password file with one account, and say how to see a filter act',
    )
    .addHelpText(
      'after',
      `
Prints where it listens on standard output, and logs one JSON object a line on standard error.

SIGHUP           reads the config, its plugins and certificates again; if anything in them does not check, they are
                 refused with a log line, and the old ones go on
SIGTERM, SIGINT  take no new session, let what is under way end within 10 s, and end; a second one ends at once,
                 which loses nothing that got its 250

Exit codes: 0 stopped by a signal, 1 it could not start (a port or the state directory is taken) or was cut short,
2 the config or a plugin it names is not fit to run; "postern check" says the same without starting anything.`,
    )
    .action(async (options: CommonOptions & { demo?: boolean }) => {
      const loaded = loadOrFail(options.config);
      const { config } = loaded;
      const output = new LogOutput();
      const log = pino({ level: config.log.level, base: null }, output);
      const account = options.demo === true ? await makeDemoAccount(config) : undefined;
      const starting = Gate.start(loaded, log);
      const reload = async (): Promise<void> => {
        const next = loadConfig(options.config);
        const { applied, problems } = next.ok
          ? await (await starting).reload(next)
          : { applied: false, problems: next.problems.map(formatProblem) };
        const file = options.config;
        if (!applied) log.error({ file, problems }, 'config not reloaded, the old one goes on');
        else if (problems.length > 0)
          log.error({ file, problems }, 'config reloaded, but not all of it works');
        else log.info({ file }, 'config reloaded');
        if (applied && next.ok) log.level = next.config.log.level;
      };
      // One reload at a time, in the order of the signals. One that comes during the start waits for its end.
      let reloading = Promise.resolve();
      process.on('SIGHUP', () => {
        reloading = reloading.then(reload).catch((error: unknown) => {
          log.error({ cause: describeError(error) }, 'config not reloaded, the old one goes on');
        });
      });
      const gate = await starting;
      printWelcome(gate, { config, account, demo: options.demo === true });

      const broken = gate.broken.then((error) => {
        log.error({ cause: describeError(error) }, 'the store has ended; start Postern anew');
        output.flushSync();
        process.exit(EXIT.failed);
      });
      const signalled = new Promise<string>((resolve) => {
        for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => resolve(name));
      });
      log.info({ signal: await Promise.race([signalled, broken]) }, 'stopping');
      // A second signal means now: what has its 250 is on disk.
      for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => process.exit(EXIT.failed));
      await reloading;
      await gate.stop(STOP_MS);
      log.info({}, 'stopped');
      output.flushSync();
      // A transaction that never ends, of a config that was replaced, would keep the process.
      process.exit(EXIT.ok);
    });
}
