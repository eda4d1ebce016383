import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exampleFacts } from '../../src/author/example-facts.ts';
import { silentLog } from '../../src/base/log.ts';
import type { Capabilities } from '../../src/cli/capabilities.ts';
import type { Facts } from '../../src/ocp/facts.ts';
import type { CalloutService, CalloutState, Service } from '../../src/ocp/service.ts';
import { STAGES, type Stage } from '../../src/ocp/stage.ts';
import { openSqliteStore, type SqliteStore } from '../../src/store/sqlite-store.ts';
import { imageOfText, readPluginAt, serviceOf } from '../../test/abi/wat.ts';
import { ask } from '../../test/capability/asking.ts';
import { lacks } from '../../test/interop/support/servers.ts';
import { builtPlugin } from '../../test/plugins/ask.ts';
import { startUnbound, type Unbound } from '../../test/support/unbound.ts';
import { columns, share, tellMachine } from './measured.ts';

/**
 * `npm run bench:plugins`: what the default inbound group costs, all stages of a transaction together, through the sandbox and the capabilities
 * as they were built. README.md says what is measured. What it asserts is that it measured.
 */
const ROOT = join(import.meta.dirname, '..', '..');
const { createSandbox } = (await import(
  join(ROOT, 'dist', 'sandbox', 'sandbox.js')
)) as typeof import('../../src/sandbox/sandbox.ts');
const { capabilitiesOf, NO_SETTINGS } = (await import(
  join(ROOT, 'dist', 'cli', 'capabilities.js')
)) as typeof import('../../src/cli/capabilities.ts');

const LISTS = ['zen.list.test', 'dbl.list.test'];

/** The group, in its order. */
const GROUP: readonly (Partial<Pick<Service, 'settings' | 'grants'>> & { readonly plugin: string })[] = [
  {
    plugin: 'access-control',
    settings: {
      rules: [
        { client: ['198.51.100.0/24'], action: 'reject' },
        { helo: ['*.dynamic.example.net'], action: 'tempfail' },
        { sender: ['@spam.example', '<>'], recipient: ['noreply@example.com'], action: 'reject' },
        { recipient: ['@closed.example.com'], action: 'reject' },
      ],
    },
  },
  {
    plugin: 'mail-auth',
    settings: { authservId: 'mx.example.com', onDmarcFail: 'policy' },
    grants: { auth: true },
  },
  {
    plugin: 'spam',
    settings: {
      header: true,
      lists: [
        { zone: LISTS[0], of: 'client', score: 4 },
        { zone: LISTS[1], of: ['sender', 'author', 'links'], score: 4 },
      ],
      rules: [
        { name: 'NO_DATE', score: 1, missing: 'Date' },
        { name: 'PILLS', score: 2.5, text: ['cheap pills', 'v?agra'] },
      ],
      results: { 'spf=fail': 2, 'dmarc=fail': 2, 'dmarc=pass': -0.5 },
    },
    grants: { dns: { queriesPerMinute: 1_000_000, queriesPerCall: 100, timeoutMs: 5000 } },
  },
  { plugin: 'attachment-guard' },
  { plugin: 'journal' },
];
const NAMES = GROUP.map(({ plugin }) => plugin);
const services = GROUP.map(({ plugin, ...more }) => serviceOf(plugin, more));
/** Besides those of the group: it signs the messages. */
const SIGNER = serviceOf('signer', { grants: { key: { keys: ['ours'], operationsPerMinute: 100 } } });

const SIZES = [4096, 100 * 1024];
/** Stages that this session does without. */
const UNUSED: readonly Stage[] = ['starttls', 'auth'];
const WARM_UP = 200;
const MESSAGES = 1000;

