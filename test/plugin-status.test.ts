import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ServicesAnswer, ServiceStatus } from '../src/admin/answers.ts';
import { compileWat, vectorText } from './abi/wat.ts';
import { command, type Ended } from './support/command.ts';
import { oneListener } from './support/one-listener.ts';
import { configText, startPostern, temporaryDirectory, type Postern } from './support/postern.ts';
import { Dialog } from './support/smtp-dialog.ts';

/** What to undo, last first. */
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanups.splice(0).toReversed()) await undo();
});

const plugin = (body: string): Uint8Array => compileWat('plugin.wat', vectorText(body));
const saying = (decision: object): Uint8Array => {
  const text = JSON.stringify(decision);
  return plugin(`
    (data (i32.const 1024) "${text.replaceAll('"', '\\22')}")
    (func (export "on_message") (result i32)
      (call $say (i32.const 1024) (i32.const ${text.length}))
      (i32.const 0))`);
};
/** Inserts the field `X: 1`. */
const MARKING = plugin(`
  (data (i32.const 1024) "X1")
  (func (export "on_message") (result i32)
    (call $is (call $header_insert (i32.const 0) (i32.const 1024) (i32.const 1) (i32.const 1025) (i32.const 1)) (i32.const 0))
    (call $done))`);

let directory: string;
beforeEach(() => {
  const made = temporaryDirectory();
  cleanups.push(made.remove);
  directory = made.path;
  const files = {
    tags: saying({ tags: { seen: 'yes' } }),
    judge: saying({ verdict: 'reject', reason: 'secret words of the message' }),
    marks: MARKING,
    traps: plugin('(func (export "on_message") (result i32) unreachable)'),
  };
  for (const [name, octets] of Object.entries(files)) writeFileSync(join(directory, `${name}.wasm`), octets);
});

const config = (changes: object = {}): object =>
  oneListener({
    services: {
      tags: { plugin: './tags.wasm' },
      judge: { plugin: './judge.wasm', mode: 'monitor' },
      'would-mark': { plugin: './marks.wasm', mode: 'monitor' },
      marks: { plugin: './marks.wasm', allowModify: true },
      traps: { plugin: './traps.wasm', onFailure: 'accept' },
      rests: { plugin: './tags.wasm', enabled: false },
      ...changes,
    },
  });

async function start(): Promise<Postern> {
  const gate = await startPostern(config(), { directory });
  cleanups.push(() => gate.stop());
  return gate;
}

async function reload(gate: Postern, changes: object): Promise<void> {
  writeFileSync(join(directory, 'postern.yaml'), configText(config(changes)));
  const from = gate.log.length;
  process.kill(gate.pid, 'SIGHUP');
  await gate.waitForLog((line) => gate.log.indexOf(line) >= from && line.msg === 'config reloaded');
}

/** Sends so many messages over one session. */
async function send(gate: Postern, times: number): Promise<void> {
  const dialog = await Dialog.open(gate.ports['in']!);
  await dialog.say('EHLO client.example.net');
  for (let count = 0; count < times; count++) {
    await dialog.say('MAIL FROM:<bob@example.net>');
    await dialog.say('RCPT TO:<ann@example.com>');
    await dialog.say('DATA');
    expect(await dialog.say('Subject: secret words of the message\r\n\r\nhello\r\n.')).toMatch(/^250 /);
  }
  await dialog.say('QUIT');
}

const status = (...words: string[]): Promise<Ended> =>
  command(['plugin', 'status', ...words, '-c', join(directory, 'postern.yaml')]);

async function all(): Promise<ServicesAnswer> {
  const { code, out, errors } = await status('--json');
  expect([code, errors]).toEqual([0, '']);
  return JSON.parse(out) as ServicesAnswer;
}

async function one(name: string): Promise<ServiceStatus> {
  const found = (await all()).services.find(({ service }) => service === name);
  expect(found).toBeDefined();
  return found!;
}

