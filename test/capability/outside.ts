import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../../src/base/log.ts';
import { capabilitiesOf, NO_SETTINGS } from '../../src/cli/capabilities.ts';
import type { CapabilityHost } from '../../src/ocp/capability.ts';
import type { Service } from '../../src/ocp/service.ts';
import { openBlobFiles } from '../../src/store/blob-files.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import { startQuietDns } from '../support/quiet-dns.ts';
import { rawServer } from './asking.ts';

/** All capabilities of the program but `http`'s servers, and what lies behind them on this machine. Close it. */
export interface Outside {
  readonly capabilities: CapabilityHost;
  /** Questions that the DNS server was asked: it knows no name. */
  questions(): number;
  /** Scans that the scanner `clamd` was asked for: it finds nothing. */
  scans(): number;
  /** Files that were put, whole or not. */
  blobs(): number;
  close(): Promise<void>;
}

/**
 * Tables `staff` and `secret`: `ann` has `ann@example.com`. Keys `ours` and `theirs` sign for example.net with the selector `s`. Files are
 * nowhere served.
 */
export async function openOutside(services: readonly Service[]): Promise<Outside> {
  const directory = mkdtempSync(join(tmpdir(), 'postern-outside-'));
  const dns = await startQuietDns();
  dns.answer();
  const scanner = await rawServer((socket) => {
    let heard = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      heard = Buffer.concat([heard, chunk]);
      // The chunk of no octets ends what is to be scanned.
      if (heard.subarray(-4).equals(Buffer.alloc(4))) socket.end('stream: OK\0');
    });
  });
  const file = join(directory, 'staff.csv');
  writeFileSync(file, 'name,mail\nann,ann@example.com\n');
  const store = await openSqliteStore({ path: join(directory, 'store.db'), role: 'server', log: silentLog });
  const folder = join(directory, 'blobs');
  const blobs = await openBlobFiles({ directory: folder, index: store.blobIndex, log: silentLog });
  const [host, timeoutMs] = ['127.0.0.1', 10_000];
  const capabilities = capabilitiesOf(services, {
    log: silentLog,
    keyValues: store.keyValues,
    blobs,
    settings: {
      ...NO_SETTINGS,
      directories: ['staff', 'secret'].map((name) => ({
        type: 'csv' as const,
        name,
        file,
        key: 'name',
        maxRows: 10,
        cacheMs: 0,
        timeoutMs,
      })),
      keys: ['ours', 'theirs'].map((name) => ({
        type: 'dkim' as const,
        name,
        file: keyFile(join(directory, `${name}.pem`)),
        domain: 'example.net',
        selector: 's',
      })),
      resolver: { servers: [{ address: host, port: dns.port }], timeoutMs },
      scanners: [{ name: 'clamd', endpoint: { host, port: scanner.port }, timeoutMs, maxBytes: 2000 }],
      web: {
        address: host,
        port: 0,
        publicUrl: 'http://files.test',
        connections: 1,
        requestsPerMinute: 1,
      },
    },
  });
  return {
    capabilities,
    questions: () => dns.asked,
    scans: () => scanner.sockets.length,
    blobs: () => readdirSync(folder).length,
    async close() {
      await capabilities.close();
      await blobs.close();
      await store.close();
      await scanner.close();
      dns.close();
      rmSync(directory, { recursive: true });
    },
  };
}

function keyFile(path: string): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  return path;
}
