import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { capabilitiesOf, NO_SETTINGS, type Capabilities } from '../../src/cli/capabilities.ts';
import type { CapabilityName } from '../../src/ocp/capability.ts';
import type { Service, ServiceOutcome } from '../../src/ocp/service.ts';
import type { Stage } from '../../src/ocp/stage.ts';
import { openBlobFiles, type BlobFiles } from '../../src/store/blob-files.ts';
import { openSqliteStore, type SqliteStore } from '../../src/store/sqlite-store.ts';
import { factsOf, imageOfText, serviceOf, startBench, type Bench } from '../abi/wat.ts';
import { rawServer, type Local } from '../capability/asking.ts';
import { startQuietDns, type QuietDns } from '../support/quiet-dns.ts';
import { DENIED, GARBAGE, INVALID, MESSAGE, MISUSED } from './misused.ts';
import { asking, beyond, flooding, huge, pluginOf, POINTERS } from './misusing.ts';

/**
 * Each capability in the hands of a plugin that misuses it: what it is told, what the call comes to, and that what lies outside never
 * hears of more than is granted. The parts are the program's own.
 */
const NAMES = Object.keys(MISUSED) as CapabilityName[];
/** That one call may make. */
const HOST_CALLS = 300;
const DECISION = { kind: 'decision', decision: {} };

