import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FailureKind, FailurePolicy } from '../src/ocp/service.ts';
import { compileWat, vectorText } from './abi/wat.ts';
import { listed } from './support/cli.ts';
import { startPostern, temporaryDirectory, waitFor, type LogLine, type Postern } from './support/postern.ts';
import { Dialog } from './support/smtp-dialog.ts';

/**
 * Hostile plugins behind the real program: what they do costs the mail that they were asked about, by the operator's
 * policy, and nothing else. The vectors themselves are held to their causes in `hostile/`.
 */
interface Misdeed {
  readonly failure: FailureKind;
  /** In the log line. */
  readonly cause: string;
  readonly limits?: object;
  /** Instead of the vector in `hostile/` of that name. */
  readonly wat?: string;
}

const MISDEEDS: Record<string, Misdeed> = {
  trap: { failure: 'trap', cause: 'unreachable' },
  spin: { failure: 'deadline', cause: 'it took longer than 400 ms', limits: { deadlineMs: 400 } },
  allocate: {
    failure: 'trap',
    cause: 'unreachable',
    limits: { memoryMiB: 8 },
    // Takes what it gets, fills it, and asks again until it is refused.
    wat: `
      (func (export "on_message") (result i32) (local $old i32)
        (loop $more
          (local.set $old (memory.grow (i32.const 16)))
          (if (i32.eq (local.get $old) (i32.const -1)) (then (unreachable)))
          (memory.fill (i32.mul (local.get $old) (i32.const 65536)) (i32.const 1) (i32.const 1048576))
          (br $more))
        (i32.const 0))`,
  },
  'output-bytes': { failure: 'trap', cause: 'what it returned is not UTF-8' },
  'output-number': { failure: 'trap', cause: 'what it returned is not a decision' },
  'host-call-storm': { failure: 'trap', cause: 'host calls', limits: { hostCalls: 10_000 } },
  recursion: { failure: 'trap', cause: 'its stack overflowed' },
};
/** Logs 1 MB a call and then traps, or has nothing to say. */
const FLOOD = (end: string): string => `
  (func (export "on_message") (result i32) (local $i i32) (local $line i64)
    (memory.fill (i32.const 1024) (i32.const 120) (i32.const 100))
    (local.set $line (call $block (i32.const 1024) (i32.const 100)))
    (loop $more
      (call $log_warn (local.get $line))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $more (i32.lt_u (local.get $i) (i32.const 10000))))
    ${end})`;

const POLICIES: readonly FailurePolicy[] = ['tempfail', 'accept', 'reject', 'quarantine'];
const CODES: Record<FailurePolicy, RegExp> = {
  tempfail: /^451 4\.7\.1 /,
  accept: /^250 /,
  reject: /^554 5\.7\.1 /,
  quarantine: /^250 /,
};

const scratch = temporaryDirectory();
let gate: Postern;
let threadsAtFirst: number;
const misbehaving = Object.keys(MISDEEDS);

function pluginFile(name: string, text: string): string {
  const file = join(scratch.path, `${name}.wasm`);
  writeFileSync(file, compileWat(`${name}.wat`, vectorText(text)));
  return file;
}

const vector = (name: string): string =>
  readFileSync(join(import.meta.dirname, 'hostile', `${name}.wat`), 'utf8');

/** One listener for each service, named after it. */
function config(services: Record<string, object>): object {
  const names = Object.keys(services);
  const listener = (group?: string): object => ({
    protocol: 'smtp',
    port: 0,
    domains: ['example.com'],
    downstream: 'local',
    mode: 'through',
    ...(group !== undefined && { group }),
  });
  return {
    listeners: {
      plain: listener('good'),
      ...Object.fromEntries(names.map((name) => [name, listener(name)])),
    },
    downstreams: { local: { protocol: 'maildir', path: './mail' } },
    services: { ...services, good: { plugin: pluginFile('good', vector('good')) } },
    groups: { good: ['good'], ...Object.fromEntries(names.map((name) => [name, [name]])) },
    sandbox: { workers: 3 },
  };
}

beforeAll(async () => {
  mkdirSync(join(scratch.path, 'gate'));
  const services: Record<string, object> = {};
  for (const name of misbehaving) {
    const { wat, limits = {} } = MISDEEDS[name]!;
    const plugin = pluginFile(name, wat ?? vector(name));
    for (const onFailure of POLICIES) services[`${name}-${onFailure}`] = { plugin, limits, onFailure };
    services[`${name}-monitored`] = { plugin, limits, mode: 'monitor', onFailure: 'reject' };
  }
  const quiet = pluginFile('flood', FLOOD('(call $done)'));
  services['flood'] = { plugin: quiet, limits: { logBytes: 2000 } };
  const trapping = pluginFile('flood-trap', FLOOD('(unreachable)'));
  services['flood-trap'] = { plugin: trapping, limits: { logBytes: 2000 }, onFailure: 'accept' };
  services['patient'] = { plugin: pluginFile('patient', vector('spin')), limits: { deadlineMs: 6000 } };
  services['hog'] = { plugin: pluginFile('hog', vector('spin')), limits: { deadlineMs: 6000 } };
  gate = await startPostern(config(services), { directory: join(scratch.path, 'gate') });
  // Once a message has gone through, every thread that there should be is there.
  await send('plain', 'first');
  threadsAtFirst = threads();
});

afterAll(async () => {
  await gate?.stop();
  scratch.remove();
});

