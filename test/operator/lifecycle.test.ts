import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { command, type Ended } from '../support/command.ts';
import { CountingSink } from '../support/counting-sink.ts';
import { startPostern, temporaryDirectory, waitFor, type LogLine } from '../support/postern.ts';
import { Dialog } from '../support/smtp-dialog.ts';
import { begin, finish, Traffic } from './traffic.ts';
import { makeFooter } from './vendor.ts';

// Each command starts the real program and loads every plugin, beside a server at work.
vi.setConfig({ testTimeout: 300_000 });

/** What to undo, last first. */
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanups.splice(0).toReversed()) await undo();
});

const config = (downstream: number): string => `# The gate of a test.
hostname: gate.test
stateDir: ./var   # all of it
plugins: { allowUnsigned: true }

listeners:
  in: { protocol: smtp, port: 0, domains: [example.com], downstream: next, mode: through, group: inbound }
downstreams:
  next: { protocol: smtp, host: 127.0.0.1, port: ${downstream} }

services:
  # What came and went.
  journal:
    plugin: journal   # ships with Postern

groups:
  inbound:
    - journal
# The end.
`;

it('A package lives its life on a running server, and no message and no session is lost', async () => {
  const scratch = temporaryDirectory();
  cleanups.push(scratch.remove);
  const vendor = join(scratch.path, 'vendor');
  const [first, second, third] = [
    await makeFooter(vendor, { version: '1.0.0' }),
    await makeFooter(vendor, { version: '1.1.0', asksMore: true }),
    await makeFooter(vendor, { version: '1.2.0', refusesSettings: true }),
  ];
  const sink = new CountingSink();
  /** Id → the version whose footer it has. */
  const footers = new Map<string, string | undefined>();
  sink.onTaken = (id, message) => footers.set(id, /^X-Footer: (\S+)/m.exec(message)?.[1]);
  await sink.start();
  cleanups.push(() => sink.stop());
  const directory = join(scratch.path, 'gate');
  const original = config(sink.port);
  const gate = await startPostern(original, { directory });
  cleanups.push(() => gate.stop());
  const file = join(directory, 'postern.yaml');
  const text = (): string => readFileSync(file, 'utf8');
  const plugin = (...words: string[]): Promise<Ended> =>
    command(['plugin', ...words, '-c', file], { seconds: 120 });
  const port = gate.ports['in']!;
  const traffic = new Traffic(port, 3);
  cleanups.push(() => traffic.stop());
  await traffic.more(10);

  /** What a message says that begins now, and one of a session that has been open since the beginning. */
  const old = await Dialog.open(port);
  cleanups.push(() => old.vanish());
  await old.say('EHLO old.example.net');
  let sent = 0;
  const footerNow = async (): Promise<readonly (string | undefined)[]> => {
    const fresh = await Dialog.open(port);
    await fresh.say('EHLO fresh.example.net');
    const ids = [`probe-${sent++}`, `probe-${sent++}`];
    for (const [i, dialog] of [old, fresh].entries()) {
      await begin(dialog);
      await finish(dialog, ids[i]!);
    }
    fresh.vanish();
    await traffic.more(6);
    return ids.map((id) => footers.get(id));
  };
  /** Gives the server another file by hand; the log line that says what came of it. */
  const reloadWith = (edited: string): Promise<LogLine> => {
    writeFileSync(file, edited);
    const from = gate.log.length;
    process.kill(gate.pid, 'SIGHUP');
    return waitFor(() => gate.log.slice(from).find(({ msg }) => msg.startsWith('config ')));
  };
  const TAKEN = { code: 0, out: expect.stringContaining('the running server has taken it over') };

  // Installed, it is only there.
  expect(await plugin('install', first)).toMatchObject({ code: 0 });
  expect(text()).toBe(original);
  expect(await footerNow()).toEqual([undefined, undefined]);

  // Watched first: asked, and nothing done.
  const added = await plugin('enable', 'acme/footer', '--service', 'footer', '--group', 'inbound');
  expect(added).toMatchObject(TAKEN);
  expect(added.out).toContain('+     plugin: acme/footer@1.0.0');
  expect(added.out).toContain('postern plugin grant footer modify');
  expect(text()).toBe(
    original
      .replace('# ships with Postern\n', '$&  footer:\n    plugin: acme/footer@1.0.0\n    mode: monitor\n')
      .replace('    - journal\n', '$&    - footer\n'),
  );
  expect(await footerNow()).toEqual([undefined, undefined]);
  // That shows what it would do with the leave that it has not got yet.
  expect((await plugin('status', 'footer')).out).toMatch(/^would differ +\d+ of its answers: change \d+$/m);

  // A transaction ends with the set that it began with.
  await begin(old);
  expect(await plugin('grant', 'footer', 'modify')).toMatchObject(TAKEN);
  expect(await plugin('enable', 'footer', '--mode', 'enforce')).toMatchObject(TAKEN);
  await finish(old, 'under-way-1');
  expect(footers.has('under-way-1')).toBe(true);
  expect(footers.get('under-way-1')).toBeUndefined();
  expect(await footerNow()).toEqual(['1.0.0', '1.0.0']);

  // An upgrade that asks for more waits, by command and by hand.
  const before = text();
  const more = await plugin('install', second);
  expect(more).toMatchObject({ code: 0, out: expect.stringContaining('also wants to be asked at rcpt') });
  const waits = await plugin('upgrade', 'acme/footer');
  expect(waits).toMatchObject({ code: 1, errors: expect.stringContaining('--consent') });
  expect(waits.out).toContain('it also wants to be asked at rcpt');
  expect(waits.out).toContain('it also asks for clock (It says when.)');
  // Consent is not the grant.
  const ungranted = await plugin('upgrade', 'acme/footer', '--consent');
  expect(ungranted).toMatchObject({ code: 2, errors: expect.stringContaining('services.footer.grants') });
  expect(ungranted.errors).toContain('acme/footer 1.1.0 requires clock');
  expect(text()).toBe(before);
  expect(await plugin('upgrade', 'acme/footer')).toMatchObject({ code: 1 });
  expect(await footerNow()).toEqual(['1.0.0', '1.0.0']);

  const byHand = await reloadWith(before.replace('footer@1.0.0', 'footer@1.1.0'));
  expect(byHand).toMatchObject({ msg: 'config not reloaded, the old one goes on' });
  expect(String(byHand['problems'])).toContain('services.footer.plugin: acme/footer@1.1.0 waits for consent');
  writeFileSync(file, before);
  expect(await footerNow()).toEqual(['1.0.0', '1.0.0']);

  await begin(old);
  expect(await plugin('upgrade', 'acme/footer', '--consent', '--grant', 'clock')).toMatchObject(TAKEN);
  await finish(old, 'under-way-2');
  expect(footers.get('under-way-2')).toBe('1.0.0');
  expect(await footerNow()).toEqual(['1.1.0', '1.1.0']);
  expect(text()).toContain('    plugin: acme/footer@1.1.0\n');
  expect(text()).toMatch(/ {4}grants:\n {6}clock: true\n/);

  // A version that does not load is not written, and the good one goes on.
  const upgraded = text();
  expect(await plugin('install', third)).toMatchObject({ code: 0 });
  const unfit = await plugin('upgrade', 'acme/footer@1.2.0');
  expect(unfit.code).toBe(2);
  expect(unfit.errors).toMatch(/postern\.yaml:\d+:\d+ services\.footer\.plugin: acme\/footer@1\.2\.0: .*no/);
  expect(text()).toBe(upgraded);
  const broken = await reloadWith(
    upgraded.replace('footer@1.1.0', 'footer@1.2.0').replace(/ +grants:\n.*\n/, ''),
  );
  expect(broken).toMatchObject({ msg: 'config not reloaded, the old one goes on' });
  expect(String(broken['problems'])).toMatch(/services\.footer\.plugin: acme\/footer@1\.2\.0: no$/);
  writeFileSync(file, upgraded);
  expect(await footerNow()).toEqual(['1.1.0', '1.1.0']);

  // Back to what ran before, also where that had no grant.
  expect(await plugin('upgrade', 'acme/footer@1.0.0')).toMatchObject({
    code: 1,
    errors: expect.stringContaining('postern plugin rollback'),
  });
  expect(await plugin('rollback', 'acme/footer')).toMatchObject(TAKEN);
  expect(text()).toBe(before);
  expect(await footerNow()).toEqual(['1.0.0', '1.0.0']);
  expect(await plugin('rollback', 'acme/footer')).toMatchObject({
    code: 1,
    errors: expect.stringContaining('no version is on record'),
  });

  expect(await plugin('disable', 'footer')).toMatchObject(TAKEN);
  expect(await footerNow()).toEqual([undefined, undefined]);
  // What no service runs can go; what one names can't, though it is disabled.
  expect(await plugin('remove', 'acme/footer@1.1.0')).toMatchObject({ code: 0 });
  expect((await plugin('remove', 'acme/footer@1.0.0')).code).not.toBe(0);
  expect(await footerNow()).toEqual([undefined, undefined]);

  await traffic.stop();
  expect(traffic.faults).toEqual([]);
  expect(sink.missing(traffic.taken)).toEqual([]);
  expect(sink.duplicates).toBe(0);
  expect(traffic.taken.length).toBeGreaterThan(100);
});
