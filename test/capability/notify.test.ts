import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashPassword } from '../../src/smtp/password-file.ts';
import { silentLog } from '../../src/base/log.ts';
import { openSqliteStore, type SqliteStore } from '../../src/store/sqlite-store.ts';
import { freePort } from '../support/free-port.ts';
import { Dialog } from '../support/smtp-dialog.ts';
import { startPostern, temporaryDirectory, waitFor, type Postern } from '../support/postern.ts';
import { incident, notices, noticeTo, notifying, rawMailFor, send, type Notifying } from './notifying.ts';

/** The running gate: what becomes of notices and incidents that real plugins propose, by every way that mail takes. */
const EVERYBODY = ['sender', 'recipients', 'postmaster'];
const ALL = [...EVERYBODY.map((to) => noticeTo(to)), incident('virus-found', { fields: { file: 'a.zip' } })];

/** Local part of the recipient → what the service that is asked about it does. */
const DOING: Readonly<Record<string, Notifying>> = {
  kept: {},
  held: { decision: { verdict: 'quarantine' } },
  dropped: { decision: { verdict: 'discard' } },
  bounced: { decision: { verdict: 'bounce' } },
  rejected: { decision: { verdict: 'reject' } },
  deferred: { decision: { verdict: 'tempfail' } },
  failing: { returns: 1 },
};

