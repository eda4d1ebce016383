import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Service } from '../../src/ocp/service.ts';
import { STAGES } from '../../src/ocp/stage.ts';
import {
  compileWat,
  factsOf,
  imageOfText,
  serviceOf,
  startBench,
  vectorText,
  type Bench,
} from '../abi/wat.ts';

/** A plugin that spins, traps or recurses wherever it can be asked: in each export, and in what runs before any. */
const MISDEEDS = {
  spins: '(loop $forever (br $forever)) (unreachable)',
  traps: '(unreachable)',
  recurses: '(call $deeper)',
} as const;
const CAUSES = {
  spins: ['deadline', 'it took longer than 200 ms'],
  traps: ['trap', 'it trapped: unreachable'],
  recurses: ['trap', 'it trapped: its stack overflowed'],
} as const;
type Misdeed = keyof typeof MISDEEDS;

const DEEPER = '(func $deeper (result i32) (i32.add (call $deeper) (i32.const 1)))';
const everywhere = (misdeed: Misdeed): string =>
  STAGES.map((stage) => `(func (export "on_${stage}") (result i32) ${MISDEEDS[misdeed]})`).join('\n');
const before = (where: string, misdeed: Misdeed): string =>
  `(func $begin ${where} ${MISDEEDS[misdeed].replace('(call $deeper)', '(drop (call $deeper))')})
   ${STAGES.map((stage) => `(export "on_${stage}" (func $done))`).join('\n')}`;

const plugins: Record<string, string> = {};
for (const misdeed of ['spins', 'traps', 'recurses'] as const) {
  plugins[`${misdeed} at`] = everywhere(misdeed);
  plugins[`${misdeed} in _initialize before`] = before('(export "_initialize")', misdeed);
  plugins[`${misdeed} in its start function before`] = `(start $begin) ${before('', misdeed)}`;
}

const misdeedOf = (name: string): Misdeed => name.split(' ')[0] as Misdeed;
const LIMITS = { limits: { deadlineMs: 200 } };

describe('a plugin that', () => {
  let bench: Bench;
  beforeAll(async () => {
    const files: Record<string, Uint8Array> = {};
    const services: Service[] = [serviceOf('good', { plugin: 'good-everywhere' })];
    files['good-everywhere'] = compileWat(
      'good.wat',
      vectorText(STAGES.map((stage) => `(export "on_${stage}" (func $done))`).join('\n')),
    );
    for (const [name, body] of Object.entries(plugins)) {
      files[name] = compileWat('plugin.wat', vectorText(`${DEEPER} ${body}`));
      services.push(serviceOf(name, LIMITS));
    }
    bench = await startBench({ folder: new URL('./', import.meta.url), services, files, workers: 2 });
  });
  afterAll(() => bench.close());

  it('misbehaves only when it runs is loaded', () => {
    expect(bench.problems).toEqual([]);
  });

  describe.each(Object.keys(plugins))('%s', (name) => {
    it.each(STAGES)('%s: fails with its cause, and the next service is answered', async (stage) => {
      const ask = async (service: string) => {
        const image = imageOfText('Subject: x\r\n\r\nx\r\n');
        const job = { stage, services: [service], facts: factsOf(stage), state: {} };
        const { outcomes } = await bench.sandbox.run({ ...job, ...(stage === 'message' && { image }) });
        return outcomes[0]!.result;
      };
      const [failure, cause] = CAUSES[misdeedOf(name)];
      expect(await ask(name)).toEqual({ kind: 'failure', failure, cause });
      expect(await ask('good')).toEqual({ kind: 'decision', decision: {} });
    });
  });
});

describe('a plugin that has configure and', () => {
  it.each(['spins', 'traps', 'recurses'] as const)('%s in it is refused with the cause', async (misdeed) => {
    const body = `${DEEPER}
      (func (export "configure") (result i32) ${MISDEEDS[misdeed]})
      (export "on_connect" (func $done))`;
    const bench = await startBench({
      folder: new URL('./', import.meta.url),
      services: [serviceOf('bad', LIMITS), serviceOf('good')],
      files: { bad: compileWat('bad.wat', vectorText(body)) },
    });
    await bench.close();
    expect(bench.problems).toEqual([
      {
        service: 'bad',
        where: expect.any(String),
        reason: `its check of the settings failed: ${CAUSES[misdeed][1]}`,
      },
    ]);
  });
});
