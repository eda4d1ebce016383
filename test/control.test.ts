import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { reload } from '../src/cli/control-client.ts';
import { loadConfig } from '../src/config/load.ts';
import type { Config } from '../src/config/config.ts';
import { command } from './support/command.ts';
import { configText, startPostern, temporaryDirectory, waitFor, type Postern } from './support/postern.ts';

/** What to undo, last first. */
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanups.splice(0).toReversed()) await undo();
});

const CONFIG = {
  listeners: {
    in: { protocol: 'smtp', port: 0, domains: ['example.com'], downstream: 'local', mode: 'through' },
  },
  downstreams: { local: { protocol: 'maildir', path: './mail' } },
};

let directory: string;
beforeEach(() => {
  const made = temporaryDirectory();
  cleanups.push(made.remove);
  directory = made.path;
});

async function start(): Promise<Postern> {
  const gate = await startPostern(CONFIG, { directory });
  cleanups.push(() => gate.stop());
  return gate;
}

const file = (): string => join(directory, 'postern.yaml');
const socket = (): string => join(directory, 'var', 'control.sock');

function config(): Config {
  const loaded = loadConfig(file());
  if (!loaded.ok) throw new Error('the config of this test does not check');
  return loaded.config;
}

/** A server on the control socket's path that says these octets to whoever comes, and ends the connection; or says nothing. */
async function impostor(says: string): Promise<Config> {
  writeFileSync(file(), configText(CONFIG));
  mkdirSync(join(directory, 'var'), { recursive: true });
  const open = new Set<Socket>();
  const server: Server = createServer((connection) => {
    open.add(connection);
    connection.on('error', () => {});
    connection.once('data', () => connection.end(says));
  });
  await new Promise<void>((resolve) => server.listen(socket(), resolve));
  cleanups.push(async () => {
    for (const connection of open) connection.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return config();
}

describe('a reload through the control socket', () => {
  it('is that of SIGHUP, with its outcome in the answer and in the log', async () => {
    const gate = await start();
    const running = config();
    expect(await reload(running)).toEqual({ running: true, applied: true, problems: [] });
    await gate.waitForLog(({ msg }) => msg === 'config reloaded');

    const bad = join(directory, 'bad.wasm');
    writeFileSync(bad, 'no WebAssembly');
    writeFileSync(
      file(),
      configText({ ...CONFIG, services: { filter: { plugin: bad } }, groups: { g: ['filter'] } }),
    );
    const problems = [
      expect.stringMatching(/postern\.yaml:1:\d+ services\.filter\.plugin: .*bad\.wasm: it is not/),
    ];
    expect(await reload(running)).toEqual({ running: true, applied: false, problems });
    const line = await gate.waitForLog(({ msg }) => msg.startsWith('config not reloaded'));
    expect(line).toMatchObject({ problems });

    writeFileSync(file(), 'listeners: [');
    expect(await reload(running)).toMatchObject({ running: true, applied: false });
    writeFileSync(file(), configText(CONFIG));
    expect(await reload(running)).toMatchObject({ running: true, applied: true });
  });

  it('takes turns with others, each answered for itself', async () => {
    const gate = await start();
    const running = config();
    const answers = await Promise.all(Array.from({ length: 5 }, () => reload(running)));
    expect(answers).toEqual(answers.map(() => ({ running: true, applied: true, problems: [] })));
    await waitFor(() =>
      gate.log.filter(({ msg }) => msg === 'config reloaded').length === 5 ? true : undefined,
    );
  });

  it('says that nothing runs: before the start, after the end, and after a kill', async () => {
    writeFileSync(file(), configText(CONFIG));
    const nobody = { running: false };
    expect(await reload(config())).toEqual(nobody);
    const first = await start();
    await first.stop();
    expect(existsSync(socket())).toBe(false);
    expect(await reload(config())).toEqual(nobody);

    const second = await start();
    await second.kill('SIGKILL');
    expect(existsSync(socket())).toBe(true);
    expect(await reload(config())).toEqual(nobody);

    await start();
    expect(await reload(config())).toMatchObject({ running: true, applied: true });
  });

  it('still reaches the first server after a second one was refused on the same state directory', async () => {
    await start();
    const { code, errors } = await command(['run', '-c', file()]);
    expect([code, errors]).toEqual([1, expect.stringContaining('a database serves one server at a time')]);
    expect(await reload(config())).toMatchObject({ running: true, applied: true });
  });

  it.each([
    ['nothing', '', 'socket hang up'],
    ['what is not HTTP', '220 ready\r\n', 'Parse Error'],
    [
      'what is not JSON',
      'HTTP/1.1 200 OK\r\n\r\nhello',
      'its answer makes no sense; is it of another version?',
    ],
    [
      'other JSON',
      'HTTP/1.1 200 OK\r\n\r\n{"applied":1}',
      'its answer makes no sense; is it of another version?',
    ],
    ['a failure', 'HTTP/1.1 500 X\r\n\r\n{"error":"no way"}', 'no way'],
    ['a failure of its own', 'HTTP/1.1 404 X\r\n\r\n<html>', 'it answered with status 404'],
    ['half an answer', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{', 'aborted'],
  ])('fails in words if the socket answers %s', async (_, says, words) => {
    const config = await impostor(says);
    await expect(reload(config)).rejects.toThrow(`Cannot ask the running server at ${socket()}: ${words}`);
  });
});

describe('a state directory with a path too long for a socket', () => {
  it('is refused by check and run, with a way out that works', async () => {
    const long = join(directory, 'x'.repeat(100));
    mkdirSync(long);
    writeFileSync(file(), configText({ ...CONFIG, stateDir: long }));
    const words = /the system takes at most 107; choose a shorter one, or a symbolic link to it/;
    for (const what of ['check', 'run']) {
      const { code, out, errors } = await command([what, '-c', file()]);
      expect([code, out + errors]).toEqual([2, expect.stringMatching(words)]);
    }
    symlinkSync(long, join(directory, 'var'));
    await start();
    expect(await reload(config())).toMatchObject({ running: true, applied: true });
  });
});
