import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fileAuthenticator } from '../src/smtp/password-file.ts';
import { command, type Ended } from './support/command.ts';
import {
  configText,
  ROOT,
  startPostern,
  temporaryDirectory,
  waitFor,
  type Postern,
} from './support/postern.ts';
import { ScriptedMta } from './support/scripted-mta.ts';
import { Dialog } from './support/smtp-dialog.ts';

const scratch = temporaryDirectory();
afterAll(() => scratch.remove());

/** A directory of its own with a config in it; the path of the config. */
let directories = 0;
function configFile(config: object | string): string {
  directories += 1;
  const directory = join(scratch.path, `d${directories}`);
  mkdirSync(directory);
  const file = join(directory, 'postern.yaml');
  writeFileSync(file, configText(config));
  return file;
}

const LOCAL = { local: { protocol: 'maildir', path: './mail' } };
const inbound = (more: object = {}): object => ({
  protocol: 'smtp',
  port: 0,
  domains: ['example.com'],
  downstream: 'local',
  ...more,
});
const plugin = (name: string): string => join(ROOT, 'plugins', name, `${name}.wasm`);

describe('the command line', () => {
  const COMMANDS = [
    'run',
    'check',
    'queue',
    'queue list',
    'queue show',
    'queue retry',
    'queue remove',
    'quarantine',
    'quarantine list',
    'quarantine show',
    'quarantine release',
    'quarantine remove',
    'bypass',
    'bypass list',
    'bypass remove',
    'plugin',
    'plugin list',
    'plugin status',
    'plugin inspect',
    'plugin pack',
    'plugin lint',
    'plugin keygen',
    'plugin sign',
    'plugin verify',
    'plugin push',
    'plugin install',
    'plugin remove',
    'hash-password',
    'schema',
    'version',
  ];

  it.each(COMMANDS)('postern %s --help says what it does, and what each option is for', async (words) => {
    const { code, out, errors } = await command([...words.split(' '), '--help']);
    expect([code, errors]).toEqual([0, '']);
    expect(out).toMatch(new RegExp(`^Usage: postern ${words} .*\n\n[A-Z]\\w+ `));
    const listed = [...out.matchAll(/^ {2}(\S.*?)(?: {2,}(\S.*))?$/gm)];
    expect(listed.length).toBeGreaterThan(0);
    for (const [line, , meaning] of listed) expect([line, meaning]).not.toEqual([line, undefined]);
  });

  it('tells in its own help every command, the exit codes and what to type first', async () => {
    const { code, out } = await command(['--help']);
    expect(code).toBe(0);
    for (const name of COMMANDS.filter((words) => !words.includes(' ')))
      expect(out).toMatch(new RegExp(`^  ${name}\\b.* {2,}\\S`, 'm'));
    expect(out).toContain('Exit codes: 0 ');
    expect(out).toContain('postern check -c ');
  });

  it.each([
    [[], 'Usage: postern'],
    [['nonsense'], "error: unknown command 'nonsense'"],
    [['queue'], 'Usage: postern queue'],
    [['queue', 'list'], "error: required option '-c, --config <file>' not specified"],
    [['check', '-c', 'x', '--nonsense'], "error: unknown option '--nonsense'"],
    [['queue', 'remove', '-c', 'x'], "error: missing required argument 'ids'"],
    [
      ['queue', 'list', '-c', 'x', '--limit', 'many'],
      "error: option '--limit <n>' argument 'many' is invalid",
    ],
    [['queue', 'list', '-c', 'x', '--limit', '-1'], "error: option '--limit <n>' argument '-1' is invalid"],
    [
      ['quarantine', 'list', '-c', 'x', '--limit', '0'],
      "error: option '--limit <n>' argument '0' is invalid",
    ],
  ])('postern %j is wrong usage: exit code 2', async (words, message) => {
    const { code, out, errors } = await command(words);
    expect([code, out]).toEqual([2, '']);
    expect(errors).toContain(message);
  });

  it('prints its version, as text and as JSON', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    const text = await command(['version']);
    expect(text).toEqual({
      code: 0,
      out: `postern ${version} (node ${process.versions.node}, ABI 1)\n`,
      errors: '',
    });
    const json = await command(['version', '--json']);
    expect(JSON.parse(json.out)).toEqual({ postern: version, node: process.versions.node, abi: 1 });
  });

  it('prints the schema of the config', async () => {
    const { code, out } = await command(['schema']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ type: 'object', properties: { listeners: {}, downstreams: {} } });
  });

  it('says nothing when its reader has seen enough, and says so when its output has no room', async () => {
    const shell = (line: string): { code: number | null; errors: string } => {
      const main = join(ROOT, 'dist', 'main.js');
      const { status, stderr } = spawnSync('bash', ['-o', 'pipefail', '-c', line, process.execPath, main]);
      return { code: status, errors: stderr.toString() };
    };
    expect(shell('"$0" "$1" schema | true')).toEqual({ code: 0, errors: '' });
    expect(shell('"$0" "$1" schema >/dev/full')).toEqual({
      code: 1,
      errors: expect.stringContaining('Cannot write the output: ENOSPC'),
    });
  });

  it('makes a line for a password file that lets this user in and no other', async () => {
    const { code, out } = await command(['hash-password', 'ann'], { input: 'open sesame\n' });
    expect(code).toBe(0);
    const file = join(scratch.path, 'users');
    writeFileSync(file, out);
    const authenticate = fileAuthenticator(file);
    expect(await authenticate({ user: 'ann', password: 'open sesame' })).toBe(true);
    expect(await authenticate({ user: 'ann', password: 'open sesame\n' })).toBe(false);
    expect(await authenticate({ user: 'bob', password: 'open sesame' })).toBe(false);
  });

  it('makes no line without a password, or for a name that no line can hold', async () => {
    expect(await command(['hash-password', 'ann'])).toEqual({
      code: 2,
      out: '',
      errors: 'Cannot hash: standard input held no password\n',
    });
    for (const name of ['ann:bob', 'ann\nbob', '#ann', ' ']) {
      const { code, out, errors } = await command(['hash-password', name], { input: 'x' });
      expect([code, out]).toEqual([2, '']);
      expect(errors).toContain(`Cannot write a line for ${JSON.stringify(name)}`);
    }
  });
});

