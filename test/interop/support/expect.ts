import { expect } from 'vitest';
import type { MailWithProgram, TestMail } from './mails.ts';
import { readMail } from './read-mail.ts';

const TRACE = new Set(['return-path', 'delivered-to', 'x-original-to', 'received']);
const OPES_TRACE = new Set([...TRACE, 'opes-system', 'opes-via']);

/** It came as it was sent, octet for octet, under trace fields and nothing else. The trace fields. */
export function expectUnchanged(text: string, mail: TestMail): string {
  expect(text.slice(-mail.text.length)).toBe(mail.text);
  return expectTrace(text.slice(0, -mail.text.length));
}

/** A text is in the place of the program, the rest is as it was sent. */
export async function expectProgramReplaced(text: string, mail: MailWithProgram): Promise<void> {
  const start = text.indexOf(mail.before);
  expect(start).toBeGreaterThan(0);
  const header = expectTrace(text.slice(0, start), OPES_TRACE);
  expect(header).toMatch(/^OPES-System: mailto:postmaster@gate\.test; id=\w+\r$/m);
  expect(header).toContain('mailto:postmaster@gate.test?service=attachments\r\n');
  expect(text.slice(-mail.after.length)).toBe(mail.after);
  expect(text).not.toContain(mail.program.slice(0, 60));

  const read = await readMail(text);
  expect(read.defects).toEqual([]);
  expect(read.parts.map(({ type, name }) => [type, name])).toEqual([
    ['multipart/mixed', null],
    ['text/plain', null],
    ['text/plain', expect.toSatisfy((name: string | null) => name === null || !name.endsWith('.exe'))],
    ['text/csv', 'items.csv'],
  ]);
  expect(read.parts[2]!.text).toContain('The attachment invoice.exe was removed');
  expect(read.parts[3]!.text).toBe('a,b  \r\n1,2');
}

function expectTrace(header: string, allowed = TRACE): string {
  const names = header.split(/\r\n(?![ \t])/).slice(0, -1);
  for (const field of names) expect(allowed).toContain(field.slice(0, field.indexOf(':')).toLowerCase());
  return header;
}

/** A non-delivery notice (RFC 3464) that Python's email module reads, about these recipients and no others. */
export async function expectNotice(
  text: string,
  expected: { readonly by: string; readonly failed: Readonly<Record<string, unknown>> },
): Promise<void> {
  const read = await readMail(text);
  expect(read.header['return-path']).toBe('<>');
  expect(read.defects).toEqual([]);
  expect(read.parts[0]!.type).toBe('multipart/report');
  expect(read.reportType).toBe('delivery-status');
  const [message, ...recipients] = read.parts.find(({ status }) => status !== undefined)!.status!;
  expect(message!['Reporting-MTA']).toBe(`dns; ${expected.by}`);
  for (const recipient of recipients) expect(recipient['Action']).toBe('failed');
  const address = (field = ''): string => field.replace(/^rfc822; ?/, '');
  // Postfix folds the reply.
  const reply = (field = ''): string => field.replaceAll(/\s+/g, ' ');
  expect(
    Object.fromEntries(
      recipients.map((fields) => [address(fields['Final-Recipient']), reply(fields['Diagnostic-Code'])]),
    ),
  ).toEqual(expected.failed);
}
