import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface Sample {
  readonly isSpam: boolean;
  /** CRLF lines, without the line that mbox puts before the header. */
  readonly message: Buffer;
}

/**
 * A corpus is a folder of folders with one message a file: names with `spam` are spam, names with `ham` other mail (SpamAssassin's public corpus:
 * easy_ham, hard_ham, spam, …). The order is the same each time, and mixed.
 */
export function readCorpus(folder: string): Sample[] {
  const samples: { order: string; sample: Sample }[] = [];
  for (const name of readdirSync(folder)) {
    const inside = join(folder, name);
    const isSpam = name.includes('spam');
    if (!statSync(inside).isDirectory() || !(isSpam || name.includes('ham'))) continue;
    for (const file of readdirSync(inside)) {
      if (file === 'cmds') continue;
      samples.push({
        order: file.split('.').at(-1)!,
        sample: { isSpam, message: asSent(readFileSync(join(inside, file))) },
      });
    }
  }
  return samples.toSorted((a, b) => (a.order < b.order ? -1 : 1)).map(({ sample }) => sample);
}

function asSent(octets: Buffer): Buffer {
  const text = octets.toString('latin1').replace(/^From .*\r?\n/, '');
  const lines = text.replaceAll('\0', '').split(/\r\n|\r|\n/);
  return Buffer.from(`${lines.join('\r\n')}\r\n`, 'latin1');
}

/** A message that reports these, as a mail program does that forwards them as attachments. */
export function reportOf(samples: readonly Sample[]): Buffer {
  const parts = samples.flatMap(({ message }) => [
    Buffer.from('\r\n--=_report\r\nContent-Type: message/rfc822\r\n\r\n'),
    message,
  ]);
  return Buffer.concat([
    Buffer.from(
      'From: ann@example.com\r\nSubject: report\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="=_report"\r\n',
    ),
    ...parts,
    Buffer.from('\r\n--=_report--\r\n'),
  ]);
}
