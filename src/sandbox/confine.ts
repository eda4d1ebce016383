import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import { withDeadline } from '../base/deadline.ts';
import { describeError, OperationalError } from '../base/errors.ts';
import { NODE, nodeArguments } from './confine-libraries.ts';
import { seccompFilter } from './confine-seccomp.ts';
import { cleanText } from './logbook.ts';

/**
 * Starts Node programs that can reach nothing (`docs/security.md`): by `bwrap` (Debian's `bubblewrap`), in namespaces of their own for
 * files, processes, network, IPC, host name and, unless Postern is root, users. They see the files of Node and those of the
 * program, read-only, and nothing else; no environment, no `/proc`, no `/dev`; no capability, and none to be had; and the kernel
 * refuses them the calls of `confine-seccomp.ts`.
 *
 * The limits come once the program has started, when what it needs for itself is known (`confine`): from then on it can't open a
 * file, start a process or a thread, write a file, or take more memory than it is given. So the program first starts up,
 * says so, is confined, and only then takes in what is not trusted.
 *
 * Where any of this can't be had the start fails and says why: nothing ever runs without.
 */
export interface Confined {
  readonly input: Writable;
  readonly output: Readable;
  /** Of the program; 0 until its limits are set. */
  readonly pid: number;
  /** Settles when it has ended, with the cause. */
  readonly ended: Promise<string>;
  /** Sets the limits of memory: so many octets more than it has now. Resolves when they hold. */
  limit(more: { readonly octets: number; readonly addressSpace: number }): Promise<void>;
  /** Milliseconds of CPU that it has used. */
  cpuMs(): number;
  /** Throws unless the kernel says that the process can gain no right and belongs to nobody. */
  verify(): void;
  /** Ends it; resolves when it is gone. */
  end(): Promise<void>;
}

export interface ConfinedProgram {
  /** What to run: a path below `/app`. */
  readonly main: string;
  /** Files and folders, by where the program finds them. */
  readonly files: Readonly<Record<string, string>>;
  /** Flags for Node. */
  readonly flags: readonly string[];
}

const START_MS = 10_000;
const END_MS = 5000;
/** Octets of what it writes to standard error that are kept, for the cause of its end. */
const STDERR_LIMIT = 2000;

/** Throws an OperationalError `confine` that names what is missing. */
export async function startConfined(program: ConfinedProgram): Promise<Confined> {
  const filter = seccompFilter(process.arch);
  if (process.platform !== 'linux' || filter === undefined) {
    throw unable(`it needs Linux on x64 or arm64, this is ${process.platform} on ${process.arch}`);
  }
  const tools = { bwrap: toolPath('bwrap', 'bubblewrap'), prlimit: toolPath('prlimit', 'util-linux') };
  const child = spawn(tools.bwrap, bwrapArguments(program), {
    stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
    env: {},
    cwd: '/',
  });
  const confined = new ConfinedProcess(child, tools.prlimit);
  await confined.start(filter);
  return confined;
}

const INFO = 3;
const FILTER = 4;

function bwrapArguments({ main, files, flags }: ConfinedProgram): string[] {
  // Root could not become another user in a namespace of users: it does that itself, before it takes anything in.
  const user = isRoot()
    ? ['--cap-add', 'CAP_SETUID', '--cap-add', 'CAP_SETGID']
    : ['--unshare-user', '--disable-userns', '--uid', NOBODY, '--gid', NOBODY];
  return [
    ...NAMESPACES,
    ...user,
    ...nodeArguments(),
    ...Object.entries(files).flatMap(([inside, outside]) => ['--ro-bind', outside, inside]),
    ...READ_ONLY,
    NODE,
    ...flags,
    main,
  ];
}

const NAMESPACES = (
  '--die-with-parent --new-session --cap-drop ALL --hostname confined ' +
  '--unshare-ipc --unshare-pid --unshare-net --unshare-uts --unshare-cgroup-try'
).split(' ');

const READ_ONLY = `--chdir / --remount-ro / --info-fd ${INFO} --seccomp ${FILTER} --`.split(' ');

const NOBODY = '65534';

export const isRoot = (): boolean => process.getuid?.() === 0;

class ConfinedProcess implements Confined {
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  readonly #prlimit: string;
  /** Of the first process inside, which `bwrap` keeps there, and of the program itself. */
  #keeper = 0;
  #pid = 0;
  #said = '';

