import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { fetchOctets } from './fetch-octets.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

async function serve(answer: Answer): Promise<URL> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/package?token=secret`);
}
const options = () => ({ mostOctets: 1000, signal: AbortSignal.timeout(10_000), allowHttp: () => true });

describe('a server that packages come from', () => {
  it('gives octets, with any status', async () => {
    const url = await serve((_, response) => response.writeHead(418).end('short'));
    const { status, octets } = await fetchOctets(url, options());
    expect([status, Buffer.from(octets).toString()]).toEqual([418, 'short']);
  });

  it.each<[string, Answer, string]>([
    ['says that it has more', (_, response) => response.end('x'.repeat(1001)), 'more than the 1000 octets'],
    [
      'goes on for ever',
      (_, response) => {
        const more = (): unknown => response.write('x'.repeat(100), () => setTimeout(more, 1));
        more();
      },
      'more than the 1000 octets',
    ],
    [
      'ends early',
      (_, response) => {
        response.writeHead(200, { 'content-length': 900 }).write('half');
        setTimeout(() => response.destroy(), 20);
      },
      'terminated',
    ],
    [
      'packs what was asked for plain',
      (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x'),
      'the encoding "gzip", which was not asked for',
    ],
    [
      'leads round and round',
      (_, response) => response.writeHead(302, { location: '/package' }).end(),
      'more than 5 redirects',
    ],
    [
      'leads to a file',
      (_, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
      'it leads to file:///etc/passwd, file://, only https:// is allowed',
    ],
    [
      'leads nowhere',
      (_, response) => response.writeHead(302, { location: 'https://[' }).end(),
      'something that is no URL',
    ],
  ])('and %s is refused, its query never shown', async (_, answer, reason) => {
    const fetched = fetchOctets(await serve(answer), options());
    await expect(fetched).rejects.toMatchObject({ code: 'package_source' });
    const message = await fetched.catch((error: Error) => error.message);
    expect(message).toContain(reason);
    expect(message).not.toContain('secret');
  });

  it('and says nothing is waited for as long as was asked, and no longer', async () => {
    const silent = await serve(() => {});
    const slow = await serve((_, response) => response.write('x'));
    for (const url of [silent, slow]) {
      const fetched = fetchOctets(url, { ...options(), signal: AbortSignal.timeout(200) });
      await expect(fetched).rejects.toThrow('it took too long');
    }
  });

  it('gets no credentials that were meant for the one that led to it', async () => {
    const seen: (string | undefined)[] = [];
    const see: Answer = (request, response) => {
      seen.push(request.headers.authorization);
      response.end();
    };
    const [own, elsewhere] = [await serve(see), await serve(see)];
    for (const target of [own, elsewhere]) {
      const start = await serve((request, response) => {
        if (request.url === '/again') return see(request, response);
        const location = target === own ? '/again' : target.href;
        response.writeHead(307, { location }).end();
      });
      await fetchOctets(start, { ...options(), headers: { authorization: 'Basic eA==' } });
    }
    expect(seen).toEqual(['Basic eA==', undefined]);
  });

  it('leads without TLS only to where that is allowed', async () => {
    let asked = 0;
    const elsewhere = await serve((_, response) => {
      asked += 1;
      response.end();
    });
    const start = await serve((_, response) => response.writeHead(302, { location: elsewhere.href }).end());
    const allowHttp = ({ host }: URL): boolean => host === start.host;
    const fetched = fetchOctets(start, { ...options(), allowHttp });
    await expect(fetched).rejects.toThrow('http://, only https:// is allowed');
    expect(asked).toBe(0);
  });

  it('is not asked without TLS, or with credentials in the URL', async () => {
    let asked = 0;
    const url = await serve((_, response) => {
      asked += 1;
      response.end();
    });
    const { allowHttp: _, ...strict } = options();
    await expect(fetchOctets(url, strict)).rejects.toThrow('only https:// is allowed');
    url.username = 'ann';
    await expect(fetchOctets(url, options())).rejects.toThrow('credentials in a URL are not allowed');
    expect(asked).toBe(0);
  });
});
