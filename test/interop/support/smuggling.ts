import { setTimeout as sleep } from 'node:timers/promises';
import { Dialog } from '../../support/smtp-dialog.ts';

/**
 * SMTP smuggling: a message with something in it that one server takes for the end of the data and another one does not, and behind it
 * the envelope of a second message. What is tested is how many messages come out, and with which envelopes.
 */

/** Latin-1 octets that are no end of data, though some server has taken them, or could take them, for one. */
export const NO_ENDS: readonly string[] = [
  // CVE-2023-51764 to -51766, and what is left of the product of line ends.
  '\n.\n',
  '\n.\r\n',
  '\n.\r',
  '\r.\n',
  '\r.\r\n',
  '\r.\r',
  '\r\n.\n',
  '\r\n.\r',
  '\n\n.\r\n\r\n',
  '\n\r.\n\r',
  '\n\r\n.\n\r\n',
  '\r\r.\r\r\n',
  // A CR or LF too many, on either side of the dot.
  '\r\n.\r\r\n',
  '\r\n.\n\r\n',
  '\r\n\r.\r\n',
  '\r\n\n.\r\n',
  '\r\r\n.\r\r\n',
  // NUL, which what is written in C ends its texts with.
  '\r\n\0.\r\n',
  '\r\n.\0\r\n',
  '\r\0\n.\r\0\n',
  '\r\n.\r\0\n',
  '\0\n.\0\n',
  '\r\n.\0\n',
  // Dots that are stuffed, or not alone.
  '\r\n..\r\n',
  '\r\n...\r\n',
  '\r\n. \r\n',
  '\r\n.\t\r\n',
  '\r\n .\r\n',
  '\r\n.\x0b\r\n',
  '\r\n\x0c.\r\n',
  '\r\n.\x08\r\n',
  '\r\n\x7f.\r\n',
  '\r\n.\x1a\r\n',
  // What is a dot, or a line end, to something that takes off the eighth bit, or knows Unicode.
  '\r\n\xae\r\n',
  '\x8d\x8a.\x8d\x8a',
  '\x85.\x85',
  '\xe2\x80\xa8.\xe2\x80\xa8',
  '\r\n\xef\xbc\x8e\r\n',
  '\r\n=2E\r\n',
];

/** What does end the data, whatever stands around it. */
export const ENDS: readonly string[] = [
  '\r\n.\r\n',
  '\r\r\n.\r\n',
  '\n\r\n.\r\n',
  '\0\r\n.\r\n',
  ' \r\n.\r\n',
];

/** What is no end where a message begins, right behind the CRLF of DATA. */
export const NO_ENDS_AT_FIRST: readonly string[] = [
  '.\n',
  '\n.\r\n',
  '\r.\r\n',
  '.\r\r\n',
  '.\0\r\n',
  '..\r\n',
  '. \r\n',
];

/** What is content in a chunk of BDAT; the first of them would be an end of the data after DATA, if it were not stuffed. */
export const IN_CHUNKS: readonly string[] = ['\r\n.\r\n', '\r\n..\r\n', '\r\n.\n', '\n.\r\n', '\r\n.\0\r\n'];

export const hasBareLineEnd = (text: string): boolean => /\r(?!\n)|(?<!\r)\n/.test(text);
export const hasNul = (text: string): boolean => text.includes('\0');

/** Who the second message would be from. */
export const EVIL = 'evil@sender.test';

/** Whether a message in a mailbox came with this envelope sender. Exim writes the field's name in its own way. */
export const isFrom = (sender: string, text: string): boolean =>
  text.toLowerCase().includes(`return-path: <${sender}>`);

export interface Outer {
  /** What is smuggled in, from its very first octets (`first`), in the header, or in the body. */
  readonly place: 'first' | 'header' | 'body';
  /** Occurs in the outer message's header, and in the subject of what is smuggled. */
  readonly token: string;
  /** Of the smuggled envelope. */
  readonly victim: string;
}

/** What goes over the wire after DATA, in three: up to `sequence`, that, and all behind it with the real end of the data. */
export function smuggle(sequence: string, { place, token, victim }: Outer): [string, string, string] {
  const header = `From: ann@sender.test\r\nX-Token: ${token}\r\nSubject: outer`;
  const before = { first: '', header, body: `${header}\r\n\r\nbody` }[place];
  const smuggled = `MAIL FROM:<${EVIL}>\r\nRCPT TO:<${victim}>\r\nDATA\r\nSubject: ${token} smuggled\r\n\r\nx\r\n.\r\n`;
  return [before, sequence, smuggled];
}

export interface Sending {
  readonly port: number;
  readonly to: string;
  /** After DATA, each in a segment of its own as far as that is for us to say. */
  readonly segments: readonly string[];
  /** The sizes of chunks for BDAT, the last one being the rest; DATA if absent. */
  readonly chunks?: readonly number[];
}

/** Sends the message in a session of its own. Every reply from that to the message on, up to that to QUIT, or `closed` where none came. */
export async function sendRaw({ port, to, segments, chunks }: Sending): Promise<string[]> {
  const dialog = await Dialog.open(port);
  try {
    for (const line of ['EHLO client.test', `MAIL FROM:<ann@sender.test> BODY=8BITMIME`, `RCPT TO:<${to}>`]) {
      const reply = await dialog.say(line);
      if (!reply.startsWith('250')) throw new Error(`${line} was refused: ${reply}`);
    }
    if (chunks === undefined) {
      await dialog.say('DATA');
      for (const segment of segments) {
        dialog.send(Buffer.from(segment, 'latin1'));
        if (segments.length > 1) await sleep(1);
      }
    } else {
      let rest = segments.join('');
      for (const size of chunks) {
        dialog.send(Buffer.from(`BDAT ${size}\r\n${rest.slice(0, size)}`, 'latin1'));
        rest = rest.slice(size);
        // Refused, it is so from the first chunk on that shows why.
        await dialog.hear();
      }
      dialog.send(Buffer.from(`BDAT ${rest.length} LAST\r\n${rest}`, 'latin1'));
    }
    const replies = [await dialog.hear()];
    dialog.send('QUIT\r\n');
    // What is hidden may have been heard as commands: then there are more replies.
    while (!/^(?:221|closed)/.test(replies.at(-1)!)) replies.push(await dialog.hear().catch(() => 'closed'));
    return replies;
  } finally {
    dialog.vanish();
  }
}

/** The same for many things at a time, in order. */
export async function inLanes<T, R>(things: readonly T[], work: (thing: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let at = next++; at < things.length; at = next++) results[at] = await work(things[at]!);
  };
  await Promise.all(Array.from({ length: 8 }, lane));
  return results;
}
