import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import initWabt from 'wabt';
import { silentLog, type Log } from '../../src/base/log.ts';
import { spoolOf } from '../../src/base/spool.ts';
import { imageSource } from '../../src/mail/image-reader.ts';
import { imageOf, type MessageImage } from '../../src/mail/image.ts';
import type { CapabilityHost } from '../../src/ocp/capability.ts';
import type { Facts } from '../../src/ocp/facts.ts';
import {
  DEFAULT_LIMITS,
  DEFAULT_SERVICE,
  type CalloutService,
  type Limits,
  type Service,
} from '../../src/ocp/service.ts';
import type { Stage } from '../../src/ocp/stage.ts';
import { readPluginFile } from '../../src/sandbox/plugin-module.ts';
import { createSandbox, type PluginProblem, type PluginSource } from '../../src/sandbox/sandbox.ts';

const wabt = await initWabt();
export const PRELUDE = readFileSync(new URL('prelude.wat', import.meta.url), 'utf8');

/** Compiles WebAssembly text. */
export function compileWat(name: string, text: string): Uint8Array {
  const module = wabt.parseWat(name, text, { exceptions: true });
  try {
    return module.toBinary({}).buffer;
  } finally {
    module.destroy();
  }
}

/** A vector is a module, or the inside of one: then the prelude comes before it. */
export const vectorText = (body: string): string =>
  body.includes('(module') ? body : `(module\n${PRELUDE}\n${body}\n)`;

/** The data segment that puts octets, or a text in UTF-8, at an address, and what a call names as their range. */
export function dataAt(
  offset: number,
  content: string | Uint8Array,
): { place: string; range: string; end: number } {
  const octets = typeof content === 'string' ? Buffer.from(content) : content;
  const escaped = Array.from(octets, (octet) => `\\${octet.toString(16).padStart(2, '0')}`).join('');
  return {
    place: `(data (i32.const ${offset}) "${escaped}")`,
    range: `(i32.const ${offset}) (i32.const ${octets.length})`,
    end: offset + octets.length,
  };
}

/** A service for a test, named as its plugin. */
export function serviceOf(
  name: string,
  options: Partial<Omit<Service, 'limits'>> & { limits?: Partial<Limits> } = {},
): Service {
  return {
    name,
    plugin: name,
    ...DEFAULT_SERVICE,
    allowModify: true,
    ...options,
    limits: { ...DEFAULT_LIMITS, ...options.limits },
  };
}

/** The plugin at a path, for the sandbox. */
export async function readPluginAt(path: string): Promise<PluginSource> {
  return { where: path, ...(await readPluginFile(path)) };
}

/** A sandbox over `.wat` vectors of a folder, and whatever other files a test adds. */
export interface Bench {
  readonly sandbox: CalloutService;
  readonly problems: readonly PluginProblem[];
  close(): Promise<void>;
}

/** Starts the real sandbox. The plugin `x` is the vector `x.wat` of `folder`, unless `files` has octets under that name. */
export async function startBench(options: {
  folder: URL;
  services: readonly Service[];
  files?: Readonly<Record<string, Uint8Array>>;
  workers?: number;
  queueMs?: number;
  capabilities?: CapabilityHost;
  log?: Log;
}): Promise<Bench> {
  const directory = await mkdtemp(join(tmpdir(), 'postern-wat-'));
  const files = { ...options.files };
  for (const { plugin } of options.services) {
    if (files[plugin] !== undefined) continue;
    const body = await readFile(new URL(`${plugin}.wat`, options.folder), 'utf8').catch(() => undefined);
    if (body !== undefined) files[plugin] = compileWat(`${plugin}.wat`, vectorText(body));
  }
  for (const [name, octets] of Object.entries(files))
    await writeFile(join(directory, `${name}.wasm`), octets);
  const { sandbox, problems } = await createSandbox({
    services: options.services,
    readPlugin: (plugin) => readPluginAt(join(directory, `${plugin}.wasm`)),
    log: options.log ?? silentLog,
    workers: options.workers ?? 1,
    ...(options.queueMs !== undefined && { queueMs: options.queueMs }),
    ...(options.capabilities && { capabilities: options.capabilities }),
  });
  return {
    sandbox,
    problems,
    async close() {
      await sandbox.close();
      await rm(directory, { recursive: true });
    },
  };
}

export function factsOf(stage: Stage, more: Partial<Facts> = {}): Facts {
  return {
    stage,
    session: 's1',
    service: '',
    listener: { name: 'inbound', protocol: 'smtp' },
    client: { address: '192.0.2.7', port: 40312, helo: { verb: 'EHLO', name: 'mx.example.net' } },
    ...(stage === 'message' || stage === 'rcpt'
      ? {
          transaction: 't1',
          sender: { address: 'bob@example.net', params: {} },
          recipients: [{ address: 'ann@example.com', params: {} }],
        }
      : {}),
    ...more,
  };
}

export const imageOfText = (text: string): MessageImage =>
  imageOf(spoolOf(Buffer.from(text, 'latin1')).handle);

/** The whole message, for comparison. */
export async function textOf(image: MessageImage): Promise<string> {
  if (image.spool.kind !== 'memory') throw new Error('only for messages in memory');
  const source = imageSource(spoolOf(new Uint8Array(image.spool.bytes)), image);
  return Buffer.from(await source.read(0, image.size)).toString('latin1');
}
