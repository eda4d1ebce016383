import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { builtPlugin, complaints, serve, type Asked } from './ask.ts';

const PLUGIN = builtPlugin('journal');
let asked: Asked;

beforeAll(async () => {
  asked = await serve(PLUGIN, {}, false);
});

afterAll(async () => asked.close());

const outcome = (recipient: string) => ({ recipient, disposition: 'deliver', reply: '250 2.0.0 "OK"' });

test('imports no call that reaches the message, and none of Postern at all', () => {
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(readFileSync(PLUGIN)));
  expect(imports.length).toBeGreaterThan(0);
  expect(imports.filter(({ module }) => module !== 'extism:host/env')).toEqual([]);
});

test('is asked at report only', () => {
  expect(asked.problems).toEqual([]);
  expect(asked.answers('report')).toBe(true);
  expect(asked.answers('message')).toBe(false);
  expect(asked.answers('rcpt')).toBe(false);
});

test('logs one line of JSON about the transaction', async () => {
  const { logs } = await asked.outcome('report', {
    client: {
      address: '2001:db8::1',
      port: 25,
      user: 'ann "the" \\ user',
      tls: { version: 'TLSv1.3', cipher: 'x' },
    },
    sender: { address: '', params: {} },
    message: {
      size: 2048,
      parts: [
        { type: 'multipart/mixed', name: '', disposition: '', encoding: '7bit', depth: 0, size: 1890 },
        {
          type: 'application/pdf',
          name: 'a "b" ü.pdf',
          disposition: 'attachment',
          encoding: 'base64',
          depth: 1,
          size: 7,
        },
      ],
      partCount: 3,
    },
    outcomes: [outcome('ann@example.com'), outcome('bérénice@exämple.com 😀')],
    tags: { spam: 'no', ключ: '"\\' },
  });
  expect(logs).toHaveLength(1);
  expect(logs[0]!.level).toBe('info');
  expect(JSON.parse(logs[0]!.text)).toEqual({
    session: 'session1',
    transaction: 'transaction1',
    listener: 'inbound',
    protocol: 'smtp',
    client: '2001:db8::1',
    helo: '',
    tls: 'TLSv1.3',
    user: 'ann "the" \\ user',
    sender: '',
    size: 2048,
    parts: [
      { type: 'multipart/mixed', name: '', encoding: '7bit', size: 1890 },
      { type: 'application/pdf', name: 'a "b" ü.pdf', encoding: 'base64', size: 7 },
    ],
    partCount: 3,
    outcomes: [outcome('ann@example.com'), outcome('bérénice@exämple.com 😀')],
    omitted: 0,
    tags: { spam: 'no', ключ: '"\\' },
  });
});

test('stays valid JSON within the log limit, however many recipients there are', async () => {
  const outcomes = Array.from({ length: 2000 }, (_, i) => outcome(`кто-то-${i}@example.com`));
  const { logs } = await asked.outcome('report', { outcomes });
  const line = z
    .object({ outcomes: z.array(z.unknown()), omitted: z.number() })
    .parse(JSON.parse(logs[0]!.text));
  expect(line.outcomes.length).toBeGreaterThan(50);
  expect(line.outcomes).toEqual(outcomes.slice(0, line.outcomes.length));
  expect(line.omitted).toBe(2000 - line.outcomes.length);
});

test('is given no octet of a message, where a filter that reads is counted', async () => {
  expect((await asked.outcome('report')).readBytes).toBe(undefined);
  const reading = await serve(builtPlugin('attachment-guard'), {});
  const message = 'From: a@b.example\nContent-Type: application/pdf\n\nnot a PDF\n';
  const { outcome } = await reading.filter(message);
  await reading.close();
  expect(outcome.readBytes).toBeGreaterThan(5);
});

test('refuses settings, since it has none', async () => {
  expect(await complaints(PLUGIN, [{ verbose: true }])).toEqual([
    expect.stringContaining('Cannot use verbose: found true, there are no settings'),
  ]);
});
