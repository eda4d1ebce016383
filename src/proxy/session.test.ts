import { describe, expect, it } from 'vitest';
import { reply } from '../mail/reply.ts';
import type { Verdict } from '../ocp/decision.ts';
import type { Stage } from '../ocp/stage.ts';
import { belowTrace, ProxyBench, TEXT, type ScriptedService } from './proxy-testing.ts';

const STAGES = ['connect', 'helo', 'starttls', 'auth', 'mail', 'rcpt', 'data', 'message'] as const;
const HELD = ['quarantine', 'discard', 'bounce'] as const;
const saying = (stage: Stage, verdict: Verdict): ScriptedService => ({
  says: { [stage]: () => ({ verdict }) },
});

/** Held once and let go of once, whatever happened in between; the spool went with the message. */
function expectNothingLeft(bench: ProxyBench): void {
  expect(bench.holds.length).toBeGreaterThan(0);
  expect(bench.holds).toEqual(bench.holds.map(() => 1));
  expect(bench.lines.filter(({ message }) => message === 'transaction').length).toBeLessThan(2);
}

const PATHS = (['smtp', 'submission', 'lmtp'] as const).flatMap((protocol) =>
  (['through', 'queue'] as const).map((mode) => ({ protocol, mode })),
);

describe.each(PATHS)('by $protocol, $mode', (listener) => {
  const recipients = ['ann@example.com', 'ben@example.com'];
  const each = <T>(one: T): T[] => (listener.protocol === 'lmtp' ? [one, one] : [one]);

  it.each(
    STAGES.flatMap((stage) => (['reject', 'tempfail'] as const).map((verdict) => ({ stage, verdict }))),
  )('$verdict at $stage is the reply to it, and nothing goes anywhere', async ({ stage, verdict }) => {
    const bench = new ProxyBench({ services: { s: saying(stage, verdict) }, listener });
    const codes = await bench.converse({ recipients });
    const code = verdict === 'reject' ? 550 : 451;
    const expected = { rcpt: [code, code], message: each(code) } as const;
    expect(codes[stage]).toEqual(stage === 'rcpt' || stage === 'message' ? expected[stage] : code);
    const after = STAGES.slice(STAGES.indexOf(stage) + 1);
    for (const later of after) expect([undefined, []]).toContainEqual(codes[later]);
    expect(bench.delivered).toEqual([]);
    expect(bench.stored).toEqual([]);
    await settled();
    expect(bench.discards).toBe(stage === 'message' ? 1 : 0);
    expectNothingLeft(bench);
    const begun = listener.mode === 'through' && after.length < 4;
    expect(bench.relayed.at(-1)).toBe(begun ? 'ABORT' : undefined);
  });

  it.each(STAGES.flatMap((stage) => HELD.map((verdict) => ({ stage, verdict }))))(
    '$verdict at $stage waits for the message, and the downstream hears of none held before it',
    async ({ stage, verdict }) => {
      const bench = new ProxyBench({ services: { s: saying(stage, verdict) }, listener });
      const codes = await bench.converse({ recipients });
      expect([codes.mail, codes.rcpt, codes.data, codes.message]).toEqual([250, [250, 250], 354, each(250)]);
      expect(bench.delivered).toEqual([]);
      expect(bench.kept).toEqual({
        queue: [],
        quarantine: recipients
          .filter(() => verdict === 'quarantine')
          .map((address) => `<bob@example.net> ${address} at mx by s`),
        bounces: recipients
          .filter(() => verdict === 'bounce')
          .map((address) => `<bob@example.net> ${address} 550`),
      });
      const told = {
        rcpt: ['MAIL <bob@example.net> at mx'],
        data: ['MAIL <bob@example.net> at mx', ...recipients.map((address) => `RCPT <${address}> at mx`)],
      };
      const known = stage === 'message' ? told.data : stage in told ? told[stage as keyof typeof told] : [];
      expect(bench.relayed).toEqual(listener.mode === 'queue' ? [] : [...known, 'ABORT']);
      await settled();
      expect(bench.discards).toBe(1);
      expectNothingLeft(bench);
    },
  );

  it.each(STAGES)(
    'accept at %s, or nothing to say there, lets the message through untouched',
    async (stage) => {
      const services = { s: saying(stage, 'accept'), t: { says: { [stage]: () => ({}) } } };
      const bench = new ProxyBench({ services, listener });
      const codes = await bench.converse({ recipients });
      expect([codes.mail, codes.rcpt, codes.data, codes.message]).toEqual([250, [250, 250], 354, each(250)]);
      const forwarded = await bench.forwarded();
      expect(forwarded).toMatchObject([{ sender: 'bob@example.net', recipients, downstream: 'mx' }]);
      expect(belowTrace(forwarded[0]!.text)).toBe(TEXT);
      expect(bench.stored).toHaveLength(listener.mode === 'queue' ? 1 : 0);
      await settled();
      expect(bench.discards).toBe(1);
      expectNothingLeft(bench);
    },
  );

  it.each(['reject', 'tempfail', 'quarantine', 'accept'] as const)(
    'a failure has the effect of the policy: %s',
    async (onFailure) => {
      for (const stage of STAGES) {
        const failing: ScriptedService = { onFailure, says: { [stage]: () => ({ failure: 'trap' }) } };
        const bench = new ProxyBench({ services: { s: failing }, listener });
        const codes = await bench.converse();
        const code = { reject: 554, tempfail: 451, quarantine: undefined, accept: undefined }[onFailure];
        expect([codes[code === undefined ? 'message' : stage]].flat()).toEqual([code ?? 250]);
        expect(bench.kept.quarantine).toHaveLength(onFailure === 'quarantine' ? 1 : 0);
        expect(bench.delivered.length + bench.kept.queue.length).toBe(onFailure === 'accept' ? 1 : 0);
        expectNothingLeft(bench);
      }
    },
  );

  it('monitor does nothing, whatever it says', async () => {
    const says = Object.fromEntries(
      STAGES.map((stage) => [stage, () => ({ verdict: 'reject', disconnect: true }) as const]),
    );
    const bench = new ProxyBench({ services: { s: { mode: 'monitor', says } }, listener });
    const codes = await bench.converse();
    expect(codes.message).toEqual([250]);
    expect(new Set(bench.asked.map(({ facts }) => facts.stage))).toEqual(new Set(STAGES));
    expect(bench.delivered.length + bench.kept.queue.length).toBe(1);
  });
});