describe('a config that is not good', () => {
  it('has all its problems printed by check, with places, and by run in the same words', async () => {
    const file = configFile(`hostname: gate.test
listeners:
  inbound: { protocol: smtp, port: abc, domain: [example.com], downstream: nowhere }
downstreams:
  local: { protocol: maildir }
colour: blue
`);
    const check = await command(['check', '-c', file]);
    expect([check.code, check.errors]).toEqual([2, '']);
    const problems = check.out.trimEnd().split('\n');
    for (const part of [
      `${file}:3:36 listeners.inbound.port: `,
      ':3:41 listeners.inbound.domain: ',
      ' listeners.inbound.downstream: ',
      ' downstreams.local',
      `${file}:6:1 colour: `,
    ]) {
      expect(problems.filter((problem) => problem.includes(part))).toHaveLength(1);
    }
    const run = await command(['run', '-c', file]);
    expect(run).toEqual({ code: 2, out: '', errors: check.out });
    const list = await command(['queue', 'list', '-c', file]);
    expect(list).toEqual({ code: 2, out: '', errors: check.out });

    const json = await command(['check', '--json', '-c', file]);
    expect(json.code).toBe(2);
    expect(JSON.parse(json.out)).toEqual({ ok: false, problems, warnings: [] });
  });

  it('that can not be read is named with the reason', async () => {
    const missing = join(scratch.path, 'missing.yaml');
    const below = join(configFile('x'), 'postern.yaml');
    for (const [path, reason] of [
      [missing, 'no such file'],
      [scratch.path, 'directory'],
      [below, 'not a directory'],
    ] as const) {
      for (const word of ['run', 'check', 'queue list']) {
        const { code, out, errors } = await command([...word.split(' '), '-c', path]);
        expect(code).toBe(2);
        expect(out + errors).toMatch(/^.*\n$/);
        expect(out + errors).toContain(path);
        expect(out + errors).toContain(reason);
      }
    }
  });

  it('is good with warnings where these are all', async () => {
    const file = configFile({ listeners: { in: inbound() }, downstreams: LOCAL, groups: { unused: [] } });
    const { code, out } = await command(['check', '-c', file]);
    expect(code).toBe(0);
    expect(out).toMatch(/^warning: .* groups\.unused: .*\n.*postern\.yaml: good\n$/);
    expect(existsSync(join(file, '../var'))).toBe(false);
  });
});

