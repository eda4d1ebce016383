import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { CommandError, EXIT } from './exit.ts';

/**
 * A password from standard input, never from an argument, which other users of the machine can see. On a terminal it is asked
 * for, and not shown.
 */
export async function readSecret(prompt: string): Promise<string> {
  if (!process.stdin.isTTY) return (await text(process.stdin)).replace(/\r?\n$/, '');
  process.stderr.write(prompt);
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: unseen, terminal: true });
  const given = new AbortController();
  lines.once('SIGINT', () => lines.close());
  lines.once('close', () => given.abort());
  try {
    return await lines.question('', { signal: given.signal });
  } catch {
    throw new CommandError(EXIT.failed, 'Cannot go on: no password was given');
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}
