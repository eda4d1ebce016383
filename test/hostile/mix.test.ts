import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Limits } from '../../src/ocp/service.ts';
import { compileWat, vectorText } from '../abi/wat.ts';
import { CountingSink } from '../support/counting-sink.ts';
import { startPostern, temporaryDirectory, waitFor, type Postern } from '../support/postern.ts';
import { Dialog } from '../support/smtp-dialog.ts';

/**
 * Every hostile plugin behind the real program at once, each asked about the mail of one recipient, beside mail that none of them is
 * asked about: no good message fails, none waits longer than it may, and afterwards the program has what it had before.
 *
 * It goes on for 20 s, or for POSTERN_MIX_SECONDS; then it also prints what it saw.
 */
const SECONDS = Number(process.env['POSTERN_MIX_SECONDS'] ?? 20);
const GOOD_SESSIONS = 4;
const HOSTILE_SESSIONS = 4;

const WARM_UP_SECONDS = 8;
/** Longer than a thread that is not needed is kept. */
const REST_SECONDS = 7;

/** Of a hostile service, where its vector needs no other. */
const HOSTILE_DEADLINE_MS = 200;
/** Of each of the two services that good mail is for: long, so that a crowded machine fails none. */
const GOOD_DEADLINE_MS = 2000;
/** What a good message may take: its own services' deadlines, and one of a service that is none of its own. */
const BOUND_MS = 2 * GOOD_DEADLINE_MS + HOSTILE_DEADLINE_MS;

/** Of resident memory, for what V8 and the allocator keep for the next time. */
const TOLERANCE_MIB = 96;

interface Hostile {
  readonly wat: string;
  readonly limits?: Partial<Limits>;
}

const folder = new URL('./', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, folder), 'utf8');
const vectors: Record<string, { limits?: Partial<Limits>; allowModify?: boolean }> = parse(
  read('expected.yaml'),
);

/** Does this with every second message, so that no breaker ever opens for long. */
const everySecond = (does: string): string => `
  (func (export "on_message") (result i32)
    (if (i32.and (call $message_size) (i32.const 1)) (then ${does}))
    (call $done))`;
const RELENTLESS: Record<string, Hostile> = {
  'spins-again': { wat: everySecond('(loop $forever (br $forever))') },
  'traps-again': { wat: everySecond('(unreachable)') },
  // Neither of these fails: they take all that they may, each time.
  'fills-memory': {
    wat: everySecond(
      '(drop (memory.grow (i32.const 1000))) (memory.fill (i32.const 1024) (i32.const 1) (i32.const 65000000))',
    ),
    limits: { deadlineMs: 5000 },
  },
  'fills-blocks': {
    wat: everySecond('(drop (call $alloc (i64.const 8000000)))'),
  },
  'spins-at-rcpt': {
    wat: '(func (export "on_rcpt") (result i32) (loop $forever (br $forever)) (unreachable))',
  },
  'spins-at-report': {
    wat: '(func (export "on_report") (result i32) (loop $forever (br $forever)) (unreachable))',
  },
};
const hostile: Record<string, Hostile> = {
  ...Object.fromEntries(
    Object.entries(vectors).map(([name, { limits }]) => [
      name,
      { wat: read(`${name}.wat`), ...(limits && { limits }) },
    ]),
  ),
  ...RELENTLESS,
};
const names = Object.keys(hostile);

/** As a config may have them. */
function configurable({ hostCalls, outputBytes, ...others }: Partial<Limits> = {}): Partial<Limits> {
  return {
    ...others,
    ...(hostCalls !== undefined && { hostCalls: Math.min(hostCalls, 100_000_000) }),
    ...(outputBytes !== undefined && { outputBytes: Math.max(outputBytes, 1024) }),
  };
}

const scratch = temporaryDirectory();
const sink = new CountingSink();
let gate: Postern;

