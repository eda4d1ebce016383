import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { hashPassword } from '../smtp/password-file.ts';
import { CommandError, EXIT } from './exit.ts';

/** `postern hash-password`: one line for a password file. The password comes by standard input, never as an argument. */
export function addPasswordCommand(program: Command): void {
  program
    .command('hash-password <user>')
    .description('Read a password from standard input and print the line for it in a password file (scrypt)')
    .action(async (user: string) => {
      if (!isUserName(user)) {
        const what = JSON.stringify(user);
        throw new CommandError(
          EXIT.usage,
          `Cannot write a line for ${what}: a user name has no colon, no control character and no # at its start`,
        );
      }
      const password = (await text(process.stdin)).replace(/\r?\n$/, '');
      if (password === '') throw new CommandError(EXIT.usage, 'Cannot hash: standard input held no password');
      process.stdout.write(`${user}:${await hashPassword(password)}\n`);
    });
}

/** Whether a line of a password file can begin with it and be found again. */
// oxlint-disable-next-line no-control-regex -- control characters are what this refuses
const isUserName = (user: string): boolean => user.trim() !== '' && !/^#|[:\u0000-\u001f\u007f]/.test(user);
