import { readdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { selfSigned } from '../src/smtp/tls.ts';
import { compileWat, vectorText } from './abi/wat.ts';
import { freePort } from './support/free-port.ts';
import {
  configText,
  ROOT,
  startPostern,
  temporaryDirectory,
  waitFor,
  type LogLine,
  type Postern,
} from './support/postern.ts';
import { ScriptedMta } from './support/scripted-mta.ts';
import { Dialog } from './support/smtp-dialog.ts';

/** What to undo, last first. */
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanups.splice(0).toReversed()) await undo();
});

const plugin = (name: string): string => join(ROOT, 'plugins', name, `${name}.wasm`);
const listener = (more: object = {}): object => ({
  protocol: 'smtp',
  port: 0,
  domains: ['example.com'],
  downstream: 'local',
  mode: 'through',
  ...more,
});
const LOCAL = { local: { protocol: 'maildir', path: './mail' } };

/** One listener `in` that refuses these recipients. */
const refusing = (recipients: readonly string[], more: object = {}): object => ({
  listeners: { in: listener({ group: 'g' }) },
  downstreams: LOCAL,
  services: {
    access: {
      plugin: plugin('access-control'),
      settings: { rules: recipients.length === 0 ? [] : [{ recipient: recipients, action: 'reject' }] },
    },
  },
  groups: { g: ['access'] },
  ...more,
});

async function start(config: object): Promise<Postern> {
  const directory = temporaryDirectory();
  cleanups.push(directory.remove);
  const gate = await startPostern(config, { directory: directory.path });
  cleanups.push(() => gate.stop());
  return gate;
}

async function startMta(): Promise<ScriptedMta> {
  const mta = new ScriptedMta({ protocol: 'smtp' });
  await mta.start();
  cleanups.push(() => mta.stop());
  return mta;
}

/** Gives the running gate another config and waits for what it says to that. */
async function reload(gate: Postern, config: object | string): Promise<LogLine> {
  writeFileSync(join(gate.directory, 'postern.yaml'), configText(config));
  const from = gate.log.length;
  process.kill(gate.pid, 'SIGHUP');
  return waitFor(() => gate.log.slice(from).find(({ msg }) => msg.startsWith('config ')));
}

const DONE = { msg: 'config reloaded' };
const REFUSED = { msg: 'config not reloaded, the old one goes on' };

async function open(port: number): Promise<Dialog> {
  const dialog = await Dialog.open(port);
  cleanups.push(() => dialog.vanish());
  expect(await dialog.say('EHLO client.example.net')).toMatch(/^250/);
  return dialog;
}

/** MAIL and RCPT; the reply to RCPT. */
async function begin(dialog: Dialog, recipient: string): Promise<string> {
  expect(await dialog.say('MAIL FROM:<bob@example.net>')).toMatch(/^250 /);
  return dialog.say(`RCPT TO:<${recipient}>`);
}

async function finish(dialog: Dialog, text = 'Subject: x\r\n'): Promise<string> {
  expect(await dialog.say('DATA')).toMatch(/^354 /);
  return dialog.say(`${text}.`);
}

const mails = (gate: Postern, folder: string): string[] => {
  try {
    return readdirSync(join(gate.directory, folder, 'new'));
  } catch {
    return [];
  }
};

