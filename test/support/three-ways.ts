import { writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hashPassword } from '../../src/smtp/password-file.ts';
import { startPostern, type Postern } from './postern.ts';
import { Dialog } from './smtp-dialog.ts';

/** The listeners of `startThreeWays`: by SMTP, by LMTP and by submission. */
export const WAYS = ['inbound', 'store', 'submission'] as const;

/** Who may submit. */
export const USER = { name: 'ann', password: 'secret' };

export interface ThreeWays {
  /** What is the same for all listeners: their group, and what is not as usual. */
  readonly all: object;
  /** Whom `inbound` and `store` take mail for; example.com if absent. */
  readonly domains?: readonly string[];
  /** What is different for `submission`. */
  readonly submission?: object;
  /** More listeners, and how they differ from `inbound`. */
  readonly more?: Readonly<Record<string, object>>;
  /** Beside `local`, the Maildirs in `./mail`. */
  readonly downstreams?: object;
  /** The rest of the config. */
  readonly config: object;
}

/** Starts Postern with a listener for each way that mail comes in. Unless told otherwise they hand it on to `local`, in mode `through`. */
export async function startThreeWays(ways: ThreeWays, options: { directory: string }): Promise<Postern> {
  const { all, domains = ['example.com'], submission, more = {}, downstreams, config } = ways;
  const { directory } = options;
  await mkdir(directory, { recursive: true });
  writeFileSync(join(directory, 'users'), `${USER.name}:${await hashPassword(USER.password)}\n`);
  const common = { port: 0, downstream: 'local', mode: 'through', ...all };
  const inbound = { protocol: 'smtp', domains, ...common };
  const others = Object.entries(more).map(([name, changes]) => [name, { ...inbound, ...changes }]);
  return startPostern(
    {
      listeners: {
        inbound,
        store: { ...inbound, protocol: 'lmtp' },
        submission: { protocol: 'submission', auth: { file: './users' }, ...common, ...submission },
        ...Object.fromEntries(others),
      },
      downstreams: { local: { protocol: 'maildir', path: './mail' }, ...downstreams },
      ...config,
    },
    { directory },
  );
}

/** Whether a listener speaks LMTP: its name says so. */
const isStore = (listener: string): boolean => /\bstore$/.test(listener);

/** A session with a listener in which MAIL may come next. */
export async function enter(gate: Postern, listener: string): Promise<Dialog> {
  const dialog = await Dialog.open(gate.ports[listener]!);
  const hello = `${isStore(listener) ? 'LHLO' : 'EHLO'} client.example.net`;
  await expectFrom(dialog, hello);
  if (listener === 'submission') {
    await expectFrom(dialog, 'STARTTLS');
    await dialog.secure();
    await expectFrom(dialog, hello);
    const plain = Buffer.from(`\0${USER.name}\0${USER.password}`).toString('base64');
    await expectFrom(dialog, `AUTH PLAIN ${plain}`);
  }
  return dialog;
}

export interface DialogMail {
  /** bob@example.net if absent. */
  readonly from?: string;
  readonly to: readonly string[];
  /** Latin-1, CRLF lines, the last one ended, none with a dot at its start. */
  readonly text: string;
}

/** Sends a message in a session of its own; the replies to its end, one a recipient by LMTP. Throws if a command before is refused. */
export async function sendBy(gate: Postern, listener: string, mail: DialogMail): Promise<string[]> {
  const { from = 'bob@example.net', to, text } = mail;
  const dialog = await enter(gate, listener);
  for (const line of [`MAIL FROM:<${from}>`, ...to.map((one) => `RCPT TO:<${one}>`), 'DATA'])
    await expectFrom(dialog, line);
  dialog.send(Buffer.from(`${text}.\r\n`, 'latin1'));
  const replies = [await dialog.hear()];
  for (let left = isStore(listener) ? to.length - 1 : 0; left > 0; left--) replies.push(await dialog.hear());
  await dialog.say('QUIT');
  return replies;
}

async function expectFrom(dialog: Dialog, line: string): Promise<void> {
  const reply = await dialog.say(line);
  if (!/^[23]/.test(reply)) throw new Error(`${line} was refused: ${reply}`);
}
