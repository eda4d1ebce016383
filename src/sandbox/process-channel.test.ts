import { PassThrough, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { Liar, ProcessChannel } from './process-channel.ts';
import { frameOf } from './process-frame.ts';

describe('ProcessChannel', () => {
  const limits = { json: 1000, octets: 0 };
  const told = { message: { kind: 'octets' }, parts: [new Uint8Array(1000)], limits } as const;

  /** A channel to a process that answers all that it is told, and has read it or not. */
  const talk = (
    isReading: boolean,
  ): { say: () => Promise<unknown>; waiting: () => number; faults: Error[] } => {
    const output = new PassThrough();
    const input = new Writable({
      write: (_octets, _encoding, done) => {
        if (isReading) done();
      },
    });
    const faults: Error[] = [];
    const channel = new ProcessChannel({ input, output, ended: new Promise(() => {}) }, (fault) =>
      faults.push(fault),
    );
    const say = async (): Promise<unknown> => {
      const answer = channel.ask(told);
      output.write(frameOf({ kind: 'ask' }, []));
      return (await answer).message;
    };
    return { say, waiting: () => input.writableLength, faults };
  };

  it('goes on with a process that reads', async () => {
    const { say, faults } = talk(true);
    for (let time = 0; time < 100; time++) expect(await say()).toEqual({ kind: 'ask' });
    expect(faults).toEqual([]);
  });

  it('ends a process that asks and asks, and reads no answer', async () => {
    const { say, waiting, faults } = talk(false);
    const untilEnd = async (): Promise<void> => {
      for (let time = 0; time < 100; time++) await say();
    };
    await expect(untilEnd()).rejects.toThrow(Liar);
    expect(faults[0]?.message).toBe('it speaks and does not read what it is told');
    expect(waiting()).toBeLessThan(3 * 1100);
  });
});
