/**
 * The system calls that a confined process is refused, as a filter for the kernel (seccomp, classic BPF), which `bwrap` installs before
 * the process begins. What Node needs once it runs is little; but which calls those are changes with every version of it, so this is
 * a list of what is refused: whatever makes sockets, namespaces, mounts and memory that no limit counts, whatever reaches into
 * other processes, and the parts of the kernel in which most of its holes have been found. What the namespaces and limits forbid is
 * forbidden twice.
 */

/** Numbers on x64 and arm64, in this order; -1 where there is no such call. */
const REFUSED: Readonly<Record<string, readonly [x64: number, arm64: number]>> = {
  socket: [41, 198],
  socketpair: [53, 199],
  connect: [42, 203],
  bind: [49, 200],
  listen: [50, 201],
  accept: [43, 202],
  accept4: [288, 242],
  sendmsg: [46, 211],
  recvmsg: [47, 212],
  sendmmsg: [307, 269],
  recvmmsg: [299, 243],
  ptrace: [101, 117],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  kcmp: [312, 272],
  pidfd_send_signal: [424, 424],
  pidfd_open: [434, 434],
  pidfd_getfd: [438, 438],
  process_madvise: [440, 440],
  fork: [57, -1],
  vfork: [58, -1],
  execveat: [322, 281],
  unshare: [272, 97],
  setns: [308, 268],
  mount: [165, 40],
  umount2: [166, 39],
  pivot_root: [155, 41],
  chroot: [161, 51],
  open_tree: [428, 428],
  move_mount: [429, 429],
  fsopen: [430, 430],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  fspick: [433, 433],
  mount_setattr: [442, 442],
  name_to_handle_at: [303, 264],
  open_by_handle_at: [304, 265],
  quotactl: [179, 60],
  acct: [163, 89],
  memfd_create: [319, 279],
  memfd_secret: [447, 447],
  shmget: [29, 194],
  shmctl: [31, 195],
  shmat: [30, 196],
  semget: [64, 190],
  semctl: [66, 191],
  semop: [65, 193],
  semtimedop: [220, 192],
  msgget: [68, 186],
  msgctl: [71, 187],
  msgrcv: [70, 188],
  msgsnd: [69, 189],
  mq_open: [240, 180],
  add_key: [248, 217],
  request_key: [249, 218],
  keyctl: [250, 219],
  bpf: [321, 280],
  perf_event_open: [298, 241],
  userfaultfd: [323, 282],
  io_uring_setup: [425, 425],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
  io_setup: [206, 0],
  io_submit: [209, 2],
  inotify_init1: [294, 26],
  fanotify_init: [300, 262],
  splice: [275, 76],
  vmsplice: [278, 75],
  tee: [276, 77],
  mbind: [237, 235],
  set_mempolicy: [238, 237],
  migrate_pages: [256, 238],
  move_pages: [279, 239],
  personality: [135, 92],
  sched_setscheduler: [144, 119],
  sched_setattr: [314, 274],
  init_module: [175, 105],
  finit_module: [313, 273],
  delete_module: [176, 106],
  kexec_load: [246, 104],
  kexec_file_load: [320, 294],
  modify_ldt: [154, -1],
  iopl: [172, -1],
  ioperm: [173, -1],
  uselib: [134, -1],
};

/** Beside them: `clone` with a new namespace, `clone3`, whose flags a filter can't see, and `mmap` of memory that is shared. */
interface Machine {
  readonly audit: number;
  readonly index: 0 | 1;
  readonly clone: number;
  readonly mmap: number;
}

const CLONE3 = 435;

const MACHINES: Readonly<Record<string, Machine>> = {
  x64: { audit: 0xc000003e, index: 0, clone: 56, mmap: 9 },
  arm64: { audit: 0xc00000b7, index: 1, clone: 220, mmap: 222 },
};

/** Where a filter finds what it judges (`struct seccomp_data`): the low half of an argument on these little-endian machines. */
const NUMBER = 0;
const MACHINE = 4;
const argument = (index: number): number => 16 + 8 * index;

const LOAD = 0x20;
const IF_EQUAL = 0x15;
const IF_AT_LEAST = 0x35;
const IF_ANY_BIT = 0x45;
const RETURN = 0x06;

const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const refuse = (errno: number): number => 0x00050000 + errno;
const EPERM = 1;
const ENOSYS = 38;

const CLONE_NAMESPACES = 0x7e020000;
/** Set in MAP_SHARED and MAP_SHARED_VALIDATE: such memory is outside of what RLIMIT_DATA counts. */
const MAP_SHARED = 1;
/** Calls of another width go by other numbers: on x64 these begin here. */
const X32 = 0x40000000;

/** The filter for this kind of machine (`process.arch`), as `bwrap --seccomp` takes it; undefined if there is none. */
export function seccompFilter(arch: string): Uint8Array | undefined {
  const machine = MACHINES[arch];
  if (machine === undefined) return undefined;
  const numbers = Object.values(REFUSED).flatMap((pair) => {
    const number = pair[machine.index];
    return number === -1 ? [] : [number];
  });
  return encode([
    [LOAD, 0, 0, MACHINE],
    [IF_EQUAL, 1, 0, machine.audit],
    [RETURN, 0, 0, KILL],
    [LOAD, 0, 0, NUMBER],
    ...whereHolds([IF_AT_LEAST, X32], refuse(EPERM)),
    ...numbers.flatMap((number) => whereHolds([IF_EQUAL, number], refuse(EPERM))),
    // The C library then falls back to `clone`.
    ...whereHolds([IF_EQUAL, CLONE3], refuse(ENOSYS)),
    [IF_EQUAL, 0, 3, machine.clone],
    [LOAD, 0, 0, argument(0)],
    ...whereHolds([IF_ANY_BIT, CLONE_NAMESPACES], refuse(EPERM)),
    [LOAD, 0, 0, NUMBER],
    [IF_EQUAL, 0, 3, machine.mmap],
    [LOAD, 0, 0, argument(3)],
    ...whereHolds([IF_ANY_BIT, MAP_SHARED], refuse(EPERM)),
    [RETURN, 0, 0, ALLOW],
  ]);
}

/** Code, how many to skip if it holds and if not, value. */
type Instruction = readonly [code: number, yes: number, no: number, value: number];

/** Ends with this result if the condition holds. */
function whereHolds([code, value]: readonly [number, number], result: number): Instruction[] {
  return [
    [code, 0, 1, value],
    [RETURN, 0, 0, result],
  ];
}

function encode(program: readonly Instruction[]): Uint8Array {
  const octets = new Uint8Array(program.length * 8);
  const view = new DataView(octets.buffer);
  for (const [index, [code, yes, no, value]] of program.entries()) {
    view.setUint16(index * 8, code, true);
    view.setUint8(index * 8 + 2, yes);
    view.setUint8(index * 8 + 3, no);
    view.setUint32(index * 8 + 4, value, true);
  }
  return octets;
}
