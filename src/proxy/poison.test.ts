import { describe, expect, it } from 'vitest';
import type { Decision } from '../ocp/decision.ts';
import type { FailureKind } from '../ocp/service.ts';
import { ProxyBench, type ScriptedService } from './proxy-testing.ts';

const ANN = 'ann@example.com';
const BEN = 'ben@example.com';
const GOOD: Decision = {};
const BAD = 'Subject: bad\r\n\r\nbad\r\n';

const breaking = (failure: FailureKind, more: Partial<ScriptedService> & object = {}): ScriptedService => ({
  says: { message: () => ({ failure }) },
  ...more,
});

type About = NonNullable<Parameters<ProxyBench['converse']>[0]>;

/** The final replies to one attempt after another. */
async function attempts(bench: ProxyBench, ...abouts: About[]): Promise<number[]> {
  const codes: number[] = [];
  for (const about of abouts) codes.push(...(await bench.converse(about)).message);
  return codes;
}

const HELD = 'a message that has broken a service again and again is held in the quarantine';
const held = (bench: ProxyBench): object[] =>
  bench.lines.filter(({ message }) => message === HELD).map(({ level, fields }) => ({ level, ...fields }));

describe('a message that breaks a service', () => {
  it.each(['trap', 'deadline'] as const)('by a %s is held at the third time', async (failure) => {
    const bench = new ProxyBench({ services: { s: breaking(failure) } });
    const again = { text: BAD };
    expect(await attempts(bench, again, again)).toEqual([451, 451]);
    expect([bench.stored, bench.delivered, held(bench)]).toEqual([[], [], []]);

    expect(await attempts(bench, again)).toEqual([250]);
    expect(bench.delivered).toEqual([]);
    expect(bench.kept).toEqual({
      queue: [],
      quarantine: [`<bob@example.net> ${ANN} at mx by s`],
      bounces: [],
    });
    const [order] = bench.stored.flatMap(({ quarantine }) => quarantine);
    expect(order?.reason).toBe(`it has broken the service s 3 times (${failure})`);
    expect(held(bench)).toEqual([
      { level: 'warn', transaction: expect.any(String), service: 's', failure, cause: 'scripted', times: 3 },
    ]);
    // The client did not hear the 250.
    expect(await attempts(bench, again)).toEqual([250]);
  });

  it('is known by service, sender and octets, whoever gets it', async () => {
    const bench = new ProxyBench({ services: { s: breaking('trap') } });
    const codes = await attempts(
      bench,
      { text: BAD },
      { text: BAD, sender: 'eve@example.net' },
      { text: `${BAD}!\r\n` },
      { text: BAD, recipients: [BEN, ANN] },
    );
    expect(codes).toEqual([451, 451, 451, 451]);
    expect([...bench.breaks.values()]).toEqual([2, 1, 1]);
    expect(await attempts(bench, { text: BAD, recipients: [BEN] })).toEqual([250]);
    expect(bench.kept.quarantine).toEqual([`<bob@example.net> ${BEN} at mx by s`]);
  });

  it('is counted for each service by itself, and once a transaction', async () => {
    let breaks = 'a';
    const failing = (name: string): ScriptedService => ({
      says: { message: () => (breaks.includes(name) ? { failure: 'trap' } : GOOD) },
    });
    const bench = new ProxyBench({ services: { a: failing('a'), b: failing('b') } });
    const message = { text: BAD };
    expect(await attempts(bench, message, message)).toEqual([451, 451]);
    breaks = 'b';
    expect(await attempts(bench, message, message)).toEqual([451, 451]);
    expect(await attempts(bench, message)).toEqual([250]);
    expect(bench.kept.quarantine).toEqual([`<bob@example.net> ${ANN} at mx by b`]);

    // Two parts, in both of which it breaks.
    const more: ScriptedService = { says: { message: () => ({}) }, when: { recipient: [BEN] } };
    const parted = new ProxyBench({ services: { more, s: breaking('trap') } });
    expect(await attempts(parted, { recipients: [ANN, BEN] })).toEqual([451]);
    expect([...parted.breaks.values()]).toEqual([1]);
    expect(await attempts(parted, { recipients: [ANN, BEN] }, { recipients: [ANN, BEN] })).toEqual([
      451, 250,
    ]);
    expect(parted.kept.quarantine).toHaveLength(2);
  });

  it('is not held for recipients whose services take it', async () => {
    const s = breaking('trap', { when: { recipient: [BEN] } });
    const bench = new ProxyBench({ services: { s }, listener: { protocol: 'lmtp' } });
    const both = { recipients: [ANN, BEN] };
    // By LMTP the client comes back with those who are left.
    expect(await attempts(bench, both)).toEqual([250, 451]);
    expect(await attempts(bench, { recipients: [BEN] }, both)).toEqual([451, 250, 250]);
    expect(bench.kept.quarantine).toEqual([`<bob@example.net> ${BEN} at mx by s`]);
    expect(bench.delivered.map(({ recipients }) => recipients)).toEqual([[ANN], [ANN]]);
  });

  it('is held only for those for whom nothing stronger was said, and not if it was settled before', async () => {
    const rejects: ScriptedService = {
      says: { message: () => ({ recipients: [{ address: BEN, verdict: 'reject' }] }) },
    };
    const discards: ScriptedService = { says: { message: () => ({ verdict: 'discard', recipients: [] }) } };
    const services = { rejects, s: breaking('trap') };
    const bench = new ProxyBench({ services, listener: { protocol: 'lmtp' } });
    const both = { recipients: [ANN, BEN] };
    expect(await attempts(bench, both, both)).toEqual([451, 550, 451, 550]);
    expect(await attempts(bench, both)).toEqual([250, 550]);
    expect(bench.kept.quarantine).toEqual([`<bob@example.net> ${ANN} at mx by s`]);
    const gone = new ProxyBench({ services: { discards, s: breaking('trap') } });
    expect(await attempts(gone, {}, {}, {})).toEqual([250, 250, 250]);
    expect(gone.breaks.size).toBe(0);
  });

  it.each([
    ['in monitor', { s: breaking('trap', { mode: 'monitor' }) }, 250],
    ['unasked', { s: { says: { message: () => ({ failure: 'trap', unasked: true }) } } }, 451],
    ['as a probe', { s: { says: { message: () => ({ failure: 'deadline', probe: true }) } } }, 451],
    ['by not being there', { s: breaking('load') }, 451],
    ['by what it was granted', { s: breaking('capability') }, 451],
    ['with another policy', { s: breaking('trap', { onFailure: 'reject' }) }, 554],
    ['before the message is there', { s: { says: { data: () => ({ failure: 'trap' }) } } }, undefined],
  ] satisfies [string, Record<string, ScriptedService>, number | undefined][])(
    'is not to blame for a failure %s',
    async (_, services, code) => {
      const bench = new ProxyBench({ services });
      const codes = await attempts(bench, {}, {}, {}, {});
      expect(codes).toEqual(code === undefined ? [] : [code, code, code, code]);
      expect(bench.breaks.size).toBe(0);
      expect(bench.kept.quarantine).toEqual([]);
    },
  );

  it('is deferred while its count is out of reach, or its quarantine', async () => {
    const bench = new ProxyBench({
      services: { s: breaking('trap') },
      countBreak: () => {
        throw new Error('the disk is full');
      },
    });
    expect(await attempts(bench, {}, {}, {}, {})).toEqual([451, 451, 451, 451]);
    expect(bench.lines.filter(({ level }) => level === 'error')).toMatchObject(
      Array.from({ length: 4 }, () => ({ fields: { cause: 'the disk is full' } })),
    );

    let isFull = true;
    const full = new ProxyBench({
      services: { s: breaking('trap') },
      countBreak: () => 3,
      store: () => {
        if (isFull) throw new Error('the disk is full');
      },
    });
    expect(await attempts(full, {})).toEqual([452]);
    expect(held(full)).toEqual([]);
    isFull = false;
    expect(await attempts(full, {})).toEqual([250]);
    expect(held(full)).toHaveLength(1);
  });
});