describe('notify', () => {
  const { path: directory, remove } = temporaryDirectory();
  const maildir = join(directory, 'mail');
  let gate: Postern;
  let store: SqliteStore;

  beforeAll(async () => {
    for (const [name, doing] of Object.entries(DOING))
      writeFileSync(join(directory, `${name}.wasm`), notifying(ALL, doing));
    writeFileSync(
      join(directory, 'early.wasm'),
      notifying([incident('knock', { severity: 'critical' })], { stage: 'connect' }),
    );
    writeFileSync(join(directory, 'late.wasm'), notifying([incident('done')], { stage: 'report' }));
    writeFileSync(join(directory, 'users'), `ann@example.org:${await hashPassword('sesame')}\n`);
    const granted = { grants: { notify: { to: EVERYBODY } } };
    const inbound = { port: 0, domains: ['example.com'], downstream: 'local', group: 'all' };
    gate = await startPostern(
      {
        postmaster: 'admin@gate.test',
        notices: { perRecipientPerHour: 100_000, perHour: 1_000_000 },
        incidents: { file: { path: './incidents.jsonl' } },
        bounce: { downstream: 'local' },
        listeners: {
          through: { protocol: 'smtp', mode: 'through', ...inbound },
          queued: { protocol: 'smtp', mode: 'queue', ...inbound },
          lmtp: { protocol: 'lmtp', mode: 'queue', ...inbound },
          lmtpThrough: { protocol: 'lmtp', mode: 'through', ...inbound },
          knocking: { protocol: 'smtp', ...inbound, group: 'knocked' },
          submission: {
            protocol: 'submission',
            port: 0,
            downstream: 'local',
            group: 'all',
            auth: { file: './users' },
          },
        },
        downstreams: { local: { protocol: 'maildir', path: './mail' } },
        services: {
          ...Object.fromEntries(
            Object.keys(DOING).map((name) => [
              name,
              { plugin: `./${name}.wasm`, ...granted, onFailure: { trap: 'accept' } },
            ]),
          ),
          confined: { plugin: './kept.wasm', isolation: 'process', ...granted },
          watched: { plugin: './kept.wasm', mode: 'monitor', ...granted },
          ungranted: { plugin: './kept.wasm', onFailure: { trap: 'accept' } },
          early: { plugin: './early.wasm', ...granted },
          late: { plugin: './late.wasm', ...granted },
        },
        groups: {
          all: [
            ...[...Object.keys(DOING), 'confined', 'watched', 'ungranted'].map((name) => ({
              service: name,
              when: { recipient: `${name}@example.com` },
            })),
            'late',
          ],
          knocked: ['early'],
        },
      },
      { directory },
    );
    store = await openStore(directory);
  });
  afterAll(async () => {
    await store?.close();
    await gate?.stop();
    remove();
  });

  let senders = 0;
  const sender = (): string => `bob${(senders += 1)}@example.net`;
  const incidents = (from: string): object[] =>
    gate.log.filter(
      ({ msg, sender: of, event }) => msg === 'incident' && of === from && event === 'virus-found',
    );
  const settled = async (from: string): Promise<void> => {
    await gate.waitForLog(({ msg, sender: of }) => msg === 'transaction' && of === from);
    await empty(store);
  };
  const count = (address: string, from: string): number =>
    rawMailFor(maildir, address).filter(
      (text) => text.includes('\r\nAuto-Submitted: ') && text.includes(`\r\nMAIL FROM: <${from}>\r\n`),
    ).length;

  const ways = ['through', 'queued', 'lmtp', 'lmtpThrough', 'submission'] as const;
  it.each(ways)('tells sender, recipient and postmaster, and reports: %s', async (listener) => {
    const from = sender();
    const login = { user: 'ann@example.org', password: 'sesame' };
    const [said] = await send(gate.ports[listener]!, {
      from,
      to: ['kept@example.com'],
      lmtp: listener.startsWith('lmtp'),
      ...(listener === 'submission' && { login }),
    });
    expect(said).toMatch(/^250 /);
    await settled(from);
    expect(incidents(from)).toMatchObject([
      {
        severity: 'warning',
        event: 'virus-found',
        text: 'Eicar',
        fields: { file: 'a.zip' },
        service: 'kept',
        stage: 'message',
        listener,
        recipients: ['kept@example.com'],
      },
    ]);
    const [told] = await notices(maildir, from, 1);
    expect(told!.defects).toEqual([]);
    expect(told!.header).toMatchObject({
      from: 'Mail Gate <MAILER-DAEMON@gate.test>',
      to: from,
      subject: 'A virus was found',
      'in-reply-to': '<one@example.net>',
      references: '<one@example.net>',
      'auto-submitted': 'auto-replied',
      'return-path': '<>',
    });
    const text = told!.parts[0]!.text!.replaceAll('\r\n', '\n');
    expect(text).toMatch(/^It was Eicar\.\n\n-- \ngate\.test \(kept\) [0-9a-z]{18}\n/);
    expect(text).toContain(`MAIL FROM: <${from}>\nRCPT TO: <kept@example.com>\n`);
    expect(text).toContain('Subject: hello\nMessage-ID: <one@example.net>\n');
    expect(count('kept@example.com', from)).toBe(1);
    expect(count('admin@gate.test', from)).toBe(1);
    expect(count(from, from)).toBe(1);
  });

  it.each([
    ['confined', [1, 1, 1], 1],
    ['held', [1, 1, 1], 1],
    ['dropped', [1, 1, 1], 1],
    ['bounced', [0, 1, 1], 1],
    ['rejected', [0, 0, 0], 1],
    ['deferred', [0, 0, 0], 1],
    ['failing', [0, 0, 0], 0],
    ['watched', [0, 0, 0], 0],
    ['ungranted', [0, 0, 0], 0],
  ])('%s: notices to sender, recipient, postmaster %j, incidents %i', async (name, told, reported) => {
    for (const listener of ['through', 'queued']) {
      const from = sender();
      const to = `${name}@example.com`;
      const [said] = await send(gate.ports[listener]!, { from, to: [to] });
      expect(said).toMatch(name === 'rejected' ? /^550 / : name === 'deferred' ? /^451 / : /^250 /);
      await settled(from);
      const found = [count(from, from), count(to, from), count('admin@gate.test', from)];
      expect([listener, found]).toEqual([listener, told]);
      expect(incidents(from)).toHaveLength(reported);
    }
  });

  it('reports at stages that have no message, and to the file', async () => {
    const dialog = await Dialog.open(gate.ports['knocking']!);
    await dialog.say('QUIT');
    await gate.waitForLog(({ msg, event, level }) => msg === 'incident' && event === 'knock' && level === 50);
    await gate.waitForLog(
      ({ msg, event, stage }) => msg === 'incident' && event === 'done' && stage === 'report',
    );
    const file = join(directory, 'incidents.jsonl');
    const reported = await waitFor(() => {
      const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
      return lines
        .map((line) => JSON.parse(line) as { event: string })
        .find(({ event }) => event === 'knock');
    });
    expect(reported).toMatchObject({
      severity: 'critical',
      stage: 'connect',
      listener: 'knocking',
      gate: 'gate.test',
    });
    expect(reported).not.toHaveProperty('transaction');
  });

  it('names to each recipient only itself, and tells once who is told for two parts', async () => {
    const from = sender();
    const to = ['kept@example.com', 'held@example.com', 'rejected@example.com'];
    const replies = await send(gate.ports['lmtp']!, { from, to, lmtp: true });
    expect(replies.map((said) => said.slice(0, 3))).toEqual(['250', '250', '550']);
    await settled(from);
    for (const address of to.slice(0, 2)) {
      const own = (await notices(maildir, address, 1)).filter(({ parts }) => parts[0]!.text!.includes(from));
      expect(own).toHaveLength(1);
      expect(own[0]!.parts[0]!.text!.match(/RCPT TO: <.*>/g)).toEqual([`RCPT TO: <${address}>`]);
      expect(own[0]!.header['auto-submitted']).toBe('auto-generated');
    }
    expect(count('rejected@example.com', from)).toBe(0);
    // Two services, each of which speaks for itself.
    expect(count('admin@gate.test', from)).toBe(2);
    expect(incidents(from)).toHaveLength(3);
  });

  it.each([
    ['a null sender', '', '', [0, 0, 0]],
    ['what is marked as automatic', undefined, 'Auto-Submitted: auto-generated\r\n', [0, 0, 0]],
    ['what says that it is not', undefined, 'Auto-Submitted: no\r\n', [1, 1, 1]],
    ['mail from our own address', 'mailer-daemon@gate.test', '', [0, 0, 0]],
    ['a list', undefined, 'List-Id: <l.example.net>\r\n', [0, 1, 1]],
    ['bulk', undefined, 'Precedence: bulk\r\n', [0, 1, 1]],
    ['the address of a program', 'news-request@example.net', '', [0, 1, 1]],
  ])('about %s', async (_what, as, header, told) => {
    const from = as ?? sender();
    const before = [count(from, from), count('kept@example.com', from), count('admin@gate.test', from)];
    await send(gate.ports['queued']!, { from, to: ['kept@example.com'], header });
    await settled(from);
    const after = [count(from, from), count('kept@example.com', from), count('admin@gate.test', from)];
    expect(after.map((each, at) => each - before[at]!)).toEqual(told);
    // One of an automatic mail is reported all the same.
    expect(incidents(from)).toHaveLength(1);
  });
});