describe('a plugin that is not fit to run', () => {
  const whole = readFileSync(plugin('access-control'));
  const cases: Record<string, { octets?: Uint8Array; settings?: object; reason: string }> = {
    missing: { reason: 'there is no such file' },
    empty: { octets: new Uint8Array(), reason: 'the file is empty' },
    truncated: { octets: whole.subarray(0, 5000), reason: 'it is truncated' },
    text: { octets: Buffer.from('#!/bin/sh\nexit 0\n'), reason: 'it is not WebAssembly' },
    // What its schema takes, and its "configure" does not.
    misconfigured: {
      octets: whole,
      settings: { rules: [{ client: '192.0.2.0/33', action: 'reject' }] },
      reason: 'rule',
    },
  };

  it.each([
    ['jornal', /: there is no such file; did you mean "journal"\?$/],
    ['sieve', /: there is no such file; must be one of access-control, .*journal, /],
  ])('%s: a name that stands for none is told with those that there are', async (name, message) => {
    const file = configFile({
      listeners: { in: inbound({ group: 'g' }) },
      downstreams: LOCAL,
      services: { filter: { plugin: name } },
      groups: { g: ['filter'] },
    });
    const { code, out } = await command(['check', '-c', file, '--json']);
    expect(code).toBe(2);
    expect((JSON.parse(out) as { problems: string[] }).problems).toEqual([expect.stringMatching(message)]);
  });

  it('is told at the key of a setting that names what it is not granted', async () => {
    const file = configFile({
      listeners: { in: inbound({ group: 'g' }) },
      downstreams: LOCAL,
      keys: {
        ours: { type: 'dkim', file: './dkim.pem', domain: 'example.com', selector: 's1' },
        others: { type: 'dkim', file: './dkim.pem', domain: 'example.com', selector: 's2' },
      },
      directories: { staff: { type: 'csv', file: './staff.csv', key: 'mail' } },
      web: { port: 0, publicUrl: 'https://files.example.com' },
      services: {
        sign: {
          plugin: 'dkim-sign',
          allowModify: true,
          grants: { key: { keys: ['ours'] } },
          settings: { domains: { 'example.com': ['ours', 'others'] } },
        },
        seal: {
          plugin: 'mail-auth',
          allowModify: true,
          grants: { auth: true },
          settings: { authservId: 'x', seal: 'ours' },
        },
        route: {
          plugin: 'reroute',
          allowModify: true,
          grants: { directory: { tables: ['staff'] } },
          settings: { directory: { table: 'staff', toFrom: 'goesTo' } },
        },
        links: {
          plugin: 'attachment-links',
          allowModify: true,
          grants: { blob: { expires: '7d' } },
          settings: { days: 14 },
        },
      },
      groups: { g: ['sign', 'seal', 'route', 'links'] },
    });
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
    writeFileSync(join(file, '../dkim.pem'), pem, { mode: 0o600 });
    writeFileSync(join(file, '../staff.csv'), 'mail,store\nann@example.com,paris\n');
    const problems = async (): Promise<string[]> => {
      const { out } = await command(['check', '-c', file, '--json']);
      return (JSON.parse(out) as { problems: string[] }).problems.map((line) =>
        line.slice(line.indexOf(' ') + 1),
      );
    };
    expect(await problems()).toEqual([
      'services.sign.settings.domains.example.com: names no DKIM key that is granted; granted is ours (postern/dkim-sign 0.1.0)',
      'services.seal.settings.seal: names no DKIM key that is granted; none is (postern/mail-auth 0.1.0)',
      'services.route.settings.directory.toFrom: names no column or attribute of a directory that is granted; granted are mail, store (postern/reroute 0.2.0)',
      'services.links.settings.days: must not be more than 7: the grant keeps nothing longer (postern/attachment-links 0.1.0)',
    ]);
    // The file may come later.
    unlinkSync(join(file, '../staff.csv'));
    expect((await problems()).some((line) => line.includes('toFrom'))).toBe(false);
  });

  it('is told at the key of a setting that its schema does not take', async () => {
    const settings = { rules: [{ at: 'mail', action: 'explode' }], colour: 'blue' };
    const file = configFile({
      listeners: { in: inbound({ group: 'g' }) },
      downstreams: LOCAL,
      services: { filter: { plugin: plugin('access-control'), settings } },
      groups: { g: ['filter'] },
    });
    const { code, out } = await command(['check', '-c', file, '--json']);
    expect(code).toBe(2);
    const { problems } = JSON.parse(out) as { problems: string[] };
    expect(problems.map((line) => line.slice(line.indexOf(' ') + 1))).toEqual([
      'services.filter.settings.colour: unknown key (postern/access-control 0.1.0)',
      expect.stringMatching(/^services\.filter\.settings\.rules\[0\]\.action: must be one of "reject",/),
    ]);
  });

  it.each(Object.keys(cases))(
    '%s: run and check say the same, with path and reason, and exit with 2',
    async (name) => {
      const { octets, settings = {}, reason } = cases[name]!;
      const service = { plugin: './filter.wasm', settings };
      const file = configFile({
        listeners: { in: inbound({ group: 'g' }) },
        downstreams: LOCAL,
        services: { filter: service, good: { plugin: plugin('journal') } },
        groups: { g: ['filter', 'good'] },
      });
      const path = join(file, '../filter.wasm');
      if (octets !== undefined) writeFileSync(path, octets);
      const check = await command(['check', '-c', file]);
      expect(check.code).toBe(2);
      const isWarning = (line: string): boolean => line.startsWith('warning: ');
      const lines = check.out
        .trimEnd()
        .split('\n')
        .filter((line) => !isWarning(line));
      expect(lines).toHaveLength(1);
      const errors = `${lines[0]}\n`;
      expect(lines[0]).toMatch(/^\S+postern\.yaml:1:\d+ services\.filter\.plugin: /);
      expect(lines[0]).toContain(`${path}: `);
      expect(lines[0]).toContain(reason);

      expect(await command(['run', '-c', file])).toEqual({ code: 2, out: '', errors });
      const list = await command(['plugin', 'list', '--json', '-c', file]);
      expect([list.code, list.errors]).toEqual([2, errors]);
      expect((JSON.parse(list.out) as { services: unknown[] }).services).toHaveLength(2);
    },
  );

  it('a good one is listed with stages, groups and policy', async () => {
    const file = configFile({
      listeners: { in: inbound({ group: 'g' }) },
      downstreams: LOCAL,
      services: {
        access: { plugin: plugin('access-control'), settings: { rules: [] }, onFailure: 'accept' },
        log: { plugin: plugin('journal'), mode: 'monitor' },
      },
      groups: { g: ['access', 'log'], h: ['log'] },
    });
    const json = await command(['plugin', 'list', '--json', '-c', file]);
    expect([json.code, json.errors]).toEqual([0, '']);
    const { services, packages } = JSON.parse(json.out) as { services: unknown; packages: unknown };
    expect(packages).toEqual([]);
    expect(services).toMatchObject([
      {
        service: 'access',
        stages: ['connect', 'helo', 'starttls', 'auth', 'mail', 'rcpt', 'data'],
        onFailure: { trap: 'accept' },
        groups: ['g'],
      },
      { service: 'log', stages: ['report'], mode: 'monitor', groups: ['g', 'h'] },
    ]);
    const table = await command(['plugin', 'list', '-c', file]);
    expect(table.out).toMatch(/^SERVICE +STAGES/);
    expect(table.out).toMatch(/^log +report +monitor +no +g,h +\//m);
  });
});

describe('a server that can not start', () => {
  it('because another is on its state directory says so and ends; the other goes on', async () => {
    const file = configFile({ listeners: { in: inbound() }, downstreams: LOCAL });
    const directory = join(file, '..');
    const gate = await startPostern({ listeners: { in: inbound() }, downstreams: LOCAL }, { directory });
    try {
      const { code, out, errors } = await command(['run', '-c', file]);
      expect([code, out]).toEqual([1, '']);
      expect(errors).toContain(`${join(directory, 'var/postern.db')}: a Postern server has it open`);
      expect(errors.trimEnd().split('\n')).toHaveLength(1);
      const dialog = await Dialog.open(gate.ports['in']!);
      expect(await dialog.say('QUIT')).toMatch(/^221 /);
    } finally {
      expect(await gate.stop()).toBe(0);
    }
  });

  it('says which state directory it cannot make', async () => {
    const file = configFile({ stateDir: '/sys/postern', listeners: { in: inbound() }, downstreams: LOCAL });
    const { code, errors } = await command(['run', '-c', file]);
    expect([code, errors]).toEqual([
      1,
      expect.stringMatching(/^Cannot use the state directory \/sys\/postern: E[A-Z]+: /),
    ]);
  });

  it('because its port is in use names address and port', async () => {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    try {
      const file = configFile({
        listeners: { free: inbound(), taken: inbound({ port }) },
        downstreams: LOCAL,
      });
      const { code, out, errors } = await command(['run', '-c', file]);
      expect([code, out]).toEqual([1, '']);
      expect(errors).toMatch(new RegExp(`^Cannot listen on 127\\.0\\.0\\.1 port ${port}: .*EADDRINUSE`, 'm'));
    } finally {
      server.close();
    }
  });
});

describe('a server that is told to stop', () => {
  const start = (): Promise<Postern> =>
    startPostern(
      { listeners: { in: inbound() }, downstreams: LOCAL },
      { directory: join(configFile('x'), '..') },
    );
  const inData = async (gate: Postern): Promise<Dialog> => {
    const dialog = await Dialog.open(gate.ports['in']!);
    for (const line of ['EHLO c.example', 'MAIL FROM:<a@example.net>', 'RCPT TO:<b@example.com>'])
      await dialog.say(line);
    expect(await dialog.say('DATA')).toMatch(/^354 /);
    dialog.send('Subject: half\r\n\r\nfirst\r\n');
    return dialog;
  };

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'by %s lets a transaction end, and takes nobody new',
    async (signal) => {
      const gate = await start();
      const idle = await Dialog.open(gate.ports['in']!);
      const dialog = await inData(gate);
      process.kill(gate.pid, signal);
      await gate.waitForLog(({ msg }) => msg === 'stopping');
      expect(await idle.closed()).toMatch(/^421 4\.3\.2 /);
      await expect(Dialog.open(gate.ports['in']!)).rejects.toThrow('ECONNREFUSED');

      expect(await dialog.say('second\r\n.')).toMatch(/^250 /);
      expect(await dialog.closed()).toMatch(/^421 4\.3\.2 /);
      expect(await gate.exited).toBe(0);
      expect(gate.log.at(-1)?.msg).toBe('stopped');
      // Committed, whether or not there was time to deliver it.
      const file = join(gate.directory, 'postern.yaml');
      const waiting = JSON.parse((await command(['queue', 'list', '--json', '-c', file])).out) as unknown[];
      const folder = join(gate.directory, 'mail/b@example.com/new');
      const delivered = existsSync(folder) ? readdirSync(folder) : [];
      expect(waiting.length + delivered.length).toBe(1);
    },
  );

  it('a second time ends at once', async () => {
    const gate = await start();
    const dialog = await inData(gate);
    process.kill(gate.pid, 'SIGTERM');
    await gate.waitForLog(({ msg }) => msg === 'stopping');
    expect(await gate.kill('SIGTERM')).toBe(1);
    expect(await dialog.closed()).toBe('');
    expect(gate.log.map(({ msg }) => msg)).not.toContain('stopped');
    // Nothing is in the way of the next start.
    const again = await startPostern(
      { listeners: { in: inbound() }, downstreams: LOCAL },
      { directory: gate.directory },
    );
    expect(readdirSync(join(gate.directory, 'var/spool'))).toEqual([]);
    expect(await again.stop()).toBe(0);
  });
});

