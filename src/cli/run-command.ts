import type { Command } from 'commander';
import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pino } from 'pino';
import { startControl } from '../admin/control.ts';
import { describeError } from '../base/errors.ts';
import { collectWhenIdle } from '../base/idle-collection.ts';
import { loadOrFail, type CommonOptions } from './context.ts';
import { makeDemoAccount } from './demo.ts';
import { EXIT } from './exit.ts';
import { Gate } from './gate.ts';
import { LogOutput } from './log-output.ts';
import { Reloader } from './reloader.ts';
import { controlPath } from './state-dir.ts';
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
                 refused with a log line, and the old ones go on. Commands that change the config have it read
                 through the socket stateDir/control.sock
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
      const reloader = new Reloader({ file: options.config, log, starting });
      process.on('SIGHUP', () => void reloader.reload());
      const gate = await starting;
      collectWhenIdle();
      const startedAt = Date.now();
      const control = await startControl({
        path: controlPath(config),
        handlers: {
          reload: () => reloader.reload(),
          services: async () => ({
            pid: process.pid,
            startedAt,
            file: await realpath(options.config).catch(() => resolve(options.config)),
            services: gate.services,
          }),
        },
        log,
      }).catch(async (error: unknown) => {
        await gate.stop(0);
        throw error;
      });
      // Before anybody can know that it is up: whoever does may stop it at once.
      const signalled = new Promise<string>((resolve) => {
        for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => resolve(name));
      });
      printWelcome(gate, { config, account, demo: options.demo === true });

      const broken = gate.broken.then((error) => {
        log.error({ cause: describeError(error) }, 'the store has ended; start Postern anew');
        output.flushSync();
        process.exit(EXIT.failed);
      });
      log.info({ signal: await Promise.race([signalled, broken]) }, 'stopping');
      // A second signal means now: what has its 250 is on disk.
      for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => process.exit(EXIT.failed));
      await control.close(STOP_MS);
      await reloader.idle();
      await gate.stop(STOP_MS);
      log.info({}, 'stopped');
      output.flushSync();
      // A transaction that never ends, of a config that was replaced, would keep the process.
      process.exit(EXIT.ok);
    });
}
