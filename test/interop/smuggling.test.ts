import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPostern, temporaryDirectory, waitFor, type Postern } from '../support/postern.ts';
import { startCyrus } from './support/cyrus.ts';
import { startDovecot } from './support/dovecot.ts';
import { startExim } from './support/exim.ts';
import { Mailboxes } from './support/mails.ts';
import { startOpenSmtpd } from './support/opensmtpd.ts';
import { startPostfix } from './support/postfix.ts';
import { lacks } from './support/servers.ts';
import {
  ENDS,
  EVIL,
  hasBareLineEnd,
  hasNul,
  IN_CHUNKS,
  inLanes,
  isFrom,
  NO_ENDS,
  NO_ENDS_AT_FIRST,
  sendRaw,
  smuggle,
  type Outer,
} from './support/smuggling.ts';

const [ANN, VICTIM] = ['ann@box.test', 'victim@box.test'];
const SERVERS = ['postfix', 'exim', 'opensmtpd', 'dovecot', 'cyrus'] as const;
const MODES = ['through', 'queue'] as const;
const LINE_ENDINGS = ['refuse', 'repair'] as const;
type ServerName = (typeof SERVERS)[number];
type LineEndings = (typeof LINE_ENDINGS)[number];
const missing = lacks('postfix', 'exim4', 'smtpd', 'dovecot', 'lmtpd', 'unshare');

/** One message on its way. */
interface Row {
  /** For people: what is smuggled, where, and how. */
  readonly name: string;
  readonly token: string;
  readonly segments: readonly string[];
  readonly chunks?: readonly number[];
  /** What the outer message is, as far as line ends and NUL go. */
  readonly outer: string;
  /** The outer message ends where the other one begins, which is then said by the client and not smuggled. */
  readonly ends: boolean;
}

