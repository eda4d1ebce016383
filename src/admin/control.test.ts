import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeError } from '../base/errors.ts';
import { silentLog } from '../base/log.ts';
import { socketPathProblem, startControl, type Control, type ControlHandlers } from './control.ts';

let directory: string;
let control: Control | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'postern-control-'));
});
afterEach(async () => {
  await control?.close(0);
  control = undefined;
  rmSync(directory, { recursive: true, force: true });
});

const path = (): string => join(directory, 'control.sock');
const DONE: ControlHandlers = {
  reload: () => Promise.resolve({ applied: true, problems: [] }),
  services: () => ({ pid: 1, startedAt: 2, file: 'postern.yaml', services: [] }),
};

async function start(handlers: Partial<ControlHandlers> = {}): Promise<void> {
  control = await startControl({ path: path(), handlers: { ...DONE, ...handlers }, log: silentLog });
}

interface Said {
  readonly status: number | undefined;
  readonly body: unknown;
  readonly allow: string | undefined;
}

function ask(method: string, target: string, body?: string): Promise<Said> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: path(), method, path: target }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => {
        const { allow } = response.headers;
        resolve({ status: response.statusCode, body: JSON.parse(text) as unknown, allow });
      });
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

/** Everything that the server says to these octets, until it ends the connection. */
function saidTo(octets: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(path(), () => socket.write(octets));
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
  });
}

describe('the control socket', () => {
  it('is there for its owner only, and gone after the close', async () => {
    await start();
    const { mode } = statSync(path());
    expect(mode & 0o777).toBe(0o600);
    await control?.close(0);
    expect(() => statSync(path())).toThrow('ENOENT');
  });

  it('answers a reload with what came of it', async () => {
    const answer = { applied: false, problems: ['postern.yaml:3:1 colour: unknown key'] };
    await start({ reload: () => Promise.resolve(answer) });
    expect(await ask('POST', '/reload')).toMatchObject({ status: 200, body: answer });
  });

  it('says what it does not have, does not take, and could not do', async () => {
    await start({ reload: () => Promise.reject(new Error('out of order')) });
    expect(await ask('GET', '/nothing')).toMatchObject({
      status: 404,
      body: { error: 'there is no /nothing' },
    });
    expect(await ask('GET', '/reload')).toMatchObject({ status: 405, allow: 'POST' });
    expect(await ask('POST', '/reload', '{}')).toMatchObject({ status: 413 });
    expect(await ask('POST', '/reload')).toMatchObject({ status: 500, body: { error: 'out of order' } });
  });

  it('refuses what is not HTTP, or too much of it, and goes on', async () => {
    await start();
    expect(await saidTo('EHLO client\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    expect(await saidTo(`POST /reload HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(10_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 431 /,
    );
    expect(await ask('POST', '/reload')).toMatchObject({ status: 200 });
  });

  it('replaces the socket that a killed server left', async () => {
    const left = createServer().listen(path());
    await new Promise((resolve) => left.once('listening', resolve));
    await start();
    expect(await ask('POST', '/reload')).toMatchObject({ status: 200 });
    await new Promise((resolve) => left.close(resolve));
  });

  it('leaves alone what is not a socket, and says so', async () => {
    writeFileSync(path(), 'mine');
    await expect(start()).rejects.toThrow(
      `Cannot open the control socket ${path()}: something else is there; move it away`,
    );
  });

  it('lets a request under way be answered when it closes, within the deadline', async () => {
    let answer: () => void = () => {};
    let begin: () => void = () => {};
    const begun = new Promise<void>((resolve) => (begin = resolve));
    await start({
      reload: () => {
        begin();
        return new Promise((resolve) => (answer = () => resolve({ applied: true, problems: [] })));
      },
    });
    const asked = ask('POST', '/reload');
    await begun;
    const closed = control?.close(60_000);
    answer();
    expect(await asked).toMatchObject({ status: 200 });
    await closed;
  });

  it('ends what is not answered by the deadline of its close', async () => {
    const ending = new Promise<void>((resolve) => {
      const closing = (): Promise<never> => {
        resolve(control?.close(1));
        return new Promise(() => {});
      };
      void start({ reload: closing });
    });
    await expect
      .poll(() => ask('POST', '/reload').catch(describeError), { timeout: 5000 })
      .toBe('socket hang up');
    await ending;
  });

  it('knows how long a path may be', () => {
    expect(socketPathProblem(`/${'x'.repeat(106)}`)).toBeUndefined();
    expect(socketPathProblem(`/${'x'.repeat(107)}`)).toMatch(
      'has 108 octets, and the system takes at most 107',
    );
    expect(socketPathProblem(`/${'é'.repeat(54)}`)).toMatch('has 109 octets');
  });
});