/** A text, and one attachment from a certain size on. */
function messageOf(size: number): string {
  const words = 'Please find what we have talked about at https://www.example.net/minutes this week. ';
  const text = `${words.repeat(30).replaceAll(/(.{70}\S*) /g, '$1\r\n')}\r\n`;
  const head = [
    'From: Bob <bob@example.net>',
    'To: Ann <ann@example.com>',
    'Subject: minutes',
    'Date: Mon, 1 Jan 2024 00:00:00 +0000',
    'Message-ID: <1@example.net>',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary=b',
    '',
    '--b',
    'Content-Type: text/plain; charset=utf-8',
    '',
    text,
    '--b',
    'Content-Type: application/octet-stream; name=minutes.bin',
    'Content-Disposition: attachment; filename=minutes.bin',
    'Content-Transfer-Encoding: base64',
    '',
    '',
  ].join('\r\n');
  const line = (): string => `${randomBytes(57).toString('base64')}\r\n`;
  // What a signature will need is counted.
  const room = Math.max(1, Math.floor((size - head.length - 700) / 78));
  return `${head}${Array.from({ length: room }, line).join('')}--b--\r\n`;
}

const missing = lacks('unbound');
let directory: string;
let keyFile: string;
let published: string;
let store: SqliteStore;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'postern-bench-inbound-'));
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  keyFile = join(directory, 'key.pem');
  writeFileSync(keyFile, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  published = pair.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  store = await openSqliteStore({ path: join(directory, 'store.db'), role: 'server', log: silentLog });
  tellMachine();
});

afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true });
});

/** An unbound that knows all names at once, and how long Postern may keep them. */
function startNames(ttl: number): Promise<Unbound> {
  const key = `v=DKIM1; k=rsa; p=${published}`.match(/.{1,200}/g)!.map((part) => `"${part}"`);
  return startUnbound({
    zones: ['example.net', 'list.test'],
    records: [
      `example.net. ${ttl} IN SOA ns.example.net. admin.example.net. 1 3600 600 86400 ${ttl}`,
      `example.net. ${ttl} IN TXT "v=spf1 ip4:192.0.2.0/24 -all"`,
      `_dmarc.example.net. ${ttl} IN TXT "v=DMARC1; p=reject"`,
      `s1._domainkey.example.net. ${ttl} IN TXT ${key.join(' ')}`,
      `list.test. ${ttl} IN SOA ns.list.test. admin.list.test. 1 3600 600 86400 ${ttl}`,
    ],
  });
}

/** Opens what the group runs in; `use` gets it, and it is closed. */
async function withGroup(
  ttl: number,
  use: (sandbox: CalloutService, capabilities: Capabilities) => Promise<void>,
): Promise<void> {
  const unbound = await startNames(ttl);
  const capabilities = capabilitiesOf([...services, SIGNER], {
    log: silentLog,
    keyValues: store.keyValues,
    settings: {
      ...NO_SETTINGS,
      keys: [{ type: 'dkim', name: 'ours', file: keyFile, domain: 'example.net', selector: 's1' }],
      resolver: { servers: [{ address: '127.0.0.1', port: unbound.port }], timeoutMs: 2000 },
    },
  });
  try {
    const { sandbox, problems } = await createSandbox({
      services,
      readPlugin: (plugin) => readPluginAt(builtPlugin(plugin)),
      log: silentLog,
      capabilities,
    });
    try {
      expect(problems).toEqual([]);
      await use(sandbox, capabilities);
    } finally {
      await sandbox.close();
    }
  } finally {
    await capabilities.close();
    await unbound.end();
  }
}

interface Transaction {
  /** Microseconds, all stages together. */
  readonly micros: number;
  /** Of these, each service's calls. */
  readonly byService: ReadonlyMap<string, number>;
}

/** One transaction of its own, as the proxy asks about it. */
async function transact(
  sandbox: CalloutService,
  { message, id }: { message: string; id: string },
): Promise<Transaction> {
  const byService = new Map(NAMES.map((name) => [name, 0]));
  const ids = { session: id, transaction: id };
  let image = imageOfText(message);
  let state: CalloutState = {};
  const since = process.hrtime.bigint();
  const table = await sandbox.partTable(image);
  for (const stage of STAGES) {
    const asked = UNUSED.includes(stage) ? [] : NAMES.filter((name) => sandbox.answers(name, stage));
    if (asked.length === 0) continue;
    const hasMessage = stage === 'message';
    const done = await sandbox.run({
      stage,
      services: asked,
      facts: factsAt(stage, { ...ids, message: { size: message.length, ...table } }),
      state,
      ...(hasMessage && { image }),
    });
    for (const { service, micros, result } of done.outcomes) {
      if (result.kind === 'failure') throw new Error(`Cannot measure: ${service}: ${result.cause}`);
      byService.set(service, byService.get(service)! + micros);
    }
    ({ state } = done);
    if (hasMessage) image = done.image ?? image;
  }
  const micros = Number(process.hrtime.bigint() - since) / 1000;
  return { micros, byService };
}

