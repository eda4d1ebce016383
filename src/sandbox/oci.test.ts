import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { digestOf } from './digest.ts';
import { isLoopback } from '../base/loopback.ts';
import { parseOciReference } from './oci-reference.ts';
import { pullPackage } from './oci.ts';

/** A registry that says whatever a test puts here: path below `/v2/acme/filter/` → answer. */
let answers: Record<string, { status?: number; headers?: Record<string, string>; body: string | Uint8Array }>;
let server: Server;
let source: string;
beforeEach(async () => {
  answers = {};
  server = createServer((request, response) => {
    const found = answers[request.url!.replace('/v2/acme/filter/', '')];
    response.writeHead(found?.status ?? (found === undefined ? 404 : 200), found?.headers);
    response.end(found?.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  source = `oci://127.0.0.1:${(server.address() as AddressInfo).port}/acme/filter:1`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const module = Buffer.from('a module');
const layer = (octets: Uint8Array, more: object = {}): object => ({
  mediaType: 'application/wasm',
  digest: digestOf(octets),
  size: octets.length,
  ...more,
});
const manifest = (...layers: object[]): string => JSON.stringify({ schemaVersion: 2, layers });
const pull = (from = source, more: object = {}) =>
  pullPackage(from, { signal: AbortSignal.timeout(10_000), ...more });

/** The same machine by a name that is none of loopback; a server that nobody should reach. */
async function elsewhere(): Promise<{ url: string; asked: IncomingMessage[]; stop: () => void }> {
  const asked: IncomingMessage[] = [];
  const other = createServer((request, response) => {
    asked.push(request);
    response.writeHead(401, { 'www-authenticate': `Bearer realm="http://127.0.0.1:${port}/"` }).end();
  });
  await new Promise<void>((resolve) => other.listen(0, '0.0.0.0', resolve));
  const { port } = other.address() as AddressInfo;
  return { url: `http://0.0.0.0:${port}/`, asked, stop: () => other.close() };
}

describe('an artifact', () => {
  it('is a package if one layer is a module, whichever other layers there are', async () => {
    const types = ['application/wasm', 'application/vnd.wasm.content.layer.v1+wasm'];
    for (const mediaType of types) {
      const notes = layer(Buffer.from('notes'), { mediaType: 'text/plain' });
      answers['manifests/1'] = { body: manifest(notes, layer(module, { mediaType })) };
      answers[`blobs/${digestOf(module)}`] = { body: module };
      const { binary, signatures } = await pull();
      expect([Buffer.from(binary), signatures]).toEqual([module, []]);
    }
  });

  const large = layer(module, { size: 65 * 1024 * 1024 });
  const signature = layer(module, { mediaType: 'application/vnd.postern.minisig' });
  it.each<[string, string, string]>([
    ['no manifest', '<html>', 'its manifest is not JSON'],
    ['an index of several', JSON.stringify({ schemaVersion: 2, manifests: [] }), 'it is not of type'],
    ['no module', manifest(), 'it has 0 layers of type application/wasm, one is allowed'],
    ['two modules', manifest(layer(module), layer(module)), 'it has 2 layers'],
    ['a module that is too large', manifest(large), `has ${65 * 1024 * 1024} octets, at most`],
    ['a digest that is a path', manifest(layer(module, { digest: 'sha256:../..' })), 'it is not of type'],
    ['a digest of another kind', manifest(layer(module, { digest: 'md5:0' })), 'it is not of type'],
    ['signatures without end', manifest(layer(module), ...Array(17).fill(signature)), 'it has 17 signatures'],
    ['a layer that is longer than it says', manifest(layer(module, { size: 3 })), 'more than the 3 octets'],
    ['other octets', manifest(layer(Buffer.from('A MODULE'))), 'the digest of its layer is'],
  ])('with %s is refused', async (_, body, reason) => {
    answers['manifests/1'] = { body };
    for (const octets of [module, Buffer.from('A MODULE')])
      answers[`blobs/${digestOf(octets)}`] = { body: module };
    await expect(pull()).rejects.toMatchObject({ message: expect.stringContaining(reason) as unknown });
  });

  it('is refused if its manifest has not the digest that was asked for, or that the registry says', async () => {
    const body = manifest(layer(module));
    answers[`blobs/${digestOf(module)}`] = { body: module };
    answers['manifests/1'] = { body, headers: { 'docker-content-digest': digestOf(module) } };
    await expect(pull()).rejects.toThrow('the digest of its manifest is');
    answers[`manifests/${digestOf(module)}`] = { body };
    await expect(pull(source.replace(/:1$/, `@${digestOf(module)}`))).rejects.toThrow(
      `the digest of its manifest is ${digestOf(Buffer.from(body))}, it must be ${digestOf(module)}`,
    );
  });

  it.each([
    ['of a kind that is not known', 'Negotiate', 'a login of a kind that is not known'],
    ['at no place', 'Bearer service="x"', 'a login of a kind that is not known'],
    ['by name and password, where none are kept', 'Basic realm="x"', 'asks for a login'],
    ['at a server that gives no token', 'Bearer realm="@/tokens",service="x"', 'no token for'],
  ])('behind a login %s is refused', async (_, challenge, reason) => {
    const base = source.replace('oci:', 'http:').replace('/acme/filter:1', '');
    answers['manifests/1'] = {
      status: 401,
      headers: { 'www-authenticate': challenge.replace('@', base) },
      body: '',
    };
    await expect(pull()).rejects.toThrow(reason);
  });
});

describe('a registry without TLS', () => {
  it('on this machine leads to others without TLS on this machine only', async () => {
    const other = await elsewhere();
    try {
      answers['manifests/1'] = { status: 302, headers: { location: other.url }, body: '' };
      await expect(pull()).rejects.toThrow('only https:// is allowed');
      answers['manifests/1'] = {
        status: 401,
        headers: { 'www-authenticate': `Bearer realm="${other.url}",service="x"` },
        body: '',
      };
      await expect(pull()).rejects.toThrow('only https:// is allowed');
      expect(other.asked).toEqual([]);
    } finally {
      other.stop();
    }
  });

  it('that was named leads to itself only, not to what is on this machine either', async () => {
    const named = source.replace('127.0.0.1', '0.0.0.0');
    answers['manifests/1'] = { status: 302, headers: { location: '/v2/acme/filter/again' }, body: '' };
    answers['again'] = { body: '<html>' };
    await expect(pull(named, { plainHttp: true })).rejects.toThrow('its manifest is not JSON');
    const here = named.replace('oci:', 'http:').replace(/0\.0\.0\.0:.*/, '127.0.0.1:1/');
    answers['manifests/1'] = { status: 302, headers: { location: here }, body: '' };
    await expect(pull(named, { plainHttp: true })).rejects.toThrow('only https:// is allowed');
  });

  it('lets nobody whom it leads to ask for its credentials', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'postern-oci-'));
    const other = await elsewhere();
    vi.stubEnv('DOCKER_CONFIG', directory);
    try {
      const [, name] = /^oci:\/\/([^/]+)/.exec(source)!;
      const auths = { [name!]: { auth: Buffer.from('ann:sesame').toString('base64') } };
      writeFileSync(join(directory, 'config.json'), JSON.stringify({ auths }));
      const location = other.url.replace('0.0.0.0', '127.0.0.1');
      answers['manifests/1'] = { status: 302, headers: { location }, body: '' };
      await expect(pull()).rejects.toThrow('which asks for a login of its own');
      expect(other.asked.map(({ headers }) => headers.authorization)).toEqual([undefined]);
    } finally {
      vi.unstubAllEnvs();
      other.stop();
      rmSync(directory, { recursive: true });
    }
  });
});

describe('a reference', () => {
  it.each([
    ['oci://registry.example.com/acme/filter:1.2.0', 'registry.example.com', 'acme/filter', '1.2.0'],
    ['oci://localhost:5000/a:b', 'localhost:5000', 'a', 'b'],
    [`oci://[::1]:5000/a/b/c@${digestOf(module)}`, '[::1]:5000', 'a/b/c', digestOf(module)],
  ])('%s is read', (text, registry, repository, reference) => {
    expect(parseOciReference(text)).toEqual({ registry, repository, reference });
  });

  it.each([
    'oci://registry/acme/filter',
    'oci://registry/acme/filter:',
    'oci://registry/Acme/filter:1',
    'oci://registry/acme//filter:1',
    'oci://registry/acme/../filter:1',
    'oci://registry/acme/filter:1@sha256:abc',
    `oci://registry/acme/filter:1@${digestOf(module)}`,
    'oci://ann:secret@registry/acme/filter:1',
    'oci://registry:port/acme/filter:1',
    'oci:///acme/filter:1',
    'https://registry/acme/filter:1',
  ])('%s is refused', (text) => {
    expect(() => parseOciReference(text)).toThrow('must be oci://registry/repository:tag');
  });

  it.each([
    ['localhost:5000', true],
    ['127.0.0.1', true],
    ['127.8.9.1:80', true],
    ['[::1]:5000', true],
    ['localhost.example.com', false],
    ['127.0.0.1.example.com', false],
    ['10.0.0.1', false],
    ['[::2]', false],
  ])('to %s is spoken to without TLS: %s', (registry, isPlain) => {
    expect(isLoopback(registry)).toBe(isPlain);
  });
});
