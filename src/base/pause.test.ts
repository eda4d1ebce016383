import { expect, it } from 'vitest';
import { pause } from './pause.ts';

it('ends after its time, or as soon as it is aborted', async () => {
  await pause(1, new AbortController().signal);
  await pause(3_600_000, AbortSignal.abort());
  const stopping = new AbortController();
  const waiting = pause(3_600_000, stopping.signal);
  stopping.abort();
  await expect(waiting).resolves.toBeUndefined();
});
