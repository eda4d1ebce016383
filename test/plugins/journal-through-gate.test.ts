import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { temporaryDirectory, type Postern } from '../support/postern.ts';
import { sendBy, startThreeWays, WAYS } from '../support/three-ways.ts';
import { builtPlugin } from './ask.ts';

/** The journal in the real program, by SMTP, LMTP and submission: its line has the table of parts, which the host made. */
const { path: directory, remove } = temporaryDirectory();
let gate: Postern;

const CONFIG = {
  all: { group: 'all' },
  submission: { mode: 'queue' },
  more: { changed: { group: 'changed' } },
  config: {
    services: {
      journal: { plugin: 'journal' },
      guard: { plugin: 'attachment-guard', allowModify: true, settings: { action: 'replace' } },
    },
    groups: { all: ['journal'], changed: ['guard', 'journal'] },
    bounce: { downstream: 'local' },
  },
};

beforeAll(async () => {
  gate = await startThreeWays(CONFIG, { directory });
});

afterAll(async () => {
  await gate?.kill('SIGKILL');
  remove();
});

const SECRET = 'the-secret-of-the-body';

const mail = (padding = 0): string =>
  [
    'From: bob@example.net',
    'Subject: SecretSubject',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary=edge',
    '',
    '--edge',
    'Content-Type: text/plain; charset=utf-8',
    '',
    SECRET,
    '--edge',
    'Content-Type: application/octet-stream; name="tool.exe"',
    'Content-Transfer-Encoding: base64',
    '',
    ...Array<string>(padding).fill(Buffer.from(SECRET.repeat(2)).toString('base64')),
    'TVqQAAMAAAA=',
    '--edge--',
    '',
  ].join('\r\n');

const lineSchema = z.object({
  listener: z.string(),
  size: z.number(),
  parts: z.array(z.object({ type: z.string(), name: z.string(), encoding: z.string(), size: z.number() })),
  partCount: z.number(),
});

/** The journal's line about the transaction of a listener. */
async function journalOf(
  listener: string,
  sender: string,
): Promise<z.infer<typeof lineSchema> & { text: string }> {
  const { msg } = await gate.waitForLog(
    ({ service, msg: text }) =>
      service === 'journal' && text.includes(`"listener":"${listener}"`) && text.includes(sender),
  );
  return { ...lineSchema.parse(JSON.parse(msg)), text: msg };
}

const send = async (listener: string, from: string, text: string): Promise<void> =>
  expect(await sendBy(gate, listener, { from, to: ['ann@example.com'], text })).toEqual([
    expect.stringMatching(/^250/),
  ]);

const PARTS = [
  { type: 'multipart/mixed', name: '' },
  { type: 'text/plain', name: '', encoding: '7bit', size: SECRET.length },
  { type: 'application/octet-stream', name: 'tool.exe', encoding: 'base64', size: 12 },
];

test.each(WAYS)('by %s', async (listener) => {
  await send(listener, `${listener}@example.com`, mail());
  const line = await journalOf(listener, `${listener}@example.com`);
  expect(line).toMatchObject({ parts: PARTS, partCount: 3, size: mail().length });
  // Nothing of what was sent, header or body, but the names of files.
  expect(line.text).not.toContain(SECRET);
  expect(line.text).not.toContain('SecretSubject');
});

test('a message that is in a file, as it arrived, whatever a service before made of it', async () => {
  const large = mail(10_000);
  await send('changed', 'large@example.net', large);
  const line = await journalOf('changed', 'large@example.net');
  expect(line.size).toBe(large.length);
  expect(line.parts[2]).toMatchObject({ name: 'tool.exe', size: 12 + 10_000 * 62 });
});

test('its import section has no call that reads', () => {
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(readFileSync(builtPlugin('journal'))));
  expect(imports.map(({ module }) => module)).not.toContain('ocp_smtp_v1');
});