beforeAll(async () => {
  await sink.start();
  const plugin = (name: string, wat: string): string => {
    const file = join(scratch.path, `${name}.wasm`);
    writeFileSync(file, compileWat(`${name}.wat`, vectorText(wat)));
    return file;
  };
  const good = plugin('good', read('good.wat'));
  const services: Record<string, object> = {};
  for (const side of ['first', 'last'])
    services[side] = { plugin: good, limits: { deadlineMs: GOOD_DEADLINE_MS } };
  for (const [at, name] of names.entries()) {
    const { wat, limits } = hostile[name]!;
    services[name] = {
      plugin: plugin(name, wat),
      allowModify: vectors[name]?.allowModify ?? true,
      limits: { deadlineMs: HOSTILE_DEADLINE_MS, ...configurable(limits) },
      onFailure: at % 2 === 0 ? 'accept' : 'tempfail',
    };
  }
  const rule = (name: string): object => ({ service: name, when: { recipient: [`${name}@example.com`] } });
  gate = await startPostern(
    {
      listeners: {
        in: {
          protocol: 'smtp',
          port: 0,
          domains: ['example.com'],
          downstream: 'sink',
          mode: 'through',
          group: 'all',
        },
      },
      downstreams: { sink: { protocol: 'smtp', host: '127.0.0.1', port: sink.port, tls: 'none' } },
      services,
      groups: { all: ['first', ...names.map(rule), 'last'] },
      sandbox: { workers: 2 },
      log: { level: 'warn' },
    },
    { directory: join(scratch.path, 'gate') },
  );
});

afterAll(async () => {
  await gate?.stop();
  await sink.stop();
  scratch.remove();
});

let lastId = 0;
interface Sent {
  readonly id: string;
  readonly reply: string;
  readonly ms: number;
}

/** Sends mail to this recipient over a connection that is kept; the reply that ended it, and how long the gate took over the message. */
async function send(dialog: Dialog, recipient: string): Promise<Sent> {
  const id = `${++lastId}`;
  await dialog.say(`MAIL FROM:<client@example.net>`);
  const accepted = await dialog.say(`RCPT TO:<${recipient}@example.com>`);
  if (!accepted.startsWith('250 ')) {
    await dialog.say('RSET');
    return { id, reply: accepted, ms: 0 };
  }
  await dialog.say('DATA');
  const since = performance.now();
  const reply = await dialog.say(`X-Id: ${id}\r\n\r\n${'x'.repeat(1 + (lastId % 7))}\r\n.`);
  return { id, reply, ms: performance.now() - since };
}

/** One client that sends mail to these recipients in turn until it is told to stop, with rests in between. */
async function client(
  recipients: readonly string[],
  options: { until: () => boolean; restMs: number; from?: number },
): Promise<Sent[]> {
  const dialog = await Dialog.open(gate.ports['in']!);
  await dialog.say('EHLO client.example.net');
  const sent: Sent[] = [];
  for (let at = options.from ?? 0; !options.until(); at++) {
    sent.push(await send(dialog, recipients[at % recipients.length]!));
    await sleep(options.restMs);
  }
  await dialog.say('QUIT');
  return sent;
}

/** What the process has now. */
interface Holdings {
  readonly residentMiB: number;
  readonly threads: number;
  readonly descriptors: number;
}

function holdings(): Holdings {
  const status = readFileSync(`/proc/${gate.pid}/status`, 'utf8');
  return {
    residentMiB: Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) / 1024,
    threads: readdirSync(`/proc/${gate.pid}/task`).length,
    descriptors: readdirSync(`/proc/${gate.pid}/fd`).length,
  };
}

const times = (count: number): (() => boolean) => {
  let left = count;
  return () => left-- <= 0;
};

/** Hostile mail beside good mail. */
async function mix(seconds: number): Promise<{ mails: Sent[]; theirs: Sent[] }> {
  const endMs = performance.now() + seconds * 1000;
  const until = (): boolean => performance.now() >= endMs;
  const good = Array.from({ length: GOOD_SESSIONS }, () => client(['good'], { until, restMs: 20 }));
  const relentless = client(Object.keys(RELENTLESS), { until, restMs: 0 });
  const others = Array.from({ length: HOSTILE_SESSIONS - 1 }, (_, at) =>
    client(names, { until, restMs: 0, from: at * Math.floor(names.length / (HOSTILE_SESSIONS - 1)) }),
  );
  const [mails, theirs] = await Promise.all([Promise.all(good), Promise.all([relentless, ...others])]);
  return { mails: mails.flat(), theirs: theirs.flat() };
}

