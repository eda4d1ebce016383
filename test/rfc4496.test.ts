import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from './support/postern.ts';
import { isThere, rowsIn, testsIn, type NamedTest } from './support/tests-named.ts';

/** `docs/rfc4496.md` says which test shows what RFC 4496 asks for. Here is what it asks for, and whether those tests are there. */
const DEMANDS: Readonly<Record<string, readonly string[]>> = {
  '4.1': [
    'Filter the email sections one by one',
    'An unwanted MIME type violates the policy',
    'A section that contains a virus violates the policy',
    'The attachment is replaced by an error message',
    'A warning is inserted into the subject',
    'A warning is inserted into the body',
    'A header is added for post-processing',
    'The storage is advised to quarantine',
    'Sender, recipients and administrators are notified',
    'The incident is reported to other tools',
    'Senders and recipients map to sub-policies',
  ],
  '4.2': [
    'The body is examined, and the header in it',
    'Sender and recipients are compared with the visible From and To',
    'The source address is looked up in lists',
    'The subject is marked',
    'A header is added for post-processing',
    'The storage is advised to put it into a spam queue',
    'The email is rejected',
    'The email is returned to the sender',
  ],
  '4.3': [
    'The message is not modified',
    'Access to any part of the dialog, sender and recipients first',
    'Meta information is calculated by the gate, such as the size',
    'The body is not transferred for that',
  ],
  '4.4': [
    'The value of MAIL FROM',
    'The value of RCPT TO',
    'Whether this sender may send to these recipients',
    'The value of HELO or EHLO',
    'The value of AUTH',
    'The value of STARTTLS',
    'The response to the filtered command itself',
  ],
  '4.5': [
    'Email is encrypted centrally',
    'Email is decrypted centrally',
    'Email is signed',
    'Signatures are verified',
    'An action of section 4.1 where decryption or verification fails',
    'The envelope counts, and not what the header says',
  ],
  '4.6': [
    'The format of the body is corrected',
    'A strange length of UUencoded lines',
    'Unusual names of MIME sections',
    'The value of a command is corrected',
    'An error response where a rewrite is not possible',
  ],
  '4.7': [
    'The location is looked up in the corporate directory',
    'The next SMTP server for a recipient',
    "The recipient's address is rewritten",
  ],
  '4.8': [
    'All messages from a sender or to a recipient are denied',
    'The body is classified, perhaps by words in the subject',
    'While the dialog is active, in reply to MAIL FROM or RCPT TO',
    'In reply to DATA, for each recipient by LMTP and by PRDR',
  ],
  '4.9': [
    'Larger sections are removed, and nothing else of the message changes',
    'The content is stored on a web server',
    'A link is added into the text of a first section that is displayed',
  ],
};

interface Row {
  readonly section: string;
  readonly demand: string;
  readonly plugin: string;
  readonly tests: readonly NamedTest[];
}

function rowsOf(page: string): Row[] {
  return page.split(/^## /m).flatMap((text) => {
    const section = /^4\.\d/.exec(text)?.[0];
    if (section === undefined) return [];
    return rowsIn(text).map(([demand = '', plugin = '', tests = '']) => ({
      section,
      demand,
      plugin,
      tests: testsIn(tests),
    }));
  });
}

const PAGE = readFileSync(join(ROOT, 'docs/rfc4496.md'), 'utf8');
const ROWS = rowsOf(PAGE);

it.each(Object.keys(DEMANDS))(
  'each demand of section %s has its row, and no row is about anything else',
  (section) => {
    const rows = ROWS.filter((row) => row.section === section);
    expect(rows.map(({ demand }) => demand)).toEqual(DEMANDS[section]);
  },
);

describe.each(ROWS)('$section: $demand', ({ plugin, tests }) => {
  it('is done by a plugin of ours', () => {
    const [first = ''] = plugin.split(/[,;]/);
    const name = /^\[([\w-]+)\]/.exec(first)?.[1] ?? first.trim();
    expect(existsSync(join(ROOT, 'plugins', name, 'manifest.json'))).toBe(true);
  });

  it('has a test', () => {
    expect(tests).not.toEqual([]);
    expect(tests.filter((test) => !isThere(test))).toEqual([]);
  });
});
