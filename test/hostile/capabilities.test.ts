import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CapabilityName } from '../../src/ocp/capability.ts';
import type { Service, ServiceOutcome } from '../../src/ocp/service.ts';
import type { Stage } from '../../src/ocp/stage.ts';
import { factsOf, imageOfText, serviceOf, startBench, type Bench } from '../abi/wat.ts';
import { openOutside, type Outside } from '../capability/outside.ts';
import { DENIED, GARBAGE, INVALID, MESSAGE, MISUSED } from './misused.ts';
import { asking, beyond, flooding, huge, pluginOf, POINTERS } from './misusing.ts';

/**
 * Each capability in the hands of a plugin that misuses it: what it is told, what the call comes to, and that what lies outside never
 * hears of more than is granted. The parts are the program's own.
 */
const NAMES = Object.keys(MISUSED) as CapabilityName[];
/** That one call may make. */
const HOST_CALLS = 300;
const DECISION = { kind: 'decision', decision: {} };

describe.each(['thread', 'process'] as const)('in a %s', (isolation) => {
  let outside: Outside;
  let bench: Bench;

  beforeAll(async () => {
    const files: Record<string, Uint8Array> = { good: pluginOf('(export "on_message" (func $done))') };
    const services: Service[] = [serviceOf('good', { isolation })];
    const add = (name: string, plugin: Uint8Array, options: Partial<Pick<Service, 'grants'>> = {}): void => {
      files[name] = plugin;
      services.push(serviceOf(name, { isolation, limits: { hostCalls: HOST_CALLS }, ...options }));
    };
    for (const name of NAMES) {
      const { grants, good, wrong, early } = MISUSED[name]!;
      const garbage = GARBAGE.map((request) => [request, INVALID] as const);
      add(`${name} garbage`, asking(name, { message: garbage }), { grants });
      add(`${name} wrong`, asking(name, { message: wrong, ...(early && { connect: [early] }) }), { grants });
      add(`${name} huge`, huge(name), { grants });
      add(`${name} flood`, flooding(name, good), { grants });
      add(`${name} beyond`, beyond(name), { grants });
      add(
        `${name} not granted`,
        asking(name, {
          message: [
            [good, DENIED],
            ['', DENIED],
          ],
        }),
      );
    }
    outside = await openOutside(services);
    const { capabilities } = outside;
    bench = await startBench({ folder: new URL('./', import.meta.url), services, files, capabilities });
  }, 60_000);

  afterAll(async () => {
    await bench?.close();
    await outside?.close();
  });

  async function run(service: string, stage: Stage): Promise<ServiceOutcome> {
    const { outcomes } = await bench.sandbox.run({
      stage,
      services: [service],
      facts: factsOf(stage),
      ...(stage === 'message' && { image: imageOfText(MESSAGE) }),
      state: {},
    });
    return outcomes[0]!;
  }

  async function ask(service: string, stage: Stage = 'message'): Promise<ServiceOutcome> {
    const outcome = await run(service, stage);
    // Whatever it did, the next finds everything as it should be.
    expect((await run('good', 'message')).result).toEqual(DECISION);
    return outcome;
  }

  /** Files that were put, scans and questions so far. */
  const heard: Partial<Record<CapabilityName, () => number>> = {
    blob: () => outside.blobs(),
    dns: () => outside.questions(),
    scan: () => outside.scans(),
  };

  it('all load: none is refused for what it only does when it runs', () => {
    expect(bench.problems).toEqual([]);
  });

  it.each(NAMES.filter((name) => MISUSED[name]!.early))(
    '%s: refuses what is asked too early',
    async (name) => {
      expect((await ask(`${name} wrong`, 'connect')).result).toEqual(DECISION);
    },
  );

  describe.each(NAMES)('%s', (name) => {
    it('refuses what is no request, or too long for one', async () => {
      expect((await ask(`${name} garbage`)).result).toEqual(DECISION);
      expect((await ask(`${name} huge`)).result).toEqual(DECISION);
    });

    it('refuses what is asked wrongly, or of more than is granted', async () => {
      expect((await ask(`${name} wrong`)).result).toEqual(DECISION);
    });

    it('does nothing for a service that it is not granted to', async () => {
      expect((await ask(`${name} not granted`)).result).toEqual(DECISION);
    });

    it.each(Object.entries(POINTERS))('ends a call with a range beyond the memory: at %s', async (stage) => {
      expect((await ask(`${name} beyond`, stage as Stage)).result).toMatchObject({
        kind: 'failure',
        failure: 'trap',
        cause: expect.stringContaining('outside its memory of 262144') as string,
      });
    });

    it('ends a flood, and lets no more out than is granted', async () => {
      const before = heard[name]?.();
      const outcome = await ask(`${name} flood`);
      expect(outcome.result).toMatchObject({
        kind: 'failure',
        failure: MISUSED[name]!.flood ?? 'trap',
        cause: expect.stringContaining(`it made more than ${HOST_CALLS} host calls`) as string,
      });
      expect(outcome).not.toHaveProperty('notifications');
      expect(heard[name]?.()).toBe(before === undefined ? undefined : before + MISUSED[name]!.out!);
    });
  });
});
