// Runs in a confined process and tries what code that has taken it over would: by Node's modules, and by bare system calls
// (`native.c`). Told by its standard input: the user to become, then the names of what to try and what to try it on.
const fs = require('node:fs');
const net = require('node:net');
const dns = require('node:dns');
const { spawn } = require('node:child_process');
const { Worker } = require('node:worker_threads');
const { call, fill } = require('/app/native.node');

const buffer = Buffer.alloc(65536);
const listen = () => JSON.parse(buffer.toString('utf8', 0, fs.readSync(0, buffer)));
const say = (value) => fs.writeSync(1, `${JSON.stringify(value)}\n`);
const text = (value) => Buffer.from(`${value}\0`);

say('started');
const { uid } = listen();
if (uid !== undefined) {
  process.setgroups([]);
  process.setgid(uid);
  process.setuid(uid);
}
say('confined');
const { names, on } = listen();

// Numbers of x64, then arm64.
const number = (x64, arm64) => (process.arch === 'x64' ? x64 : arm64);
const event = (emitter, good) =>
  new Promise((resolve) => {
    emitter.once(good, () => resolve('it worked'));
    emitter.once('error', (thrown) => resolve(thrown.code));
  });

const O_CREAT_RDWR = 0x42;
const AT_FDCWD = -100;
const openat = (path, flags = 0) => call(number(257, 56), AT_FDCWD, text(path), flags, 0o600);

const attempts = {
  'read /etc/passwd': () => fs.readFileSync('/etc/passwd', 'utf8'),
  'read the state': () => fs.readFileSync(on.secret, 'utf8'),
  'open the state natively': () => openat(on.secret),
  'open /etc/passwd natively': () => openat('/etc/passwd'),
  'open the root natively': () => openat('/'),
  'open /proc natively': () => openat('/proc/self/environ'),
  'find /etc/passwd': () => fs.statSync('/etc/passwd').size,
  'find the state': () => fs.statSync(on.secret).size,
  'find /proc': () => fs.statSync('/proc').size,
  'find /dev/null': () => fs.statSync('/dev/null').size,
  'find a shell': () => fs.statSync('/bin/sh').size,
  'list the root': () => fs.readdirSync('/'),
  'write beside the program': () => fs.writeFileSync('/app/x', 'x'),
  'write into the root natively': () => openat('/x', O_CREAT_RDWR),
  'write into /tmp natively': () => openat('/tmp/x', O_CREAT_RDWR),
  'make a directory natively': () => call(number(258, 34), AT_FDCWD, text('/x'), 0o700),
  'make a file in memory': () => call(number(319, 279), text('x'), 0),
  'connect to loopback': () => event(net.connect(on.port, '127.0.0.1'), 'connect'),
  'open an internet socket natively': () => call(number(41, 198), 2, 1, 0),
  'open a local socket natively': () => call(number(41, 198), 1, 1, 0),
  'open a netlink socket natively': () => call(number(41, 198), 16, 3, 0),
  'resolve a name': () =>
    new Promise((resolve) => dns.resolve('localhost.', (thrown) => resolve(thrown?.code ?? 'it worked'))),
  'look up a name': () =>
    new Promise((resolve) => dns.lookup('example.com', (thrown) => resolve(thrown?.code ?? 'it worked'))),
  'start a program': () => event(spawn('/app/node', ['--version']), 'spawn'),
  'start a thread': () => event(new Worker('1', { eval: true }), 'online'),
  'fork natively': () => call(number(57, -1)),
  'clone natively': () => call(number(56, 220), 17, 0, 0, 0, 0),
  'clone3 natively': () => call(435, Buffer.alloc(88), 88),
  'clone a namespace of users': () => call(number(56, 220), 0x10000011, 0, 0, 0, 0),
  'unshare users': () => call(number(272, 97), 0x10000000),
  mount: () => call(number(165, 40), text('none'), text('/'), text('tmpfs'), 0, 0),
  'see whether Postern lives': () => call(number(62, 129), on.pid, 0),
  'trace Postern': () => call(number(101, 117), 16, on.pid, 0, 0),
  'read the memory of Postern': () =>
    call(number(310, 270), on.pid, Buffer.alloc(16), 1, Buffer.alloc(16), 1, 0),
  'get a handle of Postern': () => call(434, on.pid, 0),
  'become root': () => call(number(105, 146), 0),
  'leave the group': () => call(number(116, 159), 0, 0),
  'raise a limit': () => call(number(302, 261), 0, 7, Buffer.from(new BigUint64Array([99n, 99n]).buffer), 0),
  'share memory': () => call(number(9, 222), 0, 4096, 3, 0x21, -1, 0),
  'get System V memory': () => call(number(29, 194), 0, 4096, 0o1600),
  'load a program into the kernel': () => call(number(321, 280), 0, Buffer.alloc(72), 72),
  'set up io_uring': () => call(425, 8, Buffer.alloc(120)),
  'measure the machine': () => call(number(298, 241), Buffer.alloc(120), 0, -1, -1, 0),
  'add a key': () => call(number(248, 217), text('user'), text('x'), Buffer.from('x'), 1, -2),
  'call by the numbers of 32 bits': () => (process.arch === 'x64' ? call(0x40000000 + 39) : -1),
  'fill the memory': () => fill(),
  'see the environment': () => Object.keys(process.env),
  'see who it is': () => [process.getuid(), process.getgid(), process.getgroups().length],
  'burn CPU for ever': () => {
    for (;;);
  },
  wait: () => new Promise(() => setInterval(() => {}, 1000)),
};

void (async () => {
  for (const name of names) {
    let came;
    try {
      came = await attempts[name]();
    } catch (thrown) {
      came = thrown.code ?? String(thrown);
    }
    say([name, came]);
  }
  process.exit(0);
})();