/** Only good mail, until what is not needed any more has gone: V8 collects nothing where nothing happens. */
async function rest(): Promise<void> {
  for (let second = 0; second < REST_SECONDS; second++) {
    await Promise.all(
      Array.from({ length: GOOD_SESSIONS }, () => client(['good'], { until: times(50), restMs: 0 })),
    );
    await sleep(1000);
  }
}

describe(`for ${SECONDS} s, ${names.length} hostile plugins`, () => {
  it(
    'hold up no good mail longer than they may, and leave nothing behind',
    { timeout: (SECONDS + 240) * 1000 },
    async () => {
      // Once for a short while, so that all is there that there will be.
      await mix(WARM_UP_SECONDS);
      await rest();
      const before = holdings();

      let peakMiB = 0;
      const watching = setInterval(() => (peakMiB = Math.max(peakMiB, holdings().residentMiB)), 500);
      const { mails, theirs } = await mix(SECONDS).finally(() => clearInterval(watching));

      expect(mails.length).toBeGreaterThan(SECONDS);
      expect(mails.filter(({ reply }) => !reply.startsWith('250 '))).toEqual([]);
      expect(mails.filter(({ id }) => sink.arrived.get(id) !== 1)).toEqual([]);
      expect(Math.max(...mails.map(({ ms }) => ms))).toBeLessThan(BOUND_MS);

      // All of them were at it: what they say is 250 or 451, and many a thread was ended.
      expect(theirs.filter(({ reply }) => !/^(250|451) /.test(reply))).toEqual([]);
      expect(theirs.filter(({ reply }) => reply.startsWith('451 ')).length).toBeGreaterThan(10);
      const late = gate.log.filter(({ msg }) => msg.startsWith('service passed its deadline'));
      expect(late.length).toBeGreaterThan(5);

      const after = await waitFor(async () => {
        await rest();
        const { residentMiB, threads, descriptors } = holdings();
        const isBack =
          residentMiB <= before.residentMiB + TOLERANCE_MIB &&
          threads <= before.threads &&
          descriptors <= before.descriptors;
        return isBack ? holdings() : undefined;
      }).catch(() => holdings());
      if (process.env['POSTERN_MIX_SECONDS'] !== undefined)
        print({ mails, theirs, before, peakMiB, after, late: late.length });
      expect(after.residentMiB).toBeLessThanOrEqual(before.residentMiB + TOLERANCE_MIB);
      expect(after.threads).toBeLessThanOrEqual(before.threads);
      expect(after.descriptors).toBeLessThanOrEqual(before.descriptors);

      expect(gate.log.filter(({ level }) => Number(level) >= 60)).toEqual([]);
      expect(await gate.stop()).toBe(0);
    },
  );
});

function print(seen: {
  mails: readonly Sent[];
  theirs: readonly Sent[];
  before: Holdings;
  peakMiB: number;
  after: Holdings;
  late: number;
}): void {
  const { mails, theirs, before, peakMiB, after, late } = seen;
  const ms = mails.map((sent) => sent.ms).sort((first, second) => first - second);
  const at = (share: number): string =>
    ms[Math.min(ms.length - 1, Math.floor(ms.length * share))]!.toFixed(1);
  const held = ({ residentMiB, threads, descriptors }: Holdings): string =>
    `${Math.round(residentMiB)} MiB, ${threads} threads, ${descriptors} descriptors`;
  console.log(`${mails.length} good messages in ${SECONDS} s, ms: p50 ${at(0.5)}, p99 ${at(0.99)}, p99.9 ${at(0.999)}, most ${at(1)} of ${BOUND_MS}
${theirs.length} hostile ones, ${theirs.filter(({ reply }) => reply.startsWith('451 ')).length} of them deferred; ${late} threads ended
before: ${held(before)}; at most ${Math.round(peakMiB)} MiB; after: ${held(after)}`);
}