describe('postern plugin status', () => {
  it('shows what every service has done', async () => {
    const gate = await start();
    await send(gate, 3);
    const answer = await all();
    expect(answer).toMatchObject({ pid: gate.pid, file: join(directory, 'postern.yaml') });
    const { services } = answer;
    expect(services.map(({ service, enabled, mode }) => [service, enabled, mode])).toEqual([
      ['tags', true, 'enforce'],
      ['judge', true, 'monitor'],
      ['would-mark', true, 'monitor'],
      ['marks', true, 'enforce'],
      ['traps', true, 'enforce'],
      ['rests', false, 'enforce'],
    ]);
    const [tags, judge, wouldMark, marks, traps, rests] = services;
    expect(tags).toMatchObject({
      plugin: join(directory, 'tags.wasm'),
      digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      groups: ['all'],
      breakers: [],
      reading: {
        calls: 3,
        stages: [{ stage: 'message', calls: 3 }],
        decisions: { accept: 3 },
        tags: [{ tag: 'seen', count: 3 }],
        modified: 0,
      },
    });
    expect(tags!.reading!.p50).toBeGreaterThan(0);
    expect(tags!.reading!.p99).toBeLessThanOrEqual(tags!.reading!.max);
    expect(tags!.reading!.memoryPeak).toBeGreaterThanOrEqual(65_536);
    expect(judge!.reading).toMatchObject({
      decisions: { reject: 3 },
      disagreements: { answers: 3, kinds: { reject: 3, change: 0 } },
    });
    const transactions = gate.log.flatMap(({ msg, transaction }) =>
      msg === 'transaction' ? [transaction] : [],
    );
    expect(judge!.reading!.disagreements.examples.map(({ transaction }) => transaction)).toEqual(
      transactions,
    );
    expect(judge!.reading!.disagreements.examples[0]).toMatchObject({
      stage: 'message',
      would: ['reject'],
      done: ['accept'],
    });
    // Without the leave to change mail: in monitor it shows whether that is worth giving.
    expect(wouldMark).toMatchObject({ allowModify: false });
    expect(wouldMark!.reading).toMatchObject({
      modified: 0,
      failures: { trap: 0 },
      disagreements: { answers: 3, kinds: { change: 3, reject: 0 } },
    });
    expect(marks!.reading).toMatchObject({ modified: 3, disagreements: { answers: 0 } });
    expect(traps!.reading).toMatchObject({ calls: 3, failures: { trap: 3, unasked: 0 } });
    expect(rests).not.toHaveProperty('reading');
    expect(JSON.stringify(answer)).not.toContain('secret words');
  });

  it('shows a breaker that is open, and apart what was not asked since', async () => {
    const gate = await start();
    await send(gate, 12);
    const { breakers, reading } = await one('traps');
    expect(breakers).toMatchObject([
      { stage: 'message', failure: 'trap', cause: expect.stringContaining('unreachable') },
    ]);
    expect(breakers[0]!.failures).toBeGreaterThanOrEqual(10);
    // On a slow machine one of the last two may be a probe.
    const { trap, unasked } = reading!.failures;
    expect([trap + unasked, unasked > 0, reading!.calls]).toEqual([12, true, trap]);
    expect((await status()).out).toMatch(/^traps +enforce +1\d .* 1\d +open at message /m);
    expect((await status('traps')).out).toMatch(
      /^ +after 1\d failures in a row, the last: trap \(.*unreachable.*\)$/m,
    );
  });

  it('goes on counting over reloads, and begins anew with another plugin', async () => {
    const gate = await start();
    await send(gate, 2);
    const before = await one('tags');
    await reload(gate, { tags: { plugin: './tags.wasm', enabled: false } });
    expect(await one('tags')).toMatchObject({ enabled: false, reading: { calls: 2 } });
    // The same octets under another name are the same plugin.
    writeFileSync(join(directory, 'renamed.wasm'), saying({ tags: { seen: 'yes' } }));
    await reload(gate, { tags: { plugin: './renamed.wasm' } });
    await send(gate, 1);
    const renamed = await one('tags');
    expect(renamed).toMatchObject({
      digest: before.digest,
      reading: { calls: 3, since: before.reading!.since },
    });

    writeFileSync(join(directory, 'renamed.wasm'), saying({ tags: { other: 'yes' } }));
    await reload(gate, { tags: { plugin: './renamed.wasm' } });
    await send(gate, 1);
    expect((await one('tags')).reading).toMatchObject({ calls: 1, tags: [{ tag: 'other', count: 1 }] });
    expect((await one('judge')).reading).toMatchObject({ calls: 4 });
  });

  it('is a table of all, or one in full, for people', async () => {
    const gate = await start();
    await send(gate, 2);
    const { out } = await status();
    const lines = out.trimEnd().split('\n');
    expect(lines[0]).toMatch(
      /^SERVICE +MODE +CALLS +P50 +P99 +FAILED +BREAKER +MEMORY +WOULD DIFFER +PLUGIN$/,
    );
    expect(lines[1]).toMatch(
      /^tags +enforce +2 +[\d.]+ [µm]s +[\d.]+ [µm]s +0 +closed +[\d.]+ KiB +- +\S+tags\.wasm$/,
    );
    expect(lines[2]).toMatch(/^judge +monitor +2 .* 2 +\S+judge\.wasm$/);
    expect(lines[6]).toMatch(/^rests +disabled +- /);

    const full = (await status('judge')).out;
    expect(full).toMatch(/^calls +2: p50 /m);
    expect(full).toMatch(/^would differ +2 of its answers: reject 2$/m);
    expect(full).toMatch(/^ +\S+ \S+ \S+ at message: would reject, was accept$/m);
    expect(full).not.toContain('modify');
    expect((await status('would-mark')).out).toMatch(
      /^ +to make a change in enforce, it needs: postern plugin grant would-mark modify$/m,
    );
  });

  it('says what is missing: the server, the service, the config', async () => {
    writeFileSync(join(directory, 'postern.yaml'), configText(config()));
    const none = await status();
    expect([none.code, none.out, none.errors]).toEqual([
      1,
      '',
      `Cannot show what services do: no server runs on ${join(directory, 'var')}\n`,
    ]);
    await start();
    const unknown = await status('nobody');
    expect([unknown.code, unknown.errors]).toEqual([
      3,
      'Cannot find the service nobody: the running server has tags, judge, would-mark, marks, traps, rests\n',
    ]);
    expect((await status('jugde')).errors).toMatch(/rests; did you mean "judge"\?\n$/);
    expect((await command(['plugin', 'status', '-c', join(directory, 'nothing.yaml')])).code).toBe(2);
  });
});
