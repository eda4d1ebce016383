/**
 * Exit codes, the same for every command, so that scripts can tell what happened:
 * 0 done, 1 it did not work, 2 wrong usage or a config that does not check, the plugins that it names included,
 * 3 nothing of that name was found.
 */
export const EXIT = { ok: 0, failed: 1, usage: 2, notFound: 3 } as const;

/** Ends a command with one line on standard error. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}
