import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { directoryName } from '../src/delivery/maildir-name.ts';
import { compileWat, vectorText } from './abi/wat.ts';
import { listed, postern } from './support/cli.ts';
import { temporaryDirectory, waitFor, type Postern } from './support/postern.ts';
import { sendBy, startThreeWays, WAYS } from './support/three-ways.ts';

// Each step runs the real program, perhaps beside much else.
vi.setConfig({ testTimeout: 180_000 });

/** Holds every message. */
const HOLDING = `
(data (i32.const 1024) "{\\22verdict\\22:\\22quarantine\\22,\\22reason\\22:\\22looks like spam\\22}")
(func (export "on_message") (result i32) (call $say (i32.const 1024) (i32.const 51)) (i32.const 0))`;

interface ListedBypass {
  readonly id: string;
  readonly sender: string;
  readonly recipient: string;
  readonly service: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

/** A bypass by a release from the quarantine (RFC 4902 section 3.2), through the running gate, by each protocol. */
describe('a release with --bypass', () => {
  const { path: directory, remove } = temporaryDirectory();
  let gate: Postern;

  beforeAll(async () => {
    writeFileSync(join(directory, 'holding.wasm'), compileWat('holding.wat', vectorText(HOLDING)));
    const spam = { plugin: './holding.wasm' };
    gate = await startThreeWays(
      {
        all: { group: 'spam' },
        submission: { mode: 'queue' },
        more: { strict: { mode: 'queue', group: 'virus' } },
        config: {
          services: { spam: { ...spam, bypassable: true }, virus: spam },
          groups: { spam: ['spam'], virus: ['virus'] },
        },
      },
      { directory },
    );
  });

  afterAll(async () => {
    await gate?.stop();
    remove();
  });

  async function send(listener: string, mail: { from: string; to: string[] }): Promise<void> {
    const replies = await sendBy(gate, listener, { ...mail, text: 'Subject: hello\r\n\r\nhello\r\n' });
    for (const reply of replies) expect(reply).toMatch(/^250 /);
  }
  const mailsOf = (address: string): string[] => {
    const folder = join(directory, 'mail', directoryName(address), 'new');
    try {
      return readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
    } catch {
      return [];
    }
  };
  const delivered = (address: string, count: number) =>
    waitFor(() => (mailsOf(address).length === count ? true : undefined));
  const bypasses = async (): Promise<ListedBypass[]> =>
    JSON.parse(await postern(directory, 'bypass', 'list', '--json')) as ListedBypass[];
  const held = async (): Promise<string[]> => (await listed(directory, 'quarantine')).map(({ id }) => id);

  it.each(WAYS)(
    'lets further mail of its sender to its recipient past the service, until it is removed: by %s',
    async (listener) => {
      const [from, to, other] = [`bob@${listener}.test`, `ann+${listener}@example.com`, `cid@example.com`];
      await send(listener, { from, to: [to] });
      const [id] = await held();
      expect(await postern(directory, 'quarantine', 'release', id!, '--bypass', '--for', '2d')).toBe(
        `<${from}> to ${to} bypasses spam\n1 released to the queue\n`,
      );
      await delivered(to, 1);
      const [bypass, ...none] = await bypasses();
      expect([bypass, none]).toMatchObject([{ sender: from, recipient: to, service: 'spam' }, []]);
      expect(bypass!.expiresAt - bypass!.createdAt).toBe(2 * 24 * 3_600_000);

      // Addresses compare in their normal form, and each recipient stands by itself.
      await send(listener, { from: from.toUpperCase(), to: [to, other] });
      await delivered(to, 2);
      const [second] = await held();
      expect(await postern(directory, 'quarantine', 'show', second!)).toContain(other);
      expect(
        await gate.waitForLog(({ msg, recipient }) => msg === 'bypass' && recipient === to),
      ).toMatchObject({ by: 'release', services: ['spam'] });

      // Another sender's is held, and after the removal this one's too.
      await send(listener, { from: 'eve@elsewhere.test', to: [to] });
      expect(await postern(directory, 'bypass', 'remove', bypass!.id)).toBe('1 removed\n');
      await send(listener, { from, to: [to] });
      const left = await held();
      expect(left.length).toBe(3);
      expect(mailsOf(to).length).toBe(2);
      await postern(directory, 'quarantine', 'remove', ...left);
    },
  );

  it('is refused where the service may not be bypassed, or the sender stands for anyone; the mail stays held', async () => {
    await send('strict', { from: 'bob@example.org', to: ['ann@example.com'] });
    await send('inbound', { from: '', to: ['ann@example.com'] });
    for (const id of await held()) {
      await expect(postern(directory, 'quarantine', 'release', id, '--bypass')).rejects.toThrow(
        `Cannot make a bypass for ${id}: it `,
      );
      await expect(postern(directory, 'bypass', 'remove', id)).rejects.toThrow('Cannot find every entry');
    }
    expect(await held()).toHaveLength(2);
    expect(await bypasses()).toEqual([]);
    await expect(
      postern(directory, 'quarantine', 'release', 'x', '--bypass', '--for', 'ever'),
    ).rejects.toThrow('It must be a duration from 1m to 365d');
  });
});