  constructor(child: ChildProcess, prlimit: string) {
    this.#child = child;
    this.#prlimit = prlimit;
    this.ended = new Promise((resolve) => {
      child.once('error', (thrown) => resolve(describeError(thrown)));
      // Only when nobody holds the pipes any more: what runs inside outlives `bwrap` by a moment.
      child.once('close', (code, signal) => resolve(this.#causeOfEnd(code, signal)));
    });
    // What is wrong with the pipes shows in its end.
    for (const stream of child.stdio) stream?.on('error', () => {});
    child.stderr?.on('data', (octets: Buffer) => {
      this.#said += octets.toString('latin1', 0, STDERR_LIMIT);
      // Whatever it goes on to write there it had better not be read, nor paid for.
      if (this.#said.length > STDERR_LIMIT) child.stderr?.destroy();
    });
  }

  get pid(): number {
    return this.#pid;
  }

  get input(): Writable {
    return this.#child.stdin!;
  }

  get output(): Readable {
    return this.#child.stdout!;
  }

  async start(filter: Uint8Array): Promise<void> {
    const [, , , info, seccomp] = this.#child.stdio;
    if (!(info instanceof Readable) || !(seccomp instanceof Writable)) throw new Error('There are no pipes');
    seccomp.end(filter);
    try {
      const text = await withDeadline(readAll(info), { ms: START_MS, what: 'the start of bwrap' });
      const keeper = /"child-pid": (\d+)/.exec(text)?.[1];
      if (keeper === undefined) throw unable(`${await this.ended}; ${WHAT_TO_ALLOW}`);
      this.#keeper = Number(keeper);
    } catch (thrown) {
      await this.end();
      throw thrown;
    }
  }

  async limit({ octets, addressSpace }: { octets: number; addressSpace: number }): Promise<void> {
    const [pid = ''] = readFileSync(`/proc/${this.#keeper}/task/${this.#keeper}/children`, 'latin1').split(
      ' ',
    );
    this.#pid = Number(pid);
    const status = this.#status();
    const sizes = {
      data: kibibytes(status, 'VmData') + octets,
      space: kibibytes(status, 'VmSize') + addressSpace,
    };
    const limits = [`--data=${sizes.data}`, `--as=${sizes.space}`, ...NOTHING_MORE];
    await run(this.#prlimit, ['--pid', pid, ...limits], { timeout: START_MS }).catch((thrown: unknown) => {
      throw unable(`its limits could not be set: ${describeError(thrown)}`);
    });
  }

  cpuMs(): number {
    // The name, in brackets, may have anything in it; times are the 14th and 15th field, in hundredths of a second.
    const [, fields = ''] = /\) (.*)$/s.exec(readFileSync(`/proc/${this.#pid}/stat`, 'latin1')) ?? [];
    const times = fields.split(' ').slice(11, 13).map(Number);
    return times.reduce((sum, ticks) => sum + ticks * 10, 0);
  }

  verify(): void {
    const status = this.#status();
    const field = (name: string): string => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
    const faults = [
      ...['CapEff', 'CapPrm', 'CapAmb'].filter((name) => !/^0+$/.test(field(name))),
      ...(field('NoNewPrivs') === '1' ? [] : ['NoNewPrivs']),
      ...(field('Seccomp') === '2' ? [] : ['Seccomp']),
      ...(isRoot() && /\b0\b/.test(`${field('Uid')} ${field('Gid')} ${field('Groups')}`) ? ['Uid'] : []),
    ];
    if (faults.length > 0) throw unable(`the kernel says that it is not confined (${faults.join(', ')})`);
  }

  async end(): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    // With the first process inside all of them end, also those of a start that is not through: until then `bwrap` outside could
    // be killed and what is inside not notice.
    if (this.#keeper === 0) this.#child.kill('SIGKILL');
    else if (exitCode === null && signalCode === null) kill(this.#keeper);
    await withDeadline(this.ended, { ms: END_MS, what: 'the end of a confined process' });
  }

  #status(): string {
    return readFileSync(`/proc/${this.#pid}/status`, 'latin1');
  }

  #causeOfEnd(code: number | null, signal: NodeJS.Signals | null): string {
    const said = cleanText(Buffer.from(this.#said, 'latin1')).trim();
    if (said.includes('out of memory')) return 'its confined process ran out of memory';
    const how = signal ?? `exit code ${code}`;
    return `its confined process ended with ${how}${said === '' ? '' : `: ${said.slice(0, 300)}`}`;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself, which nobody has told yet.
  }
}

/** What it has when they are set it keeps. */
const NOTHING_MORE = ['nofile', 'nproc', 'fsize', 'core', 'memlock', 'msgqueue', 'rtprio', 'nice'].map(
  (name) => `--${name}=0:0`,
);

const run = promisify(execFile);

const kibibytes = (status: string, name: string): number =>
  1024 * Number(new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm').exec(status)![1]);

async function readAll(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString('latin1');
}

function toolPath(name: string, debianPackage: string): string {
  for (const folder of (process.env['PATH'] ?? '/usr/bin:/bin').split(delimiter)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // It may be in the next.
    }
  }
  throw unable(`there is no program "${name}"; install Debian's package "${debianPackage}"`);
}

const WHAT_TO_ALLOW = 'docs/security.md says what the system must allow';

function unable(why: string): OperationalError {
  return new OperationalError('confine', `Cannot confine a process: ${why}`);
}
