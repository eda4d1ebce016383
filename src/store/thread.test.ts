import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { untilReady } from './thread.ts';

it('does not wait for a thread that ended without a word', async () => {
  const worker = new Worker('', { eval: true });
  await expect(untilReady(worker)).rejects.toMatchObject({
    code: 'store_unavailable',
    message: 'Cannot open the store: its thread ended',
  });
});

it('tells what a thread failed at', async () => {
  const worker = new Worker('throw new Error("no disk")', { eval: true });
  await expect(untilReady(worker)).rejects.toThrow('no disk');
});
