// Stands in for the program of a confined process, as if that had been taken over: it behaves until it is called, and then as the
// settings of its service say. The frames are those of `src/sandbox/process-frame.ts`.
const { readSync, writeSync } = require('node:fs');

const buffer = Buffer.alloc(4 * 1024 * 1024);

function listen() {
  let length = 0;
  let due = 8;
  while (length < due) {
    const count = readSync(0, buffer, length, buffer.length - length, null);
    if (count === 0) process.exit(0);
    length += count;
    if (length >= 8) due = 8 + buffer.readUInt32LE(0) + buffer.readUInt32LE(4);
  }
  return JSON.parse(buffer.toString('utf8', 8, 8 + buffer.readUInt32LE(0)));
}

function write(octets) {
  for (let at = 0; at < octets.length;) at += writeSync(1, octets, at);
}

function frame(json, octets = Buffer.alloc(0), claimed = {}) {
  const text = Buffer.from(typeof json === 'string' ? json : JSON.stringify(json));
  const head = Buffer.alloc(8);
  head.writeUInt32LE(claimed.json ?? text.length, 0);
  head.writeUInt32LE(claimed.octets ?? octets.length, 4);
  return Buffer.concat([head, text, octets]);
}
const say = (...words) => write(frame(...words));

const GOOD = { kind: 'said', logs: [], memoryBytes: 0, splices: [], lacking: false };
/** Says a decision and, with it, what is given. */
function answer(more = {}, { decision = {}, octets = Buffer.alloc(0) } = {}) {
  const output = Buffer.from(JSON.stringify(decision));
  say({ ...GOOD, output: output.length, ...more }, Buffer.concat([output, octets]));
}
const lines = (count, text) => Array.from({ length: count }, () => ({ level: 'info', text }));

const LIES = {
  'nothing wrong': () => answer({ logs: lines(1, 'all is\r\nwell\u0000') }),
  garbage: () => write(Buffer.alloc(1000, 0xff)),
  'a frame of 1 GB': () => write(frame({}, undefined, { octets: 2 ** 30 })),
  'JSON of 1 GB': () => write(frame('', undefined, { json: 2 ** 30 })),
  'what is not JSON': () => say('{"kind":"said"'),
  'JSON that is too deep': () => say('['.repeat(500_000)),
  'a number': () => say(7),
  'another kind of thing': () => say({ kind: 'loaded' }),
  'an unknown key': () => answer({ verdict: 'accept' }),
  'two things at a time': () => write(Buffer.concat([frame(GOOD), frame(GOOD)])),
  'an answer, and more later': () => {
    answer();
    setTimeout(() => answer(), 50);
    return new Promise((resolve) => setTimeout(resolve, 200));
  },
  'fewer octets than it says': () => answer({ output: 100 }),
  'more octets than it says': () => answer({}, { octets: Buffer.alloc(100) }),
  'a negative length': () => answer({ output: -1 }),
  'an output over its limit': () => say({ ...GOOD, output: 70_000 }, Buffer.alloc(70_000, 0x20)),
  'a decision for somebody else': () =>
    answer({}, { decision: { recipients: [{ address: 'eve@example.com', verdict: 'discard' }] } }),
  'a reply of two lines': () =>
    answer({}, { decision: { verdict: 'reject', reply: { code: 550, text: 'no\r\n250 yes' } } }),
  'a splice outside the message': () => answer({ splices: [[10_000, 0, 1]] }, { octets: Buffer.from('x') }),
  'a splice over the end': () => answer({ splices: [[0, 10_000, 0]] }),
  'splices over each other': () =>
    answer({
      splices: [
        [0, 5, 0],
        [3, 5, 0],
      ],
    }),
  'a splice that leaves a bare LF': () => answer({ splices: [[0, 0, 3]] }, { octets: Buffer.from('a\nb') }),
  'a splice that parts CR and LF': () => answer({ splices: [[14, 1, 0]] }),
  'too many splices': () => answer({ splices: Array.from({ length: 10_001 }, () => [0, 0, 0]) }),
  'too much put in': () => answer({ splices: [[0, 0, 2000]] }, { octets: Buffer.alloc(2000, 0x78) }),
  'a state over its limit': () => answer({ state: [['k', 70_000]] }, { octets: Buffer.alloc(70_000) }),
  'keys over the limit': () => answer({ state: [['k'.repeat(70_000), 0]] }),
  'a log over its limit': () => answer({ logs: lines(2, 'x'.repeat(10_000)) }),
  'a log of empty lines': () => answer({ logs: lines(5000, '') }),
  'memory without end': () => answer({ memoryBytes: 2 ** 40 }),
  'a read of 1 GB': () => say({ kind: 'read', offset: 0, length: 2 ** 30 }),
  'a read before the message': () => say({ kind: 'read', offset: -1, length: 10 }),
  'a read of half an octet': () => say({ kind: 'read', offset: 0.5, length: 10 }),
  'reads for ever': () => {
    for (;;) {
      say({ kind: 'read', offset: 0, length: 10 });
      listen();
    }
  },
  'a request for what there is not': () => say({ kind: 'ask', capability: 'root' }),
  'a request of 10 MB': () => say({ kind: 'ask', capability: 'kv' }, Buffer.alloc(10_000_000)),
  'requests for ever': () => {
    for (;;) {
      say({ kind: 'ask', capability: 'kv' });
      listen();
    }
  },
  'a flood': () => {
    for (;;) write(buffer);
  },
  silence: () => new Promise((resolve) => setTimeout(resolve, 60_000)),
  'half a frame': () => {
    write(frame(GOOD).subarray(0, 20));
    return new Promise((resolve) => setTimeout(resolve, 60_000));
  },
  'its end': () => process.exit(0),
  'its death': () => process.kill(process.pid, 'SIGKILL'),
};

say({ kind: 'started' });
const { uid } = listen();
if (uid !== undefined) {
  process.setgroups([]);
  process.setgid(uid);
  process.setuid(uid);
}
say({ kind: 'confined' });
const { service } = listen();
say({ kind: 'loaded' });
void (async () => {
  for (;;) {
    listen();
    await LIES[service.settings.lie]();
  }
})();