describe.skipIf(missing !== '')(`what is smuggled into Postern${missing}`, () => {
  const directory = temporaryDirectory();
  const at = (name: string): string => join(directory.path, name);
  const running: { stop(): Promise<unknown> }[] = [];
  const mailboxes = {} as Record<ServerName, Mailboxes>;
  let postern: Postern;

  beforeAll(async () => {
    chmodSync(directory.path, 0o755);
    const started = <T extends { stop(): Promise<unknown> }>(server: T): T => {
      running.push(server);
      return server;
    };
    const settings = { hostname: 'box.test', mailboxes: [ANN, VICTIM] };
    const postfix = started(await startPostfix({ directory: at('postfix'), ...settings }));
    const exim = started(await startExim({ directory: at('exim'), ...settings }));
    const opensmtpd = started(await startOpenSmtpd({ directory: at('opensmtpd'), ...settings }));
    const dovecot = started(await startDovecot({ directory: at('dovecot'), users: [ANN, VICTIM] }));
    const cyrus = started(await startCyrus({ directory: at('cyrus'), users: [ANN, VICTIM] }));
    const servers = { postfix, exim, opensmtpd, dovecot, cyrus };
    for (const name of SERVERS) mailboxes[name] = new Mailboxes(join(at(name), 'mail'));
    const listener = (settings: object): object => ({
      protocol: 'smtp',
      port: 0,
      domains: ['box.test'],
      ...settings,
    });
    postern = started(
      await startPostern(
        {
          listeners: Object.fromEntries(
            SERVERS.flatMap((downstream) =>
              MODES.flatMap((mode) =>
                LINE_ENDINGS.map((lineEndings) => [
                  `${downstream}-${mode}-${lineEndings}`,
                  listener({ downstream, mode, lineEndings }),
                ]),
              ),
            ),
          ),
          downstreams: Object.fromEntries(
            SERVERS.map((name) => [
              name,
              {
                protocol: name === 'dovecot' || name === 'cyrus' ? 'lmtp' : 'smtp',
                host: '127.0.0.1',
                port: servers[name].port,
              },
            ]),
          ),
          bounce: { downstream: 'postfix' },
        },
        { directory: at('postern') },
      ),
    );
  });

  afterAll(async () => {
    await Promise.all(running.map((server) => server.stop()));
    directory.remove();
  });

  /** A row in one segment. `cuts`: places around the sequence, 0 being its start, where the octets are cut into segments, or chunks. */
  const rowOf = (
    sequence: string,
    place: Outer['place'],
    how: { cuts?: readonly number[]; chunked?: boolean } = {},
  ): Row => {
    const { cuts = [], chunked = false } = how;
    const token = crypto.randomUUID();
    const [before, , after] = smuggle(sequence, { place, token, victim: VICTIM });
    const text = before + sequence + after;
    const places = [0, ...cuts.map((cut) => before.length + cut), text.length];
    const segments = places.slice(1).map((end, at) => text.slice(places[at], end));
    const ends = !chunked && ENDS.includes(sequence);
    const name = `${JSON.stringify(sequence)} in ${place}, ${chunked ? 'chunks' : 'segments'} cut at ${cuts.join()}`;
    const chunks = chunked ? segments.slice(0, -1).map(({ length }) => length) : undefined;
    const outer = ends ? before + sequence : text;
    return { name, token, segments, outer, ends, ...(chunks && { chunks }) };
  };

  /** Whether the listener must refuse the message for its octets alone. */
  const isBad = ({ outer }: Row, lineEndings: LineEndings): boolean =>
    hasNul(outer) || (lineEndings === 'refuse' && hasBareLineEnd(outer));

  /** Sends all rows to one listener, and waits for what must come of them: of each taken message one, and nothing else. */
  async function expectOneEach(
    rows: readonly Row[],
    way: { server: ServerName; mode: (typeof MODES)[number]; lineEndings: LineEndings },
  ): Promise<void> {
    const { server, mode, lineEndings } = way;
    const port = postern.ports[`${server}-${mode}-${lineEndings}`]!;
    const said = await inLanes(rows, async ({ segments, chunks }) => {
      const replies = await sendRaw({ port, to: ANN, segments, ...(chunks && { chunks }) });
      return replies.map((reply) => reply.slice(0, 3)).join(' ');
    });
    // Comes last of all: when it is there, so is what else was on its way to that mailbox.
    const last = crypto.randomUUID();
    const segments = [`Subject: ${last}\r\n\r\nthe last\r\n.\r\n`];
    expect(await sendRaw({ port, to: VICTIM, segments })).toHaveLength(2);
    const outer = (row: Row): number => (isBad(row, lineEndings) ? 0 : 1);
    const second = (row: Row): number => (row.ends ? 1 : 0);
    const awaited = [
      ...rows.map((row) => ({ token: row.token, number: outer(row) + second(row) })),
      { token: last, number: 1 },
    ];
    const mails = await waitFor(async () => {
      const all = await mailboxes[server].all();
      const count = (token: string): number => all.filter((text) => text.includes(token)).length;
      return awaited.every(({ token, number }) => count(token) >= number) ? all : undefined;
    }).catch(() => mailboxes[server].all());

    const outcome = (row: Row, at: number): object => {
      const found = mails.filter((text) => text.includes(row.token));
      return {
        row: row.name,
        said: said[at],
        messages: found.length,
        smuggled: found.filter((text) => isFrom(EVIL, text)).length,
        bare: found.some((text) => hasBareLineEnd(text)),
      };
    };
    const wanted = (row: Row): object => ({
      row: row.name,
      said: `${outer(row) === 1 ? 250 : 550}${row.ends ? ' 250 250 354 250' : ''} 221`,
      messages: outer(row) + second(row),
      smuggled: second(row),
      bare: false,
    });
    expect(rows.map(outcome)).toEqual(rows.map(wanted));
  }

  const ways = SERVERS.flatMap((server) =>
    MODES.flatMap((mode) => LINE_ENDINGS.map((lineEndings) => ({ server, mode, lineEndings }))),
  );

  it.each(ways)('gets to $server as one message or not at all, $mode, $lineEndings', async (way) => {
    const rows = [
      ...NO_ENDS.flatMap((sequence) => [rowOf(sequence, 'body'), rowOf(sequence, 'header')]),
      ...NO_ENDS_AT_FIRST.map((sequence) => rowOf(sequence, 'first')),
      ...IN_CHUNKS.map((sequence) => rowOf(sequence, 'body', { cuts: [3], chunked: true })),
      ...ENDS.map((sequence) => rowOf(sequence, 'body')),
    ];
    await expectOneEach(rows, way);
  });

  const toPostfix = ways.filter(({ server, mode }) => server === 'postfix' && mode === 'through');
  /** Before each octet of the sequence, behind its last one, and at all these places at once. */
  const cutsOf = (sequence: string): number[][] => {
    const places = Array.from({ length: sequence.length + 1 }, (_, place) => place);
    return [...places.map((place) => [place]), places];
  };

  it.each(toPostfix)('comes to the same however it is cut into segments, $lineEndings', async (way) => {
    const rows = [...NO_ENDS, ...ENDS].flatMap((sequence) =>
      cutsOf(sequence).map((cuts) => rowOf(sequence, 'body', { cuts })),
    );
    await expectOneEach(rows, way);
  });

  it.each(toPostfix)('comes to the same however it is cut into chunks, $lineEndings', async (way) => {
    const rows = IN_CHUNKS.flatMap((sequence) =>
      cutsOf(sequence).map((cuts) => rowOf(sequence, 'body', { cuts, chunked: true })),
    );
    await expectOneEach(rows, way);
  });
});