it('two gates that notify each other come to an end', async () => {
  const scratch = temporaryDirectory();
  const ports = [await freePort(), await freePort()];
  const gates: Postern[] = [];
  try {
    for (const [index, name] of ['one', 'two'].entries()) {
      const directory = join(scratch.path, name);
      const other = ['one', 'two'][1 - index]!;
      const file = join(scratch.path, 'telling.wasm');
      writeFileSync(file, notifying(EVERYBODY.map((to) => noticeTo(to))));
      gates.push(
        await startPostern(
          {
            hostname: `${name}.test`,
            // Behind the other one, so that its filter sees each notice to it.
            postmaster: `admin@${other}.test`,
            bounce: { downstream: 'other' },
            listeners: {
              in: {
                protocol: 'smtp',
                port: ports[index],
                domains: [`${name}.test`],
                downstream: 'local',
                group: 'all',
              },
            },
            downstreams: {
              local: { protocol: 'maildir', path: './mail' },
              other: { protocol: 'smtp', host: '127.0.0.1', port: ports[1 - index], tls: 'none' },
            },
            services: { telling: { plugin: file, grants: { notify: { to: EVERYBODY } } } },
            groups: { all: ['telling'] },
          },
          { directory },
        ),
      );
    }
    await send(ports[0]!, { from: 'bob@two.test', to: ['ann@one.test'] });
    const boxes = [join(scratch.path, 'one', 'mail'), join(scratch.path, 'two', 'mail')];
    await notices(boxes[1]!, 'bob@two.test', 1);
    await notices(boxes[1]!, 'admin@two.test', 1);
    await notices(boxes[0]!, 'ann@one.test', 1);
    // The second gate has judged both, and there is nothing more on the way.
    await waitFor(() => (transactions(gates[1]!) === 2 ? true : undefined));
    for (const gate of gates) {
      const store = await openStore(gate.directory);
      try {
        await empty(store);
      } finally {
        await store.close();
      }
    }
    expect(gates.map(transactions)).toEqual([1, 2]);
    expect(gates[1]!.log.filter(({ msg }) => msg === 'a notice is not sent')).toHaveLength(6);
    expect(rawMailFor(boxes[0]!, 'admin@one.test')).toEqual([]);
  } finally {
    for (const gate of gates) await gate.stop();
    scratch.remove();
  }
});

/** As a tool beside the server does. */
const openStore = (directory: string): Promise<SqliteStore> =>
  openSqliteStore({ path: join(directory, 'var', 'postern.db'), role: 'tool', log: silentLog });

/** Waits until all mail is delivered. */
const empty = (store: SqliteStore): Promise<true> =>
  waitFor(async () => ((await store.counts()).queue === 0 ? true : undefined));

const transactions = ({ log }: Postern): number => log.filter(({ msg }) => msg === 'transaction').length;