describe('a reload', () => {
  it('reaches an open session at its next transaction; the one under way ends by the old config', async () => {
    const gate = await start(refusing(['ann@example.com']));
    const port = gate.ports['in']!;
    const [idle, busy] = [await open(port), await open(port)];
    expect(await begin(idle, 'ann@example.com')).toMatch(/^550 /);
    expect(await idle.say('RSET')).toMatch(/^250 /);
    expect(await begin(busy, 'ben@example.com')).toMatch(/^250 /);

    expect(await reload(gate, refusing(['ben@example.com']))).toMatchObject(DONE);

    expect(await busy.say('RCPT TO:<ann@example.com>')).toMatch(/^550 /);
    expect(await busy.say('RCPT TO:<ben@example.com>')).toMatch(/^250 /);
    expect(await finish(busy)).toMatch(/^250 /);
    expect(mails(gate, 'mail/ben@example.com')).toHaveLength(2);
    for (const dialog of [idle, busy, await open(port)]) {
      expect(await begin(dialog, 'ann@example.com')).toMatch(/^250 /);
      expect(await dialog.say('RCPT TO:<ben@example.com>')).toMatch(/^550 /);
      expect(await finish(dialog)).toMatch(/^250 /);
    }
    expect(mails(gate, 'mail/ann@example.com')).toHaveLength(3);
  });

  it.each([
    ['does not parse', 'listeners: [', /postern\.yaml:1:\d+/],
    ['has mistakes', 'hostname: gate.test\nlisteners: {}\ncolour: blue\n', /postern\.yaml:3:1 colour: /],
    [
      'asks for what takes a restart',
      configText({ ...refusing([]), stateDir: './other' }),
      /stateDir: .*restart/,
    ],
  ])('to a config that %s is refused with its problems, and the old one goes on', async (_, bad, problem) => {
    const gate = await start(refusing(['ann@example.com']));
    const dialog = await open(gate.ports['in']!);
    const line = await reload(gate, bad);
    expect(line).toMatchObject(REFUSED);
    expect((line['problems'] as string[]).join('\n')).toMatch(problem);
    for (const session of [dialog, await open(gate.ports['in']!)]) {
      expect(await begin(session, 'ann@example.com')).toMatch(/^550 /);
      expect(await session.say('RCPT TO:<ben@example.com>')).toMatch(/^250 /);
      expect(await finish(session)).toMatch(/^250 /);
    }
    expect(await reload(gate, refusing([]))).toMatchObject(DONE);
  });

  it('with a plugin that does not load is refused with path and reason, and the old set goes on', async () => {
    const gate = await start(refusing(['ann@example.com']));
    const dialog = await open(gate.ports['in']!);
    const bad = join(gate.directory, 'bad.wasm');
    writeFileSync(bad, 'no WebAssembly');
    const line = await reload(gate, refusing([], { services: { access: { plugin: bad } } }));
    expect(line).toMatchObject(REFUSED);
    expect(line['problems']).toEqual([expect.stringContaining(`${bad}: it is not WebAssembly`)]);
    expect(await begin(dialog, 'ann@example.com')).toMatch(/^550 /);
  });

  it('takes up a plugin file that was replaced under the same name', async () => {
    const saying = (decision: string): Uint8Array =>
      compileWat(
        'filter.wat',
        vectorText(`
          (data (i32.const 1024) "${decision.replaceAll('"', '\\22')}")
          (func (export "on_rcpt") (result i32)
            (call $say (i32.const 1024) (i32.const ${decision.length}))
            (i32.const 0))`),
      );
    const directory = temporaryDirectory();
    cleanups.push(directory.remove);
    const file = join(directory.path, 'filter.wasm');
    writeFileSync(file, saying('{}'));
    const config = refusing([], { services: { access: { plugin: file } } });
    const gate = await start(config);
    const dialog = await open(gate.ports['in']!);
    writeFileSync(file, saying('{"verdict":"reject"}'));
    expect(await begin(dialog, 'ann@example.com')).toMatch(/^250 /);
    expect(await reload(gate, config)).toMatchObject(DONE);
    expect(await dialog.say('RSET')).toMatch(/^250 /);
    expect(await begin(dialog, 'ann@example.com')).toMatch(/^550 /);
  });

  it('opens, moves and closes listeners; a transaction on a closed one ends, others are told 421', async () => {
    const gate = await start({ listeners: { in: listener(), gone: listener() }, downstreams: LOCAL });
    const [stays, idle, busy] = [
      await open(gate.ports['in']!),
      await open(gate.ports['gone']!),
      await open(gate.ports['gone']!),
    ];
    expect(await begin(busy, 'ann@example.com')).toMatch(/^250 /);
    const [moved, added] = [await freePort(), await freePort()];

    const listeners = { in: listener(), added: listener({ port: added }) };
    expect(await reload(gate, { listeners, downstreams: LOCAL })).toMatchObject(DONE);
    expect(await idle.closed()).toMatch(/^421 4\.3\.2 /);
    await expect(Dialog.open(gate.ports['gone']!)).rejects.toThrow('ECONNREFUSED');
    expect(await finish(busy)).toMatch(/^250 /);
    expect(await busy.closed()).toMatch(/^421 4\.3\.2 /);
    expect(mails(gate, 'mail/ann@example.com')).toHaveLength(1);
    const onAdded = await open(added);
    expect(await begin(onAdded, 'ann@example.com')).toMatch(/^250 /);

    const later = { in: listener(), added: listener({ port: moved }) };
    expect(await reload(gate, { listeners: later, downstreams: LOCAL })).toMatchObject(DONE);
    await expect(Dialog.open(added)).rejects.toThrow('ECONNREFUSED');
    expect(await finish(onAdded)).toMatch(/^250 /);
    expect(await begin(await open(moved), 'ann@example.com')).toMatch(/^250 /);
    expect(await begin(stays, 'ann@example.com')).toMatch(/^250 /);
  });

  it('opens a listener anew on its own port, at once, when its own settings change', async () => {
    const port = await freePort();
    const config = (maxMessageSize: string): object => ({
      listeners: { in: listener({ port, maxMessageSize }) },
      downstreams: LOCAL,
    });
    const gate = await start(config('1MiB'));
    const busy = await open(port);
    expect(await begin(busy, 'ann@example.com')).toMatch(/^250 /);
    expect(await reload(gate, config('2MiB'))).toMatchObject(DONE);
    const fresh = await Dialog.open(port);
    expect(await fresh.say('EHLO x')).toContain('SIZE 2097152');
    expect(await finish(busy)).toMatch(/^250 /);
  });

  it('to a port that is taken works for all the rest, and can be tried again', async () => {
    const gate = await start(refusing(['ann@example.com']));
    const port = await freePort();
    const occupant = await occupy(port);
    const listeners = { in: listener({ group: 'g' }), more: listener({ port, group: 'g' }) };
    const line = await reload(gate, refusing([], { listeners }));
    expect(line).toMatchObject({ msg: 'config reloaded, but not all of it works' });
    expect(line['problems']).toEqual([
      expect.stringMatching(new RegExp(`listeners\\.more: .*port ${port}.*EADDRINUSE`)),
    ]);
    expect(await begin(await open(gate.ports['in']!), 'ann@example.com')).toMatch(/^250 /);
    await new Promise((resolve) => occupant.close(resolve));
    expect(await reload(gate, refusing([], { listeners }))).toMatchObject(DONE);
    expect(await begin(await open(port), 'ann@example.com')).toMatch(/^250 /);
  });

  it('changes where mail goes: a slow delivery ends where it began, the next goes elsewhere', async () => {
    const [first, second] = [await startMta(), await startMta()];
    const to = (mta: ScriptedMta): object => ({
      listeners: { in: listener({ downstream: 'mx' }) },
      downstreams: { mx: { protocol: 'smtp', host: '127.0.0.1', port: mta.port, tls: 'none' } },
    });
    let answer: (reply: string) => void = () => {};
    first.script = { data: () => new Promise((resolve) => (answer = resolve)) };
    const gate = await start(to(first));
    const dialog = await open(gate.ports['in']!);
    expect(await begin(dialog, 'ann@example.com')).toMatch(/^250 /);
    expect(await dialog.say('DATA')).toMatch(/^354 /);
    dialog.send('Subject: slow\r\n.\r\n');
    await waitFor(() => (first.dots === 1 ? true : undefined));
    expect(await reload(gate, to(second))).toMatchObject(DONE);

    const other = await open(gate.ports['in']!);
    expect(await begin(other, 'ben@example.com')).toMatch(/^250 /);
    expect(await finish(other)).toMatch(/^250 /);
    expect(second.mails).toHaveLength(1);

    answer('250 2.0.0 at last');
    expect(await dialog.hear()).toBe('250 2.0.0 at last');
    expect(first.mails).toHaveLength(1);
    expect(await begin(dialog, 'ann@example.com')).toMatch(/^250 /);
    expect(await finish(dialog)).toMatch(/^250 /);
    expect([first.mails.length, second.mails.length]).toEqual([1, 2]);
  });

  it('does not keep the process from ending while a transaction of the old config hangs', async () => {
    const mta = await startMta();
    mta.script = { data: () => new Promise(() => {}) };
    const config = {
      listeners: { in: listener({ downstream: 'mx' }) },
      downstreams: { mx: { protocol: 'smtp', host: '127.0.0.1', port: mta.port, tls: 'none' } },
    };
    const gate = await start(config);
    const dialog = await open(gate.ports['in']!);
    expect(await begin(dialog, 'ann@example.com')).toMatch(/^250 /);
    expect(await dialog.say('DATA')).toMatch(/^354 /);
    dialog.send('Subject: stuck\r\n.\r\n');
    await waitFor(() => (mta.dots === 1 ? true : undefined));
    expect(await reload(gate, config)).toMatchObject(DONE);
    expect(await gate.stop()).toBe(0);
    expect(gate.log.at(-1)!.msg).toBe('stopped');
    // Never answered: the client has it still.
    expect(await dialog.closed()).toBe('');
  });

  it('reaches mail that waits in the queue', async () => {
    const mta = await startMta();
    const to = (port: number): object => ({
      listeners: { in: listener({ downstream: 'mx', mode: 'queue' }) },
      downstreams: { mx: { protocol: 'smtp', host: '127.0.0.1', port, tls: 'none' } },
      queue: { retry: { first: '1s' } },
    });
    const gate = await start(to(await freePort()));
    const dialog = await open(gate.ports['in']!);
    expect(await begin(dialog, 'ann@example.com')).toMatch(/^250 /);
    expect(await finish(dialog)).toMatch(/^250 /);
    expect(await reload(gate, to(mta.port))).toMatchObject(DONE);
    await waitFor(() => (mta.mails.length > 0 ? true : undefined));
    expect(mta.mails).toHaveLength(1);
  });

  it('lets deliveries end at the downstream that they began with, in a line for its connections or not', async () => {
    const mta = await startMta();
    let go = (): void => {};
    const answered = new Promise<void>((resolve) => (go = resolve));
    mta.script = {
      data: async () => {
        await answered;
        return '250 2.0.0 taken';
      },
    };
    const config = {
      listeners: { in: listener({ downstream: 'mx', mode: 'queue' }) },
      downstreams: {
        mx: { protocol: 'smtp', host: '127.0.0.1', port: mta.port, tls: 'none', maxConnections: 2 },
      },
    };
    const gate = await start(config);
    const dialog = await open(gate.ports['in']!);
    for (let i = 0; i < 10; i++) {
      expect(await begin(dialog, 'ann@example.com')).toMatch(/^250 /);
      expect(await finish(dialog)).toMatch(/^250 /);
    }
    await waitFor(() => (mta.dots > 0 ? true : undefined));
    expect(await reload(gate, config)).toMatchObject(DONE);
    go();
    const outcomes = (): LogLine[] =>
      gate.log.filter(({ msg }) => ['delivered', 'deferred', 'failed', 'expired'].includes(msg));
    await waitFor(() => (outcomes().length >= 10 ? true : undefined));
    expect(outcomes().map(({ msg }) => msg)).toEqual(Array<string>(10).fill('delivered'));
    expect(mta.mails).toHaveLength(10);
  });

  it('uses a renewed certificate under the same path from then on, and drops no session for it', async () => {
    const gate = await start({ listeners: { in: listener() }, downstreams: LOCAL });
    const files = { cert: join(gate.directory, 'cert.pem'), key: join(gate.directory, 'key.pem') };
    const renew = async (): Promise<string> => {
      const { cert, key } = await selfSigned('gate.test');
      writeFileSync(files.cert, cert);
      writeFileSync(files.key, key);
      return cert.trim();
    };
    const port = await freePort();
    const config = { listeners: { in: listener({ port, tls: files }) }, downstreams: LOCAL };
    const secured = async (): Promise<Dialog> => {
      const dialog = await open(port);
      await dialog.say('STARTTLS');
      await dialog.secure();
      return dialog;
    };
    const before = await renew();
    expect(await reload(gate, config)).toMatchObject(DONE);
    const [dialog, plain] = [await secured(), await open(port)];
    expect(dialog.certificate.trim()).toBe(before);

    const after = await renew();
    expect(await reload(gate, config)).toMatchObject(DONE);
    expect((await secured()).certificate.trim()).toBe(after);
    expect(await dialog.say('EHLO again')).toMatch(/^250/);
    expect(await begin(dialog, 'ann@example.com')).toMatch(/^250 /);
    expect(await begin(plain, 'ann@example.com')).toMatch(/^250 /);

    writeFileSync(files.cert, 'no certificate');
    expect(await reload(gate, config)).toMatchObject(REFUSED);
    expect((await secured()).certificate.trim()).toBe(after);
  });

  it('changes the level of the log', async () => {
    const gate = await start(refusing([]));
    const dialog = await open(gate.ports['in']!);
    const send = async (recipient: string): Promise<void> => {
      expect(await begin(dialog, recipient)).toMatch(/^250 /);
      expect(await finish(dialog)).toMatch(/^250 /);
    };
    await reload(gate, refusing([], { log: { level: 'error' } }));
    await send('unseen@example.com');
    writeFileSync(join(gate.directory, 'postern.yaml'), configText(refusing([])));
    process.kill(gate.pid, 'SIGHUP');
    await waitFor(async () => {
      await send('seen@example.com');
      return gate.log.find(
        ({ msg, recipients }) => msg === 'transaction' && String(recipients).startsWith('seen'),
      );
    });
    expect(JSON.stringify(gate.log)).not.toContain('unseen@example.com');
  });

  it('again and again under load loses no mail, no session and leaves no thread behind', async () => {
    const gate = await start(refusing([]));
    const threads = (): number => readdirSync(`/proc/${gate.pid}/task`).length;
    const before = threads();
    const dialogs = await Promise.all([1, 2, 3].map(() => open(gate.ports['in']!)));
    const state = { reloading: true };
    let sent = 0;
    const traffic = dialogs.map(async (dialog) => {
      while (state.reloading) {
        expect(await begin(dialog, 'ann@example.com')).toMatch(/^250 /);
        expect(await finish(dialog)).toMatch(/^250 /);
        sent += 1;
      }
    });
    try {
      for (let round = 0; round < 8; round++)
        expect(await reload(gate, refusing([`r${round}@example.com`]))).toMatchObject(DONE);
    } finally {
      state.reloading = false;
      await Promise.all(traffic);
    }
    expect(sent).toBeGreaterThan(8);
    expect(mails(gate, 'mail/ann@example.com')).toHaveLength(sent);
    await waitFor(() => (threads() <= before ? true : undefined));
    expect(gate.log.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });
});

async function occupy(port: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  cleanups.push(() => server.close());
  return server;
}