describe('queue and quarantine, beside a running server', () => {
  const mta = new ScriptedMta({ protocol: 'smtp' });
  let gate: Postern;
  let file: string;

  const ESC = '\u001b[31m';
  const CSI = '\u009b31m';

  beforeAll(async () => {
    await mta.start();
    // Every first attempt fails, with a reply that would paint the terminal red.
    mta.script = { rcpt: () => `450 4.2.0 ${ESC}not${CSI} yet` };
    const { path: directory } = scratch;
    file = join(directory, 'beside', 'postern.yaml');
    gate = await startPostern(
      {
        listeners: { in: inbound({ downstream: 'mx', group: 'g' }) },
        downstreams: { mx: { protocol: 'smtp', host: '127.0.0.1', port: mta.port, tls: 'none' } },
        services: {
          access: {
            plugin: plugin('access-control'),
            settings: { rules: [{ sender: ['@held.example'], action: 'quarantine' }] },
          },
        },
        groups: { g: ['access'] },
      },
      { directory: join(directory, 'beside') },
    );
  });

  afterAll(async () => {
    await gate?.stop();
    await mta.stop();
  });

  const send = async (sender: string, text: string, params = ''): Promise<void> => {
    const dialog = await Dialog.open(gate.ports['in']!);
    await dialog.say('EHLO c.example');
    expect(await dialog.say(`MAIL FROM:<${sender}>${params}`)).toMatch(/^250 /);
    expect(await dialog.say('RCPT TO:<b@example.com>')).toMatch(/^250 /);
    await dialog.say('DATA');
    expect(await dialog.say(`${text}.`)).toMatch(/^250 /);
    await dialog.say('QUIT');
  };
  const ask = (...words: string[]): Promise<Ended> => command([...words, '-c', file]);
  interface Entry extends Record<string, unknown> {
    readonly id: string;
    readonly sender: { readonly address: string };
  }
  const list = async (what: string): Promise<Entry[]> => {
    const { code, out } = await ask(what, 'list', '--json');
    expect(code).toBe(0);
    return JSON.parse(out) as Entry[];
  };
  /** The entry of this sender, once the condition holds. */
  const entryOf = (
    what: string,
    sender: string,
    holds: (entry: Entry) => boolean = () => true,
  ): Promise<Entry> =>
    waitFor(async () => (await list(what)).find((entry) => entry.sender.address === sender && holds(entry)));

  it('list nothing as nothing', async () => {
    expect(await ask('queue', 'list')).toEqual({ code: 0, out: 'none\n', errors: '' });
    expect(await ask('quarantine', 'list')).toEqual({ code: 0, out: 'none\n', errors: '' });
    expect(await list('queue')).toEqual([]);
  });

  it('queue: list, show, the message, retry', async () => {
    await send('one@example.net', 'Subject: one\r\n\r\n..dot\r\n');
    const entry = await entryOf('queue', 'one@example.net', ({ attempts }) => attempts === 1);
    expect(entry).toMatchObject({ downstream: 'mx', recipients: [{ address: 'b@example.com' }] });
    const table = await ask('queue', 'list');
    expect(table.out).toMatch(/^ID +SIZE +ARRIVED +NEXT TRY +TRIES +DOWNSTREAM +FROM +TO +LAST REPLY\n/);
    expect(table.out).toContain('<one@example.net>  b@example.com  450 4.2.0 ');

    const shown = await ask('queue', 'show', entry.id);
    expect(shown.out).toMatch(/^downstream +mx$/m);
    expect(JSON.parse((await ask('queue', 'show', entry.id, '--json')).out)).toEqual(entry);
    const { out } = await ask('queue', 'show', entry.id, '--message');
    expect(out).toMatch(/^Received: from c\.example /);
    expect(out.endsWith('\r\nSubject: one\r\n\r\n.dot\r\n')).toBe(true);
    expect(out).toHaveLength(entry['size'] as number);

    mta.script = {};
    expect(await ask('queue', 'retry', entry.id)).toEqual({ code: 0, out: '1 due now\n', errors: '' });
    await waitFor(() => mta.mails.find(({ from }) => from.startsWith('<one@example.net>')));
    await waitFor(async () => ((await list('queue')).length === 0 ? true : undefined));
    mta.script = { rcpt: () => `450 4.2.0 ${ESC}not${CSI} yet` };
  });

  it('queue: retry all, remove, and what is not there', async () => {
    await send('two@example.net', 'Subject: two\r\n');
    const entry = await entryOf('queue', 'two@example.net', ({ attempts }) => attempts === 1);
    expect(await ask('queue', 'retry')).toEqual({ code: 0, out: '1 due now\n', errors: '' });
    await entryOf('queue', 'two@example.net', ({ attempts }) => attempts === 2);
    expect(await ask('queue', 'remove', entry.id)).toEqual({ code: 0, out: '1 removed\n', errors: '' });
    expect(await list('queue')).toEqual([]);
    for (const id of [entry.id, 'nonsense', "1' OR '1'='1"]) {
      const ways = [['show'], ['show', '--json'], ['show', '--message'], ['remove'], ['retry']];
      const ended = await Promise.all(
        ways.map((words) => command(['queue', ...words, '-c', file, '--', id])),
      );
      expect(ended.map(({ code, out }) => [code, out])).toEqual(ways.map(() => [3, '']));
      for (const { errors } of ended) expect(errors).toMatch(/^Cannot find .*queue\n$/);
    }
  });

  it('quarantine: list, show, release to the queue, remove', async () => {
    await send('a@held.example', 'Subject: held\r\n');
    await send('b@held.example', 'Subject: held too\r\n');
    const first = await entryOf('quarantine', 'a@held.example');
    const second = await entryOf('quarantine', 'b@held.example');
    expect(await list('queue')).toEqual([]);
    expect(first).toMatchObject({
      service: 'access',
      recipients: [{ address: 'b@example.com' }],
      downstream: 'mx',
    });
    const table = await ask('quarantine', 'list', '--limit', '1');
    expect(table.out).toMatch(/^ID +SIZE +HELD +SERVICE +FROM +TO +REASON\n.*<a@held\.example>.*\n$/);
    expect((await ask('quarantine', 'show', first.id)).out).toMatch(/^service +access$/m);
    const { out } = await ask('quarantine', 'show', first.id, '--message');
    expect(out.endsWith('\r\nSubject: held\r\n')).toBe(true);

    mta.script = {};
    expect((await ask('quarantine', 'release', first.id)).out).toBe('1 released to the queue\n');
    await waitFor(() => mta.mails.find(({ from }) => from.startsWith('<a@held.example>')));
    expect(await ask('quarantine', 'remove', second.id)).toEqual({ code: 0, out: '1 removed\n', errors: '' });
    expect(await list('quarantine')).toEqual([]);
    expect(mta.mails.filter(({ from }) => from.includes('b@held.example'))).toEqual([]);
    for (const word of ['show', 'release', 'remove']) {
      const { code, errors } = await ask('quarantine', word, first.id);
      expect([word, code]).toEqual([word, 3]);
      expect(errors).toMatch(/^Cannot find .*quarantine\n$/);
    }
  });

  it('do what they can where only some of the entries are there, and say so', async () => {
    mta.script = { rcpt: () => '450 4.2.0 no' };
    await send('three@example.net', 'Subject: three\r\n');
    const { id } = await entryOf('queue', 'three@example.net');
    const { code, errors } = await ask('queue', 'remove', id, '999999');
    expect([code, errors]).toEqual([3, 'Cannot find every entry: 1 of 2 are in the queue\n']);
    expect(await list('queue')).toEqual([]);
  });

  it('show nothing of an address or a reply that steers a terminal', async () => {
    const dialog = await Dialog.open(gate.ports['in']!);
    await dialog.say('EHLO c.example');
    for (const local of [`"${ESC}"`, `"${CSI}"`, '"\u007f"', '"a\u202Eb"']) {
      expect(await dialog.say(`MAIL FROM:<${local}@example.net> SMTPUTF8`)).toMatch(/^50[01] /);
    }
    await dialog.say('QUIT');

    mta.script = { rcpt: () => `450 4.2.0 ${ESC}not${CSI}\u202E yet` };
    await send('four@example.net', 'Subject: four\r\n');
    const { id } = await entryOf('queue', 'four@example.net', ({ lastReply }) => lastReply !== '');
    // oxlint-disable-next-line no-control-regex -- control characters are what this looks for
    const steering = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/;
    for (const words of [['list'], ['list', '--json'], ['show', id], ['show', id, '--json']]) {
      const { code, out } = await ask('queue', ...words);
      expect(code).toBe(0);
      expect(out).toContain('@example.net');
      expect(out).toContain(' yet');
      expect(out).not.toMatch(steering);
    }
  });
});
