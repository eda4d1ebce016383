import { createSign } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { digestOf } from '../../src/sandbox/digest.ts';
import { generateKey } from '../../src/sandbox/minisign-secret.ts';
import { selfSigned, type TlsIdentity } from '../../src/smtp/tls.ts';
import type { Ended } from '../support/command.ts';
import { lineOf, makePackage, writeConfig, writePackage } from './packages.ts';
import { lacksRegistry, startRegistry, type RegistryServer } from './registry-server.ts';
import { workshop, write } from './support.ts';

// Each command is the real program, perhaps beside much else.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const shop = workshop();
afterAll(() => shop.remove());
const [key, other] = [generateKey(), generateKey()];
const content = makePackage();
// No credentials of whoever runs the tests.
const HOME = { DOCKER_CONFIG: shop.file('docker') };

const push = (file: string, target: string, environment: object = {}): Promise<Ended> =>
  shop.postern(['plugin', 'push', file, target], { ...HOME, ...environment });
const install = (source: string, environment: object = {}): Promise<Ended> =>
  shop.postern(['plugin', 'install', source, '-c', 'postern.yaml', '--json'], { ...HOME, ...environment });
const remove = (): Promise<Ended> => shop.plugin(['remove', 'acme/filter@1.0.0', '-c', 'postern.yaml']);

beforeAll(() => {
  mkdirSync(shop.file('docker'));
  writeConfig(shop, { trust: { acme: { keys: [lineOf(key), lineOf(other)], threshold: 2 } } });
  writePackage(shop, 'filter.wasm', { content, keys: [key, other] });
});

const lacks = lacksRegistry();
describe.skipIf(lacks !== '')(`a package in an OCI registry${lacks}`, () => {
  let registry: RegistryServer;
  beforeAll(async () => {
    registry = await startRegistry(shop.file('open'));
  });
  afterAll(() => registry?.stop());

  it('is pushed with its signatures, and installed by tag and by digest', async () => {
    const target = `oci://${registry.name}/acme/filter:1.0.0`;
    const pushed = await push('filter.wasm', target);
    expect(pushed).toMatchObject({ code: 0, errors: '' });
    const [, digest] = /^(sha256:[0-9a-f]{64})$/m.exec(pushed.out)!;
    expect(pushed.out).toContain(`${target}: acme/filter 1.0.0, 2 signatures\n`);
    expect(digest).toBe(digestOf(readFileSync(registry.blob(digest!))));
    // Once more, what is there already is not sent again.
    expect(await push('filter.wasm', target)).toEqual(pushed);
    for (const source of [target, `oci://${registry.name}/acme/filter@${digest}`]) {
      const installed = await install(source);
      expect([installed.code, installed.errors]).toEqual([0, '']);
      expect(JSON.parse(installed.out)).toMatchObject({ source, digest: digestOf(content), isFirst: true });
      expect(await remove()).toMatchObject({ code: 0 });
    }
  });

  it('is an image manifest that other tools read', async () => {
    await push('filter.wasm', `oci://${registry.name}/acme/filter:shown`);
    const answer = await fetch(`http://${registry.name}/v2/acme/filter/manifests/shown`, {
      headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
    });
    expect(await answer.json()).toMatchObject({
      schemaVersion: 2,
      config: { mediaType: 'application/vnd.oci.empty.v1+json', size: 2 },
      layers: [
        { mediaType: 'application/wasm', digest: digestOf(content), size: content.length },
        { mediaType: 'application/vnd.postern.minisig' },
        { mediaType: 'application/vnd.postern.minisig' },
      ],
      annotations: { 'org.opencontainers.image.version': '1.0.0' },
    });
  });

  it('is refused where the registry has other octets for a digest', async () => {
    const source = `oci://${registry.name}/acme/tampered:1`;
    const { out } = await push('filter.wasm', source);
    const [manifest] = /sha256:[0-9a-f]{64}/.exec(out)!;
    for (const [name, digest] of [
      ['module', digestOf(content)],
      ['signature', digestOf(Buffer.from(signatureFile()))],
      ['manifest', manifest],
    ] as const) {
      const blob = registry.blob(digest);
      const good = readFileSync(blob);
      const bad = Buffer.from(good);
      // Still JSON in the manifest: an annotation, and nothing else, is another.
      const at = name === 'manifest' ? bad.indexOf('Filter') : bad.length - 3;
      bad[at] = bad[at]! ^ 1;
      writeFileSync(blob, bad);
      const pinned = name === 'manifest' ? source.replace(/:1$/, `@${digest}`) : source;
      const { code, out: said, errors } = await install(pinned);
      expect([name, code, said]).toEqual([name, 1, '']);
      expect([name, errors]).toEqual([name, expect.stringMatching(/the digest of|the registry said/)]);
      writeFileSync(blob, good);
    }
    expect(await install(source)).toMatchObject({ code: 0 });
    expect(await remove()).toMatchObject({ code: 0 });
  });

  it('needs the signatures as anywhere else', async () => {
    writePackage(shop, 'alone.wasm', { content, keys: [key] });
    const source = `oci://${registry.name}/acme/alone:1.0.0`;
    expect(await push('alone.wasm', source)).toMatchObject({ code: 0 });
    expect((await install(source)).errors).toContain('it is signed by 1 of the 2 keys of acme, 2 must have');
  });

  it.each([
    ['that is not there', (name: string) => `oci://${name}/acme/filter:9`, 3],
    ['of a repository that is not there', (name: string) => `oci://${name}/nobody/filter:1`, 3],
    ['without tag or digest', (name: string) => `oci://${name}/acme/filter`, 2],
    ['with a digest that is cut', (name: string) => `oci://${name}/acme/filter@sha256:abc`, 2],
    ['with a path that goes up', (name: string) => `oci://${name}/acme/../filter:1`, 2],
  ])('%s ends with an exit code that tells so', async (_, source, code) => {
    expect(await install(source(registry.name))).toMatchObject({ code, out: '' });
  });

  it('is not pushed under a digest, nor without a manifest', async () => {
    expect(await push('filter.wasm', `oci://${registry.name}/a/b@${digestOf(content)}`)).toMatchObject({
      code: 2,
    });
    write(shop, 'text.wasm', 'text');
    expect(await push('text.wasm', `oci://${registry.name}/a/b:1`)).toMatchObject({ code: 1 });
  });

  const signatureFile = (): string => readFileSync(shop.file('filter.wasm.1.minisig'), 'utf8');
});

