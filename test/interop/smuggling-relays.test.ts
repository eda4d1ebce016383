import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPostern, temporaryDirectory, waitFor, type Postern } from '../support/postern.ts';
import { startExim } from './support/exim.ts';
import { Mailboxes } from './support/mails.ts';
import { startOpenSmtpd } from './support/opensmtpd.ts';
import { startPostfix } from './support/postfix.ts';
import { lacks } from './support/servers.ts';
import { ENDS, EVIL, inLanes, isFrom, NO_ENDS, sendRaw, smuggle } from './support/smuggling.ts';

const RELAYS = ['postfix', 'exim', 'opensmtpd'] as const;
const MODES = ['through', 'queue'] as const;
const LINE_ENDINGS = ['refuse', 'repair'] as const;
const missing = lacks('postfix', 'exim4', 'smtpd', 'unshare');

/** A listener, with a domain of its own, so that a relay can be told whom to bring its mail to. */
const WAYS = MODES.flatMap((mode) =>
  LINE_ENDINGS.map((lineEndings) => ({ mode, lineEndings, listener: `${mode}-${lineEndings}` })),
);
const domainOf = (listener: string): string => `${listener}.test`;

// A relay decides by itself how many messages it was given: then as many come out behind Postern, with the same envelopes.
describe.skipIf(missing !== '')(`what is smuggled into a relay before Postern${missing}`, () => {
  const directory = temporaryDirectory();
  const at = (name: string): string => join(directory.path, name);
  const running: { stop(): Promise<unknown> }[] = [];
  const relays = {} as Record<(typeof RELAYS)[number], number>;
  const store = new Mailboxes(join(at('store'), 'mail'));
  let postern: Postern;

  beforeAll(async () => {
    chmodSync(directory.path, 0o755);
    const started = <T extends { stop(): Promise<unknown> }>(server: T): T => {
      running.push(server);
      return server;
    };
    const mailboxes = WAYS.flatMap(({ listener }) =>
      ['ann', 'victim'].map((user) => `${user}@${domainOf(listener)}`),
    );
    const { port } = started(
      await startPostfix({ directory: at('store'), hostname: 'store.test', mailboxes }),
    );
    postern = started(
      await startPostern(
        {
          listeners: Object.fromEntries(
            WAYS.map(({ mode, lineEndings, listener }) => [
              listener,
              {
                protocol: 'smtp',
                port: 0,
                domains: [domainOf(listener)],
                downstream: 'store',
                mode,
                lineEndings,
              },
            ]),
          ),
          downstreams: { store: { protocol: 'smtp', host: '127.0.0.1', port } },
        },
        { directory: at('postern') },
      ),
    );
    const relay = Object.fromEntries(
      WAYS.map(({ listener }) => [domainOf(listener), postern.ports[listener]!]),
    );
    const settings = (name: string) => ({ directory: at(name), hostname: 'relay.test' });
    relays.postfix = started(
      await startPostfix({
        ...settings('postfix'),
        mailboxes: [],
        relay: Object.fromEntries(
          Object.entries(relay).map(([domain, to]) => [domain, `smtp:[127.0.0.1]:${to}`]),
        ),
      }),
    ).port;
    relays.exim = started(await startExim({ ...settings('exim'), relay })).port;
    relays.opensmtpd = started(await startOpenSmtpd({ ...settings('opensmtpd'), relay })).port;
  });

  afterAll(async () => {
    await Promise.all(running.map((server) => server.stop()));
    directory.remove();
  });

  /** Messages that Postern has refused for their octets so far. */
  const refusedSoFar = (): number =>
    postern.log.filter(({ cause }) => ['bareLf', 'bareCr', 'nul'].includes(String(cause))).length;

  it.each(RELAYS)(
    'comes out as as many messages as %s took, through and queue, refuse and repair',
    async (relay) => {
      const rows = WAYS.flatMap(({ listener }) =>
        [...NO_ENDS, ...ENDS].map((sequence) => ({ listener, sequence, token: crypto.randomUUID() })),
      );
      const before = refusedSoFar();
      const refused = (): number => refusedSoFar() - before;
      const taken = await inLanes(rows, async ({ listener, sequence, token }) => {
        const [to, victim] = [`ann@${domainOf(listener)}`, `victim@${domainOf(listener)}`];
        const segments = [smuggle(sequence, { place: 'body', token, victim }).join('')];
        const replies = await sendRaw({ port: relays[relay], to, segments });
        const second = replies.findIndex((reply) => reply.startsWith('354')) + 1;
        return {
          outer: replies[0]!.startsWith('250') ? 1 : 0,
          second: second > 0 && replies[second]!.startsWith('250') ? 1 : 0,
        };
      });
      const count = (of: readonly { outer: number; second: number }[]): number =>
        of.reduce((sum, { outer, second }) => sum + outer + second, 0);

      const comeOut = async () => {
        const mails = await store.all();
        return rows.map(({ listener, sequence, token }) => {
          const found = mails.filter((text) => text.includes(token));
          const second = found.filter((text) => isFrom(EVIL, text)).length;
          return { row: `${JSON.stringify(sequence)}, ${listener}`, outer: found.length - second, second };
        });
      };
      // What a relay took, its own repairs done, is delivered or refused. OpenSMTPD waits some seconds between its connections.
      const settled = () =>
        waitFor(async () => {
          const seen = await comeOut();
          return count(seen) + refused() >= count(taken) ? seen : undefined;
        });
      const out = await settled().catch(settled).catch(comeOut);
      const tooMany = out.filter(
        ({ outer, second }, at) => outer > taken[at]!.outer || second > taken[at]!.second,
      );
      expect(tooMany).toEqual([]);
      expect(count(out) + refused()).toBe(count(taken));
      expect(count(out)).toBeGreaterThan(WAYS.length * 10);
    },
    90_000,
  );
});
