import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { openDelivery } from '../../test/support/delivery.ts';
import { ScriptedMta } from '../../test/support/scripted-mta.ts';
import { silentLog } from '../base/log.ts';

/** Stores mail as fast as it can and prints each subject once its commit has resolved: that is the 250. */
const ACCEPTING = `
const [base, directory, port, round] = process.argv.slice(2);
const load = (path) => import(new URL(path, base));
const { openSqliteStore } = await load('store/sqlite-store.js');
const { smtpDownstream } = await load('smtp/client.js');
const { startQueueRunner } = await load('delivery/queue-runner.js');
const { Forwarder } = await load('delivery/forwarder.js');
const { Notices } = await load('delivery/notices.js');
const { DEFAULT_DELIVERY } = await load('delivery/policy.js');
const { spoolOf } = await load('base/spool.js');
const { imageOf } = await load('mail/image.js');
const { silentLog: log } = await load('base/log.js');
const store = await openSqliteStore({ path: directory + '/queue.db', role: 'server', log });
const mx = smtpDownstream({ name: 'mx', protocol: 'smtp', host: '127.0.0.1', port: Number(port), hostname: 'gate.test', tls: 'none', log });
const options = { store, downstreams: new Map([['mx', mx]]), log, hostname: 'gate.test', opesSystem: 'mailto:postmaster@gate.test', hold: () => () => {},
  policy: { ...DEFAULT_DELIVERY, hotMessages: 10, concurrency: 5, pollMs: 20, bounceDownstream: () => 'mx' } };
const forwarder = new Forwarder({ ...options, notices: new Notices(), incidents: { hasSinks: false }, runner: startQueueRunner({ ...options, notesPath: directory + '/served' }) });
async function accept(lane) {
  for (let i = 0; ; i++) {
    const subject = [round, lane, i].join('-');
    const source = spoolOf(Buffer.from('Subject: ' + subject + '\\r\\n\\r\\n'));
    const variant = { image: imageOf(source.handle), source, downstream: 'mx',
      sender: { address: 's@example.org', params: {} }, recipients: [{ address: 'r@example.com', params: {} }] };
    await forwarder.store({ transaction: subject, queue: [variant], quarantine: [], bounces: [] });
    process.stdout.write(subject + '\\n');
  }
}
await Promise.all([0, 1, 2, 3].map(accept));
`;

let mx: ScriptedMta;
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kill-'));
  await writeFile(join(directory, 'gate.mjs'), ACCEPTING);
  mx = new ScriptedMta({ protocol: 'smtp' });
  await mx.start();
});

afterEach(async () => {
  await mx.stop();
  await rm(directory, { recursive: true, force: true });
});

/** Runs a gate of its own process until it has accepted some mail, and kills it while it delivers. */
async function runAndKill(round: number): Promise<string[]> {
  const dist = new URL('../../dist/', import.meta.url).href;
  const args = [join(directory, 'gate.mjs'), dist, directory, String(mx.port), String(round)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const accepted: string[] = [];
  for await (const subject of createInterface(child.stdout)) {
    accepted.push(subject);
    if (accepted.length === 60) child.kill('SIGKILL');
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  expect(child.signalCode).toBe('SIGKILL');
  return accepted;
}

it('loses nothing that it accepted and doubles little, however often it is killed', async () => {
  const rounds = 4;
  const accepted: string[] = [];
  for (let round = 0; round < rounds; round++) accepted.push(...(await runAndKill(round)));

  const ports = { mx: mx.port, back: mx.port };
  const rest = await openDelivery({ directory, ports, log: silentLog });
  await vi.waitFor(async () => expect((await rest.store.counts()).queue).toBe(0), { timeout: 20_000 });
  await rest.close(2000);

  const times = new Map<string, number>();
  for (const { text } of mx.mails) {
    const subject = /^Subject: (.*)\r\n/.exec(text)![1]!;
    times.set(subject, (times.get(subject) ?? 0) + 1);
  }
  expect(accepted.filter((subject) => !times.has(subject))).toEqual([]);
  // At most as often as it was killed, and only what was under way: five at a time.
  const doubled = [...times.values()].filter((count) => count > 1);
  expect(doubled.length).toBeLessThanOrEqual(rounds * 5);
  expect(Math.max(...times.values())).toBeLessThanOrEqual(1 + rounds);
});
