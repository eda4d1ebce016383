import { afterEach, describe, expect, it, vi } from 'vitest';
import type { CalloutResult } from '../../src/ocp/service.ts';
import { Thread } from '../../src/sandbox/thread.ts';
import { compileWat, factsOf, serviceOf, startBench, vectorText, type Bench } from '../abi/wat.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { waitFor } from '../support/postern.ts';

/** Instances that are made ahead of need, in the real threads: what a plugin may do there harms nobody. */
const plugin = (body: string): Uint8Array =>
  compileWat('plugin.wat', vectorText(`${body} (export "on_connect" (func $done))`));

const LOOP = `(loop $more
  (br_if $more (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 20000000))))`;
/** One octet by chance, at 1024. */
const RANDOM = '(import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))';
const often = (misdeed: string): Uint8Array =>
  compileWat(
    'plugin.wat',
    vectorText(`(export "on_connect" (func $done)) (func (export "_initialize") (local $i i32)
      ${LOOP}
      (drop (call $random (i32.const 1024) (i32.const 1)))
      (if (i32.lt_u (i32.load8_u (i32.const 1024)) (i32.const 128)) (then ${misdeed})))`).replace(
      '(module',
      `(module ${RANDOM}`,
    ),
  );

const files = {
  slow: plugin(`(func (export "_initialize") (local $i i32) ${LOOP})`),
  // It can't be told from a good one at its calls, since each is as likely as not to be good.
  'spins-often': often('(loop $forever (br $forever))'),
  'traps-often': often('(unreachable)'),
  good: plugin(''),
};
const FAILED = 'an instance of a service could not be made ahead of need';

describe('an instance made ahead of need', () => {
  let bench: Bench;
  const log = new RecordingLog();
  const sent = vi.spyOn(Thread.prototype, 'send');
  afterEach(async () => {
    await bench.close();
    log.lines.length = 0;
    sent.mockClear();
  });
  const start = async (): Promise<void> => {
    const services = [
      serviceOf('slow'),
      serviceOf('spins-often', { limits: { deadlineMs: 150 } }),
      serviceOf('traps-often'),
      serviceOf('good', { limits: { deadlineMs: 2000 } }),
    ];
    bench = await startBench({ folder: new URL('./', import.meta.url), services, files, workers: 1, log });
  };
  const ask = (name: string): Promise<CalloutResult> =>
    bench.sandbox.run({ stage: 'connect', services: [name], facts: factsOf('connect'), state: {} });
  const kindOf = async (name: string): Promise<string> => (await ask(name)).outcomes[0]!.result.kind;
  const prepared = (): number => sent.mock.calls.filter(([task]) => task.kind === 'prepare').length;

  it('is made by a thread that has nothing to do, after each call', async () => {
    await start();
    for (let call = 1; call <= 3; call++) {
      expect(await kindOf('slow')).toBe('decision');
      await waitFor(() => (prepared() >= call ? true : undefined));
    }
    expect(log.said(FAILED)).toEqual([]);
  });

  it('is not made where that is quick', async () => {
    await start();
    for (let call = 0; call < 50; call++) expect(await kindOf('good')).toBe('decision');
    // The first few may have been slow for other reasons.
    const before = prepared();
    for (let call = 0; call < 50; call++) expect(await kindOf('good')).toBe('decision');
    expect(prepared()).toBe(before);
  });

  it.each(['spins-often', 'traps-often'])(
    'is given up for a while when that fails, and nobody else notices: %s',
    async (name) => {
      await start();
      await waitFor(async () => {
        await ask(name);
        expect(await kindOf('good')).toBe('decision');
        return log.said(FAILED)[0];
      });
      expect(log.said(FAILED)[0]).toMatchObject({ service: name, retryMs: 1000 });
      const failedAt = prepared();
      for (let call = 0; call < 20; call++) expect(await kindOf('good')).toBe('decision');
      expect(prepared()).toBe(failedAt);
      expect(log.lines.filter(({ level }) => level === 'error')).toEqual([]);
    },
  );
});
