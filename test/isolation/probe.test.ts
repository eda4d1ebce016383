import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unconfinable } from './support.ts';

/**
 * What code that has taken over a confined process would try, tried: in Node and in bare system calls (`probe.cjs`, `native.c`), in a
 * process that is started and confined as Postern does it. As root, if this is root, and as a user without any right.
 */
const EPERM = -1;
const ESRCH = -3;
const EAGAIN = -11;
const EINVAL = -22;
const EMFILE = -24;
const EROFS = -30;
const ENOSYS = -38;

const MIB = 1024 * 1024;

/** What must come of it. Where a user of a namespace finds another error than root, both. */
const EXPECTED: Readonly<Record<string, unknown>> = {
  // No file can be opened any more …
  'read /etc/passwd': 'EMFILE',
  'read the state': 'EMFILE',
  'open the state natively': EMFILE,
  'open /etc/passwd natively': EMFILE,
  'open the root natively': EMFILE,
  'open /proc natively': EMFILE,
  'list the root': 'EMFILE',
  'write beside the program': 'EMFILE',
  'write into the root natively': EMFILE,
  'write into /tmp natively': EMFILE,
  // … nor would there be any.
  'find /etc/passwd': 'ENOENT',
  'find the state': 'ENOENT',
  'find /proc': 'ENOENT',
  'find /dev/null': 'ENOENT',
  'find a shell': 'ENOENT',
  'make a directory natively': EROFS,
  'make a file in memory': EPERM,
  'connect to loopback': 'EPERM',
  'open an internet socket natively': EPERM,
  'open a local socket natively': EPERM,
  'open a netlink socket natively': EPERM,
  'resolve a name': 'ECONNREFUSED',
  'start a program': 'EPERM',
  'start a thread': 'ERR_WORKER_INIT_FAILED',
  'fork natively': process.arch === 'x64' ? EPERM : ENOSYS,
  'clone natively': EAGAIN,
  'clone3 natively': ENOSYS,
  'clone a namespace of users': EPERM,
  'unshare users': EPERM,
  mount: EPERM,
  'see whether Postern lives': ESRCH,
  'trace Postern': EPERM,
  'read the memory of Postern': EPERM,
  'get a handle of Postern': EPERM,
  'become root': expect.toBeOneOf([EPERM, EINVAL]),
  'leave the group': EPERM,
  'raise a limit': EPERM,
  'share memory': EPERM,
  'get System V memory': EPERM,
  'load a program into the kernel': EPERM,
  'set up io_uring': EPERM,
  'measure the machine': EPERM,
  'add a key': EPERM,
  'call by the numbers of 32 bits': EPERM,
  // Of 256 MiB.
  'fill the memory': expect.closeTo(256 * MIB, -8),
  'see the environment': ['LD_LIBRARY_PATH', 'PWD'],
  'see who it is': expect.toBeOneOf([
    [65_400, 65_400, 1],
    [65_534, 65_534, 1],
  ]),
};

/** One of these ends the process. */
const FATAL = 'look up a name';

const NOBODY = 65_534;
const users = process.getuid?.() === 0 ? [0, NOBODY] : [process.getuid!()];

describe.skipIf(unconfinable !== '')(`code that has taken over a confined process${unconfinable}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'postern-probe-'));
  const secret = join(folder, 'postern.db');
  let server: Server;
  let connections = 0;
  let port: number;

  beforeAll(async () => {
    const here = fileURLToPath(new URL('./', import.meta.url));
    execFileSync('gcc', ['-shared', '-fPIC', '-o', join(folder, 'native.node'), join(here, 'native.c')]);
    // Where this checkout is, another user may not be let in.
    chmodSync(folder, 0o755);
    for (const file of ['probe.cjs', 'run-probe.mjs']) cpSync(join(here, file), join(folder, file));
    cpSync(join(here, '../../dist'), join(folder, 'dist'), { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    writeFileSync(secret, 'the mail of others', { mode: 0o644 });
    server = createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ({ port } = server.address() as AddressInfo);
  });
  afterAll(async () => {
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true });
  });

  const start = (uid: number, names: readonly string[], wrapper: readonly string[] = []) => {
    const task = JSON.stringify({ names, on: { secret, port, pid: process.pid } });
    const node = [process.execPath, join(folder, 'run-probe.mjs'), join(folder, 'dist'), folder, task];
    const [program, ...words] = [...wrapper, ...node];
    const child = spawn(program!, words, {
      ...(uid === process.getuid!() ? {} : { uid, gid: uid }),
      cwd: '/',
      env: { PATH: process.env['PATH'], POSTERN_SECRET: 'a password' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async (): Promise<readonly [string, unknown]> => {
      const { value, done } = await lines.next();
      return done === true ? ['nothing', undefined] : JSON.parse(value);
    };
    return { child, next };
  };

  it.each(users)('gets nowhere, if Postern is user %i', async (uid) => {
    const { next } = start(uid, Object.keys(EXPECTED));
    const came: Record<string, unknown> = {};
    for (let line = await next(); line[0] !== 'nothing'; line = await next()) came[line[0]] = line[1];
    const { pid, end, ...tried } = came;
    expect(tried).toEqual(EXPECTED);
    expect(pid).toBeGreaterThan(1);
    expect(end).toMatch('exit code 0');
    expect(connections).toBe(0);
  });

  it.each(users)('ends where Node itself can not go on, if Postern is user %i', async (uid) => {
    const { next } = start(uid, [FATAL]);
    expect(await next()).toEqual(['pid', expect.any(Number)]);
    expect(await next()).toEqual(['end', expect.stringMatching(/ended with exit code 134/)]);
  });

  it.each(users)('holds no file but its pipes, and ends with Postern, if Postern is user %i', async (uid) => {
    const { child, next } = start(uid, ['burn CPU for ever']);
    const [, pid] = await next();
    const held = readdirSync(`/proc/${String(pid)}/fd`).map((name) =>
      readlinkSync(`/proc/${String(pid)}/fd/${name}`),
    );
    expect(held.length).toBeGreaterThanOrEqual(3);
    expect(held.filter((what) => !/^(socket|pipe|anon_inode):/.test(what))).toEqual([]);
    expect(isAlive(Number(pid))).toBe(true);
    child.kill('SIGKILL');
    await expect.poll(() => isAlive(Number(pid)), { timeout: 10_000 }).toBe(false);
  });

  it.runIf(process.getuid?.() === 0)('is not begun where the system allows no namespaces', async () => {
    const { next } = start(0, ['see who it is'], ['setpriv', '--bounding-set=-all']);
    const why = 'Operation not permitted; docs/security.md says what the system must allow';
    expect(await next()).toEqual(['refused', expect.stringContaining(why)]);
    expect(await next()).toEqual(['nothing', undefined]);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