/** The spool and the hold are let go of after the reply. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a session', () => {
  it('forgets at STARTTLS what was learnt from the client in the clear, and nothing from before', async () => {
    const bench = new ProxyBench({
      services: {
        s: {
          says: {
            connect: () => ({ tags: { network: 'known' }, score: 1 }),
            helo: ({ client }) =>
              client.tls === undefined ? { verdict: 'quarantine', tags: { helo: 'odd' }, score: 5 } : {},
            mail: () => ({}),
          },
        },
      },
    });
    const { handler } = bench;
    await handler.connect();
    await handler.helo({ verb: 'EHLO', name: 'injected.example' });
    await handler.starttls({ version: 'TLSv1.3', cipher: 'c' });
    await handler.helo({ verb: 'EHLO', name: 'mx.example.net' });
    await handler.mail({ address: '', params: {} });
    expect(bench.asked.at(-1)!.facts).toMatchObject({ tags: { network: 'known' }, score: 1 });
    expect(bench.asked.at(-1)!.facts.tags).not.toHaveProperty('helo');
    expect(bench.relayed).toEqual(['MAIL <> at mx']);
    await handler.close('');
    expectNothingLeft(bench);
  });

  it('keeps the stronger of two verdicts from before MAIL', async () => {
    const bench = new ProxyBench({
      services: {
        s: { says: { connect: () => ({ verdict: 'quarantine' }), helo: () => ({ verdict: 'discard' }) } },
      },
    });
    const { handler } = bench;
    await handler.connect();
    await handler.helo({ verb: 'EHLO', name: 'x' });
    for (const sender of ['a@example.net', 'b@example.net']) {
      await handler.mail({ address: sender, params: {} });
      await handler.rcpt({ address: 'ann@example.com', params: {} });
      await handler.data();
      await handler.message(bench.spool());
    }
    expect(bench.kept.quarantine).toEqual([
      '<a@example.net> ann@example.com at mx by s',
      '<b@example.net> ann@example.com at mx by s',
    ]);
  });

  it('goes on with the old HELO after a refused one, and with a rewritten one after that', async () => {
    const bench = new ProxyBench({
      services: {
        s: {
          says: {
            helo: ({ client }) =>
              client.helo?.name === 'bad'
                ? { verdict: 'reject' }
                : { rewrite: `${client.helo?.name}.example` },
            mail: () => ({}),
          },
        },
      },
    });
    const { handler } = bench;
    await handler.helo({ verb: 'EHLO', name: 'good' });
    expect((await handler.helo({ verb: 'EHLO', name: 'bad' })).reply.code).toBe(550);
    await handler.mail({ address: 'a@example.net', params: {} });
    expect(bench.asked.at(-1)!.facts.client.helo?.name).toBe('good.example');
    await handler.close('');
  });

  it.each(['connect', 'helo', 'mail', 'rcpt', 'data'] as const)('disconnects at %s', async (stage) => {
    const bench = new ProxyBench({
      services: { s: { says: { [stage]: () => ({ disconnect: true }) } } },
    });
    const codes = await bench.converse();
    expect([codes[stage]].flat()).toEqual([421]);
    expectNothingLeft(bench);
    const rude = new ProxyBench({
      services: { s: { says: { [stage]: () => ({ verdict: 'reject', disconnect: true }) } } },
    });
    expect([(await rude.converse())[stage]].flat()).toEqual([550]);
  });

  it('disconnects after the reply to a message that is delivered all the same', async () => {
    const bench = new ProxyBench({ services: { s: { says: { message: () => ({ disconnect: true }) } } } });
    const { handler } = bench;
    await handler.mail({ address: 'a@example.net', params: {} });
    await handler.rcpt({ address: 'ann@example.com', params: {} });
    await handler.data();
    const answers = await handler.message(bench.spool());
    expect(answers).toMatchObject([{ reply: { code: 250 }, disconnect: true }]);
    expect(bench.delivered).toHaveLength(1);
  });

  it('logs why a transaction got no message, and one that the client gave up before any RCPT at debug only', async () => {
    const bench = new ProxyBench();
    const { handler } = bench;
    const begin = async (recipients: number): Promise<void> => {
      await handler.mail({ address: 'a@example.net', params: {} });
      for (let i = 0; i < recipients; i++) await handler.rcpt({ address: `r${i}@example.com`, params: {} });
    };
    const refusal = {
      by: 'message',
      reply: reply(550, '5.6.0', 'bare LF'),
      cause: 'bareLf',
      size: 7,
    } as const;
    await begin(0);
    await handler.reset({ by: 'client' });
    await begin(1);
    await handler.reset({ by: 'client' });
    await begin(0);
    await handler.reset({ by: 'session', reason: 'transaction took too long' });
    await begin(1);
    await handler.reset({ ...refusal, ours: false });
    await begin(1);
    await handler.reset({ ...refusal, ours: true });
    const told = bench.lines.map(({ level, fields: { ended, cause } }) => [level, ended, cause]);
    expect(told).toEqual([
      ['debug', 'the client gave it up', undefined],
      ['info', 'the client gave it up', undefined],
      ['info', 'transaction took too long', undefined],
      ['info', 'refused while receiving', 'bareLf'],
      ['error', 'refused while receiving', 'bareLf'],
    ]);
    expect(bench.holds).toEqual([1, 1, 1, 1, 1]);
  });

  it('learns from a HELO in the place of the one before, and forgets what a refused one had to say', async () => {
    const bench = new ProxyBench({
      services: {
        s: {
          says: {
            connect: () => ({ score: 1, tags: { connect: 'yes' } }),
            helo: ({ client: { helo } }) => ({
              score: 10,
              tags: { helo: helo!.name, [helo!.name]: 'yes' },
              ...(helo!.name === 'bad' && { verdict: 'reject' }),
              ...(helo!.name === 'odd' && { verdict: 'quarantine' }),
            }),
            auth: () => ({ score: 100 }),
            mail: () => ({}),
          },
        },
      },
    });
    const { handler } = bench;
    await handler.connect();
    await handler.helo({ verb: 'EHLO', name: 'odd' });
    await handler.auth({ user: 'ann', mechanism: 'PLAIN' });
    await handler.helo({ verb: 'EHLO', name: 'one' });
    expect(bench.asked.at(-1)!.facts).toMatchObject({ score: 101, tags: { connect: 'yes' } });
    await handler.helo({ verb: 'EHLO', name: 'one' });
    expect((await handler.helo({ verb: 'EHLO', name: 'bad' })).reply.code).toBe(550);
    await handler.mail({ address: 'a@example.net', params: {} });
    const { score, tags } = bench.asked.at(-1)!.facts;
    expect({ score, tags }).toEqual({ score: 111, tags: { connect: 'yes', helo: 'one', one: 'yes' } });
    await handler.rcpt({ address: 'ann@example.com', params: {} });
    await handler.data();
    await handler.message(bench.spool());
    expect(bench.stored).toEqual([]);
    expect(bench.delivered).toHaveLength(1);
  });

  it('says 451 for a 421 of a next hop, and goes on with the other recipients', async () => {
    const gone = { ...reply(421, '4.4.1', 'downstream far cannot be reached'), local: true };
    const bench = new ProxyBench({
      services: {
        s: {
          says: {
            rcpt: ({ recipients: [one] = [] }) => (one!.address.startsWith('far') ? { nextHop: 'far' } : {}),
          },
        },
      },
      rcpt: (_, downstream) => (downstream === 'far' ? gone : reply(250, '2.1.5', 'ok')),
    });
    const codes = await bench.converse({ recipients: ['far@example.com', 'ann@example.com'] });
    expect([codes.rcpt, codes.message]).toEqual([[451, 250], [250]]);
    expect(bench.lines.at(-1)!.fields).toMatchObject({
      refused: [{ address: 'far@example.com', reply: '451 4.4.1 downstream far cannot be reached' }],
    });
  });

  it('ends a transaction that could not begin, and the next one is not in its way', async () => {
    let broken = true;
    const bench = new ProxyBench({
      mail: () => {
        if (broken) throw new Error('a bug in the relay');
        return { code: 250, lines: [] };
      },
    });
    await expect(bench.handler.mail({ address: 'a@example.net', params: {} })).rejects.toThrow('a bug');
    expect(bench.holds).toEqual([1]);
    broken = false;
    expect((await bench.handler.mail({ address: 'a@example.net', params: {} })).reply.code).toBe(250);
    await bench.handler.close('');
    expect(bench.holds).toEqual([1, 1]);
  });

  it('keeps the transaction after a refused DATA, as the client does, and says in the log why it ended', async () => {
    let refusing = true;
    const bench = new ProxyBench({
      services: { s: { says: { data: () => (refusing ? { verdict: 'tempfail' } : {}) } } },
    });
    const { handler } = bench;
    await handler.mail({ address: 'a@example.net', params: {} });
    await handler.rcpt({ address: 'ann@example.com', params: {} });
    expect((await handler.data()).reply.code).toBe(451);
    expect(bench.holds).toEqual([0]);
    await handler.reset({ by: 'client' });
    expect(bench.holds).toEqual([1]);
    expect(bench.lines.at(-1)).toMatchObject({
      message: 'transaction',
      fields: { ended: 'refused at data', reply: expect.stringMatching(/^451 /) },
    });

    refusing = false;
    await handler.mail({ address: 'a@example.net', params: {} });
    await handler.rcpt({ address: 'ann@example.com', params: {} });
    expect((await handler.data()).reply.code).toBe(354);
    expect((await handler.message(bench.spool()))[0]!.reply.code).toBe(250);
    expect(bench.holds).toEqual([1, 1]);
  });
});
