import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { waitFor } from '../../support/postern.ts';

/** A message for tests: Latin-1, CRLF lines. */
export interface TestMail {
  /** Occurs in its header, and so in notices about it. */
  readonly id: string;
  readonly text: string;
}

/** A message with what servers on the way like to repair: nothing of it may change. */
export function cleanMail(): TestMail {
  const id = crypto.randomUUID();
  const text = [
    'DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d=sender.test; s=test;',
    '\th=from:to:subject; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;',
    '        b=not+really+signed==',
    'From: "A. Sender"  <ann@sender.test>',
    'TO: undisclosed-recipients:;',
    'Date: Tue, 1 Sep 2026 10:00:00 +0200',
    `Message-ID: <${id}@sender.test>`,
    'Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?= and  two  spaces',
    `X-Folded: one${' '.repeat(3)}`,
    '\t two\t',
    '   three',
    'x-eMPTY:',
    'X-Raw: gr\u00c3\u00bc\u00c3\u009fe',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
    'gr\u00c3\u00bc\u00c3\u009fe',
    '.a dot',
    '..two dots',
    '.',
    'From the start of a line',
    'spaces at the end  \t ',
    'x'.repeat(998),
    '',
    'two empty lines at the end',
    '',
    '',
    '',
  ].join('\r\n');
  return { id, text };
}

export interface MailWithProgram extends TestMail {
  /** What must stay as it is: everything before and after the attachment's part. */
  readonly before: string;
  readonly after: string;
  /** The octets of the program, as they are in the message. */
  readonly program: string;
}

/** A message with a text, a program for Windows and a harmless file. */
export function mailWithProgram(): MailWithProgram {
  const id = crypto.randomUUID();
  const octets = Buffer.concat([Buffer.from('MZ\x90\0\x03\0\0\0', 'latin1'), Buffer.alloc(20_000, id)]);
  const program = octets.toString('base64').replaceAll(/.{76}/g, '$&\r\n').trimEnd();
  const before = [
    'From: ann@sender.test',
    'To: undisclosed-recipients:;',
    'Date: Tue, 1 Sep 2026 10:00:00 +0200',
    `Message-ID: <${id}@sender.test>`,
    'Subject: your  invoice',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed;',
    ' boundary="=_outer"',
    '',
    'a preamble',
    '--=_outer',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: quoted-printable',
    '',
    'See the gr=C3=BC=C3=9Fe attached. =20',
    '.',
    '--=_outer',
    '',
  ].join('\r\n');
  const attachment = [
    'Content-Type: application/octet-stream; name="invoice.exe"',
    'Content-Transfer-Encoding: base64',
    'Content-Disposition: attachment; filename="invoice.exe"',
    '',
    program,
  ].join('\r\n');
  const after = [
    '',
    '--=_outer',
    'Content-Type: text/csv; name="items.csv"',
    'Content-Disposition: attachment; filename="items.csv"',
    '',
    'a,b  ',
    '1,2',
    '--=_outer--',
    'an epilogue',
    '',
  ].join('\r\n');
  return { id, before, after, program, text: before + attachment + after };
}

/** The messages in a Maildir, lines ended with CRLF again; none if there is no such Maildir. */
export async function mailsIn(maildir: string): Promise<string[]> {
  const folder = join(maildir, 'new');
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'latin1')));
  return texts.map((text) => text.replaceAll(/\r?\n/g, '\r\n'));
}

/** Waits for a message about `mail` (itself, or a notice) in a Maildir; there must be no second one. */
export function arrived(maildir: string, mail: TestMail): Promise<string> {
  return waitFor(async () => {
    const found = (await mailsIn(maildir)).filter((text) => text.includes(mail.id));
    if (found.length > 1) throw new Error(`${found.length} messages instead of one in ${maildir}`);
    return found[0];
  });
}

/** What is in all mailboxes of a server, Maildirs or folders of Cyrus. Files are read once, since none is ever changed. */
export class Mailboxes {
  readonly #directory: string;
  readonly #texts = new Map<string, string>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The messages that have come so far, lines ended with CRLF. */
  async all(): Promise<string[]> {
    const paths = await readdir(this.#directory, { recursive: true });
    for (const path of paths) {
      if (this.#texts.has(path) || !/\/new\/[^/]+$|\/\d+\.$/.test(path)) continue;
      const text = await readFile(join(this.#directory, path), 'latin1');
      this.#texts.set(path, text.replaceAll(/\r?\n/g, '\r\n'));
    }
    return [...this.#texts.values()];
  }
}
