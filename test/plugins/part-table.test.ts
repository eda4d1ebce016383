import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compilePlugin } from './compile.ts';
import { manifestSchema } from '../../src/ocp/manifest.ts';
import { packModule } from '../../src/sandbox/package.ts';
import { serve } from './ask.ts';

/** The table of parts at stage `message`: told to a plugin whose manifest asks for it, and to no other. */
const SOURCE = `
import { decide, Decision, facts, log } from 'sdk';
export { ocp_smtp_abi_1 } from 'sdk';

export function on_message(): i32 {
  const now = facts();
  const parts = now.messageParts;
  for (let i = 0; i < parts.length; i++) {
    const one = parts[i];
    log.info([one.type, one.name, one.disposition, one.encoding, one.depth.toString(), one.size.toString()].join('|'));
  }
  log.info(now.messagePartCount.toString());
  return decide(new Decision());
}
`;

const MESSAGE = [
  'Content-Type: multipart/mixed; boundary=b',
  '',
  '--b',
  'Content-Type: TEXT/html',
  '',
  '<p>',
  '--b',
  'Content-Disposition: attachment; filename="a.pdf"',
  'Content-Type: application/pdf',
  'Content-Transfer-Encoding: Base64',
  '',
  'JVBERg==',
  '--b--',
  '',
].join('\n');

const folder = mkdtempSync(join(tmpdir(), 'postern-parts-'));
afterAll(() => rmSync(folder, { recursive: true }));

beforeAll(async () => {
  const module = await compilePlugin(SOURCE);
  for (const parts of [true, false]) {
    const manifest = manifestSchema.parse({
      id: 'acme/parts',
      version: '1.0.0',
      abi: 1,
      title: 'Parts',
      description: 'Logs the table of parts',
      stages: ['message'],
      reads: 'none',
      parts,
      modifies: false,
    });
    writeFileSync(join(folder, `${parts}.wasm`), packModule(module, manifest));
  }
});

async function logged(parts: boolean): Promise<string[]> {
  const asked = await serve(join(folder, `${parts}.wasm`), {});
  try {
    expect(asked.problems).toEqual([]);
    const { outcome } = await asked.filter(MESSAGE);
    expect(outcome.readBytes).toBe(undefined);
    return outcome.logs.map(({ text }) => text);
  } finally {
    await asked.close();
  }
}

test('is told to one that asks for it, which reads nothing', async () => {
  expect(await logged(true)).toEqual([
    expect.stringMatching(/^multipart\/mixed\|\|\|7bit\|0\|\d+$/),
    'text/html|||7bit|1|3',
    'application/pdf|a.pdf|attachment|base64|1|8',
    '3',
  ]);
});

test('is not told to one that does not', async () => {
  expect(await logged(false)).toEqual(['0']);
});
