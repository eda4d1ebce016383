import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Postern } from '../../support/postern.ts';
import { USER } from '../../support/three-ways.ts';
import { run, type Finished } from './servers.ts';

export interface SwaksOrder {
  /** For a file with the message. */
  readonly directory: string;
  readonly port: number;
  readonly from: string;
  readonly to: readonly string[];
  /** Latin-1, CRLF lines. */
  readonly text: string;
  /** Further arguments. */
  readonly words?: readonly string[];
}

/** Has swaks send a message. Its output is the dialog: `<-` and `<~` (inside TLS) are what the server said. */
export async function swaks(order: SwaksOrder): Promise<Finished> {
  const file = join(order.directory, `swaks-${crypto.randomUUID()}`);
  // As it goes over the wire: swaks would take the message for a template.
  writeFileSync(file, `${order.text.replaceAll(/^\./gm, '..')}.\r\n`, 'latin1');
  const [to, data] = [order.to.join(','), `@${file}`];
  return run('swaks', [
    ...`--server 127.0.0.1 --port ${order.port} --helo client.test --hide-send --no-data-fixup`.split(' '),
    ...`--from ${order.from} --to ${to} --data ${data}`.split(' '),
    ...(order.words ?? []),
  ]);
}

export type SwaksMail = Pick<SwaksOrder, 'from' | 'to' | 'text'>;

/** What swaks must be told to speak with a listener of `startThreeWays`, where that is not SMTP. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  store: ['--protocol', 'LMTP'],
  submission: `--tls --auth PLAIN --auth-user ${USER.name} --auth-password ${USER.password}`.split(' '),
};

/** Has swaks send a message to a listener of `startThreeWays`. */
export const swaksBy = (gate: Postern, listener: string, mail: SwaksMail): Promise<Finished> =>
  swaks({
    ...mail,
    directory: gate.directory,
    port: gate.ports[listener]!,
    words: WORDS[listener] ?? [],
  });
