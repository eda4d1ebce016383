import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { digestOf } from '../../src/sandbox/digest.ts';
import { generateKey } from '../../src/sandbox/minisign-secret.ts';
import { selfSigned, type TlsIdentity } from '../../src/smtp/tls.ts';
import type { Ended } from '../support/command.ts';
import { lineOf, makePackage, signaturesOf, writeConfig } from './packages.ts';
import { workshop, write } from './support.ts';

// Each command is the real program, perhaps beside much else.
vi.setConfig({ testTimeout: 120_000 });

const shop = workshop();
const key = generateKey();
const content = makePackage();
const sha256 = digestOf(content).slice(7);
const [signature] = signaturesOf(content, key);

type Answer = (request: IncomingMessage, response: ServerResponse) => unknown;
/** Path → what the server says there; 404 elsewhere. */
let answers: Record<string, Answer>;
const octets =
  (body: string | Uint8Array): Answer =>
  (_, response) =>
    response.end(body);
const to =
  (location: string): Answer =>
  (_, response) =>
    response.writeHead(302, { location }).end();

const servers: Server[] = [];
/** A server with the certificate that `authority.pem` vouches for; its URL. */
async function serve(): Promise<string> {
  const server = createServer(identity, (request, response) => {
    const path = request.url!.replace(/\?.*$/, '');
    const answer = answers[path];
    if (answer === undefined) response.writeHead(404).end('nothing here');
    else answer(request, response);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
let identity: TlsIdentity;
let base: string;
beforeAll(async () => {
  identity = await selfSigned('127.0.0.1');
  write(shop, 'authority.pem', identity.cert);
  write(shop, 'stranger.pem', (await selfSigned('127.0.0.1')).cert);
  base = await serve();
  writeConfig(shop, { trust: { acme: { keys: [lineOf(key)] } } });
});
beforeEach(() => {
  answers = {};
});
afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  shop.remove();
});

const install = (words: readonly string[], authority = 'authority.pem'): Promise<Ended> =>
  shop.postern(['plugin', 'install', ...words, '-c', 'postern.yaml', '--json'], {
    NODE_EXTRA_CA_CERTS: shop.file(authority),
  });
const packages = async (): Promise<unknown[]> => {
  const { out } = await shop.plugin(['list', '--json', '-c', 'postern.yaml']);
  return (JSON.parse(out) as { packages: unknown[] }).packages;
};
const remove = (): Promise<Ended> => shop.plugin(['remove', 'acme/filter@1.0.0', '-c', 'postern.yaml']);

describe('a package at an https URL', () => {
  it('is installed with the signature beside it; its query is a secret and not kept', async () => {
    answers = { '/filter.wasm': octets(content), '/filter.wasm.minisig': octets(signature!) };
    const { code, out, errors } = await install([`${base}/filter.wasm?token=secret`, '--sha256', sha256]);
    expect([code, errors]).toEqual([0, '']);
    expect(JSON.parse(out)).toMatchObject({
      id: 'acme/filter',
      source: `${base}/filter.wasm`,
      digest: `sha256:${sha256}`,
    });
    expect(await remove()).toMatchObject({ code: 0 });
  });

  it('is installed with signatures from elsewhere, and from where the server leads to', async () => {
    const other = await serve();
    answers = {
      '/latest': to('/filter.wasm'),
      '/filter.wasm': octets(content),
      '/signature': octets(signature!),
      '/elsewhere': to(`${other}/filter.wasm`),
    };
    for (const path of ['/latest', '/elsewhere']) {
      const words = [`${base}${path}`, '--sha256', sha256, '--signature', `${base}/signature`];
      expect(await install(words)).toMatchObject({ code: 0, errors: '' });
      expect(await remove()).toMatchObject({ code: 0 });
    }
  });

  const endless: Answer = (_, response) => {
    const more = (): unknown => response.destroyed || response.write(Buffer.alloc(1 << 20), more);
    more();
  };
  const cut: Answer = (_, response) => {
    response.writeHead(200, { 'content-length': content.length }).write(content.subarray(0, 100));
    setTimeout(() => response.destroy(), 50);
  };
  const cases: Record<string, { answers: Record<string, Answer>; code?: number; reason: string }> = {
    'that is not there': { answers: {}, code: 3, reason: 'the server said 404' },
    'that the server fails to give': {
      answers: { '/filter.wasm': (_, response) => response.writeHead(500).end() },
      reason: 'the server said 500',
    },
    'with another digest': {
      answers: { '/filter.wasm': octets(makePackage({ title: 'Other' })) },
      reason: `it must be sha256:${sha256}`,
    },
    'that is cut': { answers: { '/filter.wasm': cut }, reason: 'terminated' },
    'that never ends': { answers: { '/filter.wasm': endless }, reason: 'more than the 67108864 octets' },
    'that leads to http': {
      answers: { '/filter.wasm': to('http://127.0.0.1:9/filter.wasm') },
      reason: 'it leads to http://127.0.0.1:9/filter.wasm, http://, only https:// is allowed',
    },
    'that leads round and round': {
      answers: { '/filter.wasm': to('/filter.wasm') },
      reason: 'more than 5 redirects',
    },
    'without a signature': {
      answers: { '/filter.wasm': octets(content) },
      reason: 'it has no signature',
    },
    'with a signature over another': {
      answers: {
        '/filter.wasm': octets(content),
        '/filter.wasm.minisig': octets(signaturesOf(makePackage({ title: 'Other' }), key)[0]!),
      },
      reason: 'over this very file',
    },
    'whose signature leads to http': {
      answers: { '/filter.wasm': octets(content), '/filter.wasm.minisig': to('http://127.0.0.1:9/x') },
      reason: 'only https:// is allowed',
    },
  };
  it.each(Object.keys(cases))('%s is refused, and nothing is kept', async (name) => {
    answers = cases[name]!.answers;
    const { code, out, errors } = await install([`${base}/filter.wasm`, '--sha256', sha256]);
    expect([code, out]).toEqual([cases[name]!.code ?? 1, '']);
    expect(errors).toContain(cases[name]!.reason);
    expect(await packages()).toEqual([]);
  });

  it('is not even asked for without a digest, without TLS or with credentials in the URL', async () => {
    let asked = 0;
    answers = {
      '/filter.wasm': (_, response) => {
        asked += 1;
        response.end();
      },
    };
    const port = new URL(base).port;
    expect(await install([`${base}/filter.wasm`])).toMatchObject({ code: 2 });
    const named = `https://ann:x@127.0.0.1:${port}/filter.wasm`;
    expect(await install([named, '--sha256', sha256])).toMatchObject({ code: 1, out: '' });
    const form = 'a source is a file, https://… with --sha256, or oci://registry/repository:tag\n';
    for (const scheme of ['http', 'ftp']) {
      const url = `${scheme}://127.0.0.1:${port}/filter.wasm`;
      const refused = { code: 2, out: '', errors: `Cannot fetch from ${scheme}://: ${form}` };
      expect(await install([url])).toEqual(refused);
      expect(await install([url, '--sha256', sha256])).toEqual(refused);
    }
    expect(await install(['acme/filter'])).toEqual({
      code: 3,
      out: '',
      errors: `Cannot read acme/filter: there is no such file; ${form}`,
    });
    expect(asked).toBe(0);
  });

  it('is refused from a server whose certificate nobody vouches for', async () => {
    answers = { '/filter.wasm': octets(content), '/filter.wasm.minisig': octets(signature!) };
    const { code, errors } = await install([`${base}/filter.wasm`, '--sha256', sha256], 'stranger.pem');
    expect(code).toBe(1);
    expect(errors).toContain('self-signed certificate');
  });
});