/** Sends one message to a recipient of its own; the reply to the data. */
async function send(listener: string, recipient: string): Promise<string> {
  const dialog = await Dialog.open(gate.ports[listener]!);
  await dialog.say('EHLO client.example.net');
  await dialog.say(`MAIL FROM:<${recipient}@example.net>`);
  expect(await dialog.say(`RCPT TO:<${recipient}@example.com>`)).toMatch(/^250 /);
  expect(await dialog.say('DATA')).toMatch(/^354 /);
  const said = await dialog.say('Subject: x\r\n\r\nhello\r\n.');
  expect(await dialog.say('QUIT')).toMatch(/^221 /);
  return said;
}

const delivered = (recipient: string): number => {
  try {
    return readdirSync(join(gate.directory, `mail/${recipient}@example.com/new`)).length;
  } catch {
    return 0;
  }
};
const threads = (): number => readdirSync(`/proc/${gate.pid}/task`).length;
const transactionOf = (recipient: string): Promise<LogLine> =>
  gate.waitForLog(
    ({ msg, recipients }) => msg === 'transaction' && String(recipients) === `${recipient}@example.com`,
  );

describe.each(misbehaving)('%s', (name) => {
  const { failure, cause } = MISDEEDS[name]!;

  it.each(POLICIES)('with the policy %s', async (policy) => {
    const service = `${name}-${policy}`;
    expect(await send(service, service)).toMatch(CODES[policy]);
    expect(delivered(service)).toBe(policy === 'accept' ? 1 : 0);
    const held = await listed(gate.directory, 'quarantine');
    const own = held.filter(({ sender }) => sender.address === `${service}@example.net`);
    expect(own).toHaveLength(policy === 'quarantine' ? 1 : 0);

    const line = await transactionOf(service);
    const [record] = line['services'] as { service: string; stage: string; said: string }[];
    expect(record).toMatchObject({ service, stage: 'message' });
    expect(record!.said).toMatch(new RegExp(`^failed: ${failure} \\(.*${cause}`));
  });

  it('in monitor, where it is only logged', async () => {
    const service = `${name}-monitored`;
    expect(await send(service, service)).toMatch(/^250 /);
    expect(delivered(service)).toBe(1);
    const line = await transactionOf(service);
    expect(JSON.stringify(line['services'])).toContain(`failed: ${failure}`);
  });
});

describe('beside others', () => {
  it('a message is delivered while another waits for the deadline of a plugin that spins', async () => {
    const order: string[] = [];
    const waiting = send('patient', 'patient').then((said) => {
      order.push('patient');
      return said;
    });
    for (const recipient of ['one', 'two', 'three']) {
      expect(await send('plain', recipient)).toMatch(/^250 /);
      order.push(recipient);
    }
    expect(await waiting).toMatch(CODES.tempfail);
    expect(order).toEqual(['one', 'two', 'three', 'patient']);
  });

  it('ten sessions that keep a plugin spinning hold up no other mail, and then only until its breaker opens', async () => {
    let isFirstOver = false;
    const hogging = Array.from({ length: 10 }, (_, at) =>
      send('hog', `hog-${at}`).finally(() => (isFirstOver = true)),
    );
    for (let round = 0; round < 2; round++) {
      const said = await Promise.all([1, 2, 3].map((at) => send('plain', `beside-${round}-${at}`)));
      expect(said).toEqual(said.map(() => expect.stringMatching(/^250 /)));
    }
    expect(isFirstOver).toBe(false);
    for (const said of await Promise.all(hogging)) expect(said).toMatch(/^451 /);
    const opened = gate.log.filter(({ msg }) => msg.startsWith('the breaker of a service has opened'));
    expect(opened.filter(({ service }) => service === 'hog')).toHaveLength(1);
    const spun = await Promise.all(hogging.map((_, at) => transactionOf(`hog-${at}`)));
    const unasked = spun.filter((line) => JSON.stringify(line['services']).includes('the breaker is open'));
    expect(unasked.length).toBeGreaterThan(0);
  });

  it('all at once, several times over, hold up no good one and leave no thread behind', async () => {
    const storms = [1, 2, 3].flatMap((round) =>
      misbehaving.map((name) => send(`${name}-accept`, `storm-${round}-${name}`)),
    );
    const good = Promise.all(Array.from({ length: 20 }, (_, at) => send('plain', `good-${at}`)));
    expect((await good).every((said) => said.startsWith('250 '))).toBe(true);
    expect((await Promise.all(storms)).every((said) => said.startsWith('250 '))).toBe(true);
    // One that was ended is replaced, so there may be one more for a moment.
    await waitFor(() => (threads() <= threadsAtFirst ? true : undefined));
    expect(gate.log.filter(({ msg }) => /worker thread.*(ended|could not)/.test(msg)).length).toBeGreaterThan(
      0,
    );
    expect(await send('plain', 'afterwards')).toMatch(/^250 /);
  });
});

describe('a flood of log lines', () => {
  it.each([
    ['flood', 'accept'],
    ['flood-trap', 'failed: trap'],
  ])('of %s is cut at the limit, under the name of the service', async (service, said) => {
    expect(await send(service, service)).toMatch(/^250 /);
    const line = await transactionOf(service);
    expect(JSON.stringify(line['services'])).toContain(said);
    const own = gate.log.filter(
      (one) => one['service'] === service && one['transaction'] === line['transaction'],
    );
    expect(own.length).toBeGreaterThan(2);
    expect(own.length).toBeLessThan(25);
    expect(own.at(-1)!.msg).toMatch(/^\d+ more octets of log were dropped$/);
    expect(own.reduce((sum, { msg }) => sum + msg.length, 0)).toBeLessThan(2100);
  });
});

it('the process has lived through it all, and stops in good order', async () => {
  expect(gate.log.filter(({ level }) => Number(level) >= 60)).toEqual([]);
  expect(await gate.stop()).toBe(0);
  expect(gate.log.at(-1)!.msg).toBe('stopped');
});