describe.each(['thread', 'process'] as const)('in a %s', (isolation) => {
  let directory: string;
  let store: SqliteStore;
  let blobs: BlobFiles;
  let dns: QuietDns;
  let scanner: Local;
  let capabilities: Capabilities;
  let bench: Bench;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'postern-misused-'));
    dns = await startQuietDns();
    dns.answer();
    scanner = await rawServer((socket) => {
      let heard = Buffer.alloc(0);
      socket.on('data', (chunk: Buffer) => {
        heard = Buffer.concat([heard, chunk]);
        if (heard.subarray(-4).equals(Buffer.alloc(4))) socket.end('stream: OK\0');
      });
    });
    for (const name of ['ours', 'theirs']) {
      const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
      const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
      writeFileSync(join(directory, `${name}.pem`), pem, { mode: 0o600 });
    }
    writeFileSync(join(directory, 'staff.csv'), 'name,mail\nann,ann@example.com\n');
    const files: Record<string, Uint8Array> = { good: pluginOf('(export "on_message" (func $done))') };
    const services: Service[] = [serviceOf('good', { isolation })];
    const add = (name: string, plugin: Uint8Array, options: Partial<Pick<Service, 'grants'>> = {}): void => {
      files[name] = plugin;
      services.push(serviceOf(name, { isolation, limits: { hostCalls: HOST_CALLS }, ...options }));
    };
    for (const name of NAMES) {
      const { grants, good, wrong, early } = MISUSED[name]!;
      const garbage = GARBAGE.map((request) => [request, INVALID] as const);
      add(`${name} garbage`, asking(name, { message: garbage }), { grants });
      add(`${name} wrong`, asking(name, { message: wrong, ...(early && { connect: [early] }) }), { grants });
      add(`${name} huge`, huge(name), { grants });
      add(`${name} flood`, flooding(name, good), { grants });
      add(`${name} beyond`, beyond(name), { grants });
      add(
        `${name} not granted`,
        asking(name, {
          message: [
            [good, DENIED],
            ['', DENIED],
          ],
        }),
      );
    }
    store = await openSqliteStore({ path: join(directory, 'store.db'), role: 'server', log: silentLog });
    blobs = await openBlobFiles({
      directory: join(directory, 'blobs'),
      index: store.blobIndex,
      log: silentLog,
    });
    const common = { maxRows: 10, cacheMs: 0, timeoutMs: 10_000 };
    const key = (name: string) =>
      ({
        type: 'dkim',
        name,
        file: join(directory, `${name}.pem`),
        domain: 'example.net',
        selector: 's',
      }) as const;
    const host = '127.0.0.1';
    capabilities = capabilitiesOf(services, {
      log: silentLog,
      keyValues: store.keyValues,
      blobs,
      settings: {
        ...NO_SETTINGS,
        directories: ['staff', 'secret'].map((name) => ({
          ...common,
          name,
          type: 'csv' as const,
          file: join(directory, 'staff.csv'),
          key: 'name',
        })),
        keys: [key('ours'), key('theirs')],
        resolver: { servers: [{ address: host, port: dns.port }], timeoutMs: 10_000 },
        scanners: [
          { name: 'clamd', endpoint: { host, port: scanner.port }, timeoutMs: 10_000, maxBytes: 2000 },
        ],
        web: { address: host, port: 0, publicUrl: 'http://127.0.0.1', connections: 1, requestsPerMinute: 1 },
      },
    });
    bench = await startBench({ folder: new URL('./', import.meta.url), services, files, capabilities });
  }, 60_000);

  afterAll(async () => {
    await bench?.close();
    await capabilities?.close();
    await blobs?.close();
    await store?.close();
    await scanner?.close();
    dns?.close();
    rmSync(directory, { recursive: true });
  });

  async function run(service: string, stage: Stage): Promise<ServiceOutcome> {
    const { outcomes } = await bench.sandbox.run({
      stage,
      services: [service],
      facts: factsOf(stage),
      ...(stage === 'message' && { image: imageOfText(MESSAGE) }),
      state: {},
    });
    return outcomes[0]!;
  }

  async function ask(service: string, stage: Stage = 'message'): Promise<ServiceOutcome> {
    const outcome = await run(service, stage);
    // Whatever it did, the next finds everything as it should be.
    expect((await run('good', 'message')).result).toEqual(DECISION);
    return outcome;
  }

  /** Files that were put, scans and questions so far. */
  const heard: Partial<Record<CapabilityName, () => number>> = {
    blob: () => readdirSync(join(directory, 'blobs')).length,
    dns: () => dns.asked,
    scan: () => scanner.sockets.length,
  };

  it('all load: none is refused for what it only does when it runs', () => {
    expect(bench.problems).toEqual([]);
  });

  it.each(NAMES.filter((name) => MISUSED[name]!.early))(
    '%s: refuses what is asked too early',
    async (name) => {
      expect((await ask(`${name} wrong`, 'connect')).result).toEqual(DECISION);
    },
  );

  describe.each(NAMES)('%s', (name) => {
    it('refuses what is no request, or too long for one', async () => {
      expect((await ask(`${name} garbage`)).result).toEqual(DECISION);
      expect((await ask(`${name} huge`)).result).toEqual(DECISION);
    });

    it('refuses what is asked wrongly, or of more than is granted', async () => {
      expect((await ask(`${name} wrong`)).result).toEqual(DECISION);
    });

    it('does nothing for a service that it is not granted to', async () => {
      expect((await ask(`${name} not granted`)).result).toEqual(DECISION);
    });

    it.each(Object.entries(POINTERS))('ends a call with a range beyond the memory: at %s', async (stage) => {
      expect((await ask(`${name} beyond`, stage as Stage)).result).toMatchObject({
        kind: 'failure',
        failure: 'trap',
        cause: expect.stringContaining('outside its memory of 262144') as string,
      });
    });

    it('ends a flood, and lets no more out than is granted', async () => {
      const before = heard[name]?.();
      const outcome = await ask(`${name} flood`);
      expect(outcome.result).toMatchObject({
        kind: 'failure',
        failure: MISUSED[name]!.flood ?? 'trap',
        cause: expect.stringContaining(`it made more than ${HOST_CALLS} host calls`) as string,
      });
      expect(outcome).not.toHaveProperty('notifications');
      expect(heard[name]?.()).toBe(before === undefined ? undefined : before + MISUSED[name]!.out!);
    });
  });
});