describe.skipIf(lacks !== '')(`a registry that asks for a login${lacks}`, () => {
  /** Logs in as `docker login` does. */
  const login = (name: string, password: string): object => {
    const directory = shop.file(`docker-${password}`);
    mkdirSync(directory, { recursive: true });
    const auth = Buffer.from(`ann:${password}`).toString('base64');
    writeFileSync(`${directory}/config.json`, JSON.stringify({ auths: { [name]: { auth } } }));
    return { DOCKER_CONFIG: directory };
  };

  it('by name and password gets those that are kept for it', async () => {
    // bcrypt of "sesame".
    write(shop, 'htpasswd', `ann:${HASH}\n`);
    const registry = await startRegistry(shop.file('basic'), {
      htpasswd: { realm: 'test', path: shop.file('htpasswd') },
    });
    try {
      const target = `oci://${registry.name}/acme/filter:1.0.0`;
      const refused = await push('filter.wasm', target);
      expect([refused.code, refused.errors]).toEqual([1, expect.stringContaining('asks for a login')]);
      const wrong = await push('filter.wasm', target, login(registry.name, 'wrong'));
      expect([wrong.code, wrong.errors]).toEqual([1, expect.stringContaining('takes no such credentials')]);
      expect(await push('filter.wasm', target, login(registry.name, 'sesame'))).toMatchObject({ code: 0 });
      expect(await install(target)).toMatchObject({ code: 1 });
      expect(await install(target, login(registry.name, 'sesame'))).toMatchObject({ code: 0 });
      expect(await remove()).toMatchObject({ code: 0 });
    } finally {
      await registry.stop();
    }
  });

  it('by token gets one, anonymous for what all may read', async () => {
    const identity = await selfSigned('tokens.test');
    write(shop, 'tokens.pem', identity.cert);
    const tokens = await startTokenServer(identity);
    const { port } = tokens.server.address() as AddressInfo;
    const registry = await startRegistry(shop.file('token'), {
      token: {
        realm: `http://127.0.0.1:${port}/token`,
        service: 'test registry',
        issuer: 'test issuer',
        rootcertbundle: shop.file('tokens.pem'),
      },
    });
    try {
      const target = `oci://${registry.name}/acme/filter:1.0.0`;
      expect(await push('filter.wasm', target)).toMatchObject({ code: 1, out: '' });
      expect(await push('filter.wasm', target, login(registry.name, 'sesame'))).toMatchObject({ code: 0 });
      expect(await install(target)).toMatchObject({ code: 0 });
      expect(await remove()).toMatchObject({ code: 0 });
      expect(tokens.scopes).toContain('repository:acme/filter:pull,push');
      expect(tokens.scopes).toContain('repository:acme/filter:pull');
    } finally {
      await registry.stop();
      tokens.server.close();
    }
  });
});

const HASH = '$2y$04$TYAgq3aCPxVg0L5VCOyYGeJ/ypjyHqYwi1xECsyJEPUXxkWK/FdRe';

/** Gives everybody leave to pull, and to push only to Ann. */
async function startTokenServer(identity: TlsIdentity): Promise<{ server: Server; scopes: string[] }> {
  const scopes: string[] = [];
  const certificate = identity.cert.replaceAll(/-----[A-Z ]+-----|\s/g, '');
  const answer = (request: IncomingMessage): string => {
    const { searchParams } = new URL(request.url!, 'http://localhost');
    const scope = searchParams.get('scope')!;
    scopes.push(scope);
    const [type, name, actions = ''] = scope.split(':');
    const isAnn = request.headers.authorization === `Basic ${Buffer.from('ann:sesame').toString('base64')}`;
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: 'test issuer',
      sub: isAnn ? 'ann' : '',
      aud: searchParams.get('service'),
      exp: now + 300,
      nbf: now - 10,
      iat: now,
      jti: String(scopes.length),
      access: [{ type, name, actions: actions.split(',').filter((action) => isAnn || action === 'pull') }],
    };
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const signed = `${encode({ typ: 'JWT', alg: 'ES256', x5c: [certificate] })}.${encode(claims)}`;
    const signature = createSign('sha256')
      .update(signed)
      .sign({ key: identity.key, dsaEncoding: 'ieee-p1363' });
    return JSON.stringify({ token: `${signed}.${signature.toString('base64url')}` });
  };
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(answer(request));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, scopes };
}