function factsAt(stage: Stage, more: Pick<Facts, 'session' | 'transaction' | 'message'>): Facts {
  const { session, transaction, message } = more;
  const known = exampleFacts(stage);
  return {
    ...known,
    session,
    ...(known.transaction !== undefined && { transaction: transaction! }),
    ...((stage === 'message' || stage === 'report') && { message: message! }),
  };
}

async function signed(capabilities: Capabilities, message: string): Promise<string> {
  const subject = { facts: exampleFacts('message'), image: imageOfText(message) };
  const fields = { op: 'dkim-sign', key: 'ours' };
  const { body, cause } = await ask(capabilities, { service: 'signer', capability: 'key', fields, subject });
  if (body === undefined) throw new Error(`Cannot sign: ${cause}`);
  return `${body}${message}`;
}

describe.skipIf(missing !== '')(`the default inbound group${missing}`, () => {
  test.each([
    ['names kept by Postern', 300],
    ['names asked of unbound each time', 0],
  ])('%s', async (name, ttl) => {
    console.log(`\n${`µs for a transaction, ${name}`.padEnd(56)} ${columns('p50', 'p99')}`);
    await withGroup(ttl, async (sandbox, capabilities) => {
      for (const size of SIZES) {
        const message = await signed(capabilities, messageOf(size));
        const seen: Transaction[] = [];
        let [cpu, loop] = [process.cpuUsage(), performance.eventLoopUtilization()];
        for (let count = -WARM_UP; count < MESSAGES; count++) {
          if (count === 0) [cpu, loop] = [process.cpuUsage(), performance.eventLoopUtilization()];
          const one = await transact(sandbox, { message, id: `${name} ${size} ${count}` });
          if (count >= 0) seen.push(one);
        }
        const { user, system } = process.cpuUsage(cpu);
        const main = (performance.eventLoopUtilization(loop).active * 1000) / MESSAGES;
        const all = (user + system) / MESSAGES;
        tell(seen, { title: `${Math.round(size / 1024)} KB (${message.length} octets)`, main, all });
        expect(Math.min(...seen.map(({ micros }) => micros))).toBeGreaterThan(0);
      }
    });
  });
});

/** `main` and `all` are the microseconds for one that the main thread is busy, and those of CPU of the whole process. */
function tell(
  seen: readonly Transaction[],
  { title, main, all }: { title: string; main: number; all: number },
): void {
  const row = (name: string, micros: readonly number[]): void =>
    console.log(
      `${name.padEnd(56)} ${columns(Math.round(share(micros, 0.5)), Math.round(share(micros, 0.99)))}`,
    );
  row(
    title,
    seen.map(({ micros }) => micros),
  );
  for (const name of NAMES) {
    row(
      `  ${name}`,
      seen.map(({ byService }) => byService.get(name)!),
    );
  }
  const inServices = ({ byService }: Transaction): number => [...byService.values()].reduce((a, b) => a + b);
  row(
    '  all else: table of parts, hops between threads',
    seen.map((one) => one.micros - inServices(one)),
  );
  const byMain = 1_000_000 / main;
  const byCpu = (availableParallelism() * 1_000_000) / all;
  const limit = byMain < byCpu ? 'the main thread' : `the CPU of ${availableParallelism()} cores`;
  console.log(
    `  CPU ${Math.round(all)} µs, main thread ${Math.round(main)} µs: limited by ${limit}, at ${Math.round(Math.min(byMain, byCpu))} messages a second without SMTP`,
  );
}
