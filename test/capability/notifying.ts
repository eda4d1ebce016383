import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileWat, dataAt, vectorText } from '../abi/wat.ts';
import { readMail, type ReadMail } from '../interop/support/read-mail.ts';
import { waitFor } from '../support/postern.ts';
import { Dialog } from '../support/smtp-dialog.ts';

export interface Notifying {
  readonly stage?: 'connect' | 'rcpt' | 'message' | 'report';
  readonly decision?: object;
  /** What `on_…` returns: not 0 is a failure. */
  readonly returns?: number;
}

export const noticeTo = (to: string, subject = 'A virus was found', text = 'It was Eicar.'): string =>
  `${JSON.stringify({ kind: 'notice', to, subject })}\n${text}`;

export const incident = (event: string, more: object = {}): string =>
  JSON.stringify({ kind: 'incident', severity: 'warning', event, text: 'Eicar', ...more });

/** A plugin that proposes these requests, and says this. */
export function notifying(requests: readonly string[], options: Notifying = {}): Uint8Array {
  const { stage = 'message', decision = {}, returns = 0 } = options;
  let at = 1024;
  const data = (text: string): ReturnType<typeof dataAt> => {
    const placed = dataAt(at, text);
    at = placed.end;
    return placed;
  };
  const proposals = requests.map(data);
  const said = data(JSON.stringify(decision));
  return compileWat(
    'notifying.wat',
    vectorText(`
      ${[...proposals, said].map(({ place }) => place).join('\n')}
      (func (export "on_${stage}") (result i32)
        ${proposals.map(({ range }) => `(call $is (call $notify ${range}) (i32.const 0))`).join('\n')}
        (drop (call $done))
        (call $say ${said.range})
        (i32.add (global.get $wrong) (i32.const ${returns})))`),
  );
}

/** The mail in an address's Maildir, octets as latin1; none if there is no such directory. */
export function rawMailFor(maildir: string, address: string): string[] {
  const folder = join(maildir, address, 'new');
  let files: string[];
  try {
    files = readdirSync(folder).sort();
  } catch {
    return [];
  }
  return files.map((file) => readFileSync(join(folder, file), 'latin1').replace(/\r?\n/g, '\r\n'));
}

/** Waits until the address has so many notices; as Python reads them. */
export async function notices(maildir: string, address: string, count: number): Promise<ReadMail[]> {
  const found = await waitFor(() => {
    const raw = rawMailFor(maildir, address).filter((text) => text.includes('\r\nAuto-Submitted: '));
    return raw.length >= count ? raw : undefined;
  });
  return Promise.all(found.map(readMail));
}

export interface Sent {
  readonly from?: string;
  readonly to: readonly string[];
  /** Whole lines. */
  readonly header?: string;
  readonly login?: { readonly user: string; readonly password: string };
  readonly lmtp?: boolean;
}

/** Sends a mail; the replies after its end, one a recipient by LMTP. */
export async function send(
  port: number,
  { from = 'bob@example.net', to, header = '', login, lmtp }: Sent,
): Promise<string[]> {
  const dialog = await Dialog.open(port);
  const hello = `${lmtp === true ? 'LHLO' : 'EHLO'} client.example.net`;
  await dialog.say(hello);
  if (login !== undefined) {
    await dialog.say('STARTTLS');
    await dialog.secure();
    await dialog.say(hello);
    const plain = Buffer.from(`\0${login.user}\0${login.password}`).toString('base64');
    await dialog.say(`AUTH PLAIN ${plain}`);
  }
  const replies = [await dialog.say(`MAIL FROM:<${from}>`)];
  for (const address of to) replies.push(await dialog.say(`RCPT TO:<${address}>`));
  replies.push(await dialog.say('DATA'));
  for (const said of replies) if (!/^[23]/.test(said)) throw new Error(`refused: ${said}`);
  const ends = [await dialog.say(`Message-ID: <one@example.net>\r\nSubject: hello\r\n${header}\r\nHi\r\n.`)];
  for (const _other of lmtp === true ? to.slice(1) : []) ends.push(await dialog.hear());
  await dialog.say('QUIT');
  return ends;
}
