import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { httpServer, type Local } from '../capability/asking.ts';
import { compilePlugin } from '../plugins/compile.ts';
import { openShop, type Shop } from './shop.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/**
 * `postern plugin test --record` with `kv` and with a real HTTP server, then without the server: the same plugin comes to the same, by
 * the record alone.
 */
let shop: Shop;
let server: Local | undefined;
/** Requests that came. */
let asked = 0;

const SUBJECT = `
import { Clock, decide, Decision, Http, JsonObject, Kv, settings } from 'sdk';
export { ocp_smtp_abi_1 } from 'sdk';

export function on_rcpt(): i32 {
  const decision = new Decision();
  if (Clock.isGranted()) decision.tag('late', Clock.now() > 1700000000000 ? 'yes' : 'no');
  if (Kv.isGranted()) {
    Kv.putText('note', ' "ä: #" ', 60);
    decision.tag('note', Kv.getText('note'));
    decision.tag('none', '[' + Kv.getText('none') + ']');
    // The same request, and another answer.
    decision.tag('count', Kv.increment('n').toString() + ' ' + Kv.increment('n').toString());
  }
  const url = settings().get('url').text();
  if (url != '') {
    const octets = new Uint8Array(256);
    for (let i = 0; i < 256; i++) octets[i] = <u8>i;
    const answer = Http.request('POST', url, new JsonObject().text('X-Test', '1'), octets);
    decision.tag('http', answer.status.toString() + answer.error + ' ' + answer.header('x-answer'));
    let sum = 0;
    for (let i = 0; i < answer.body.length; i++) sum += answer.body[i] * (i + 1);
    decision.tag('body', answer.body.length.toString() + ' ' + sum.toString());
  }
  return decide(decision);
}
`;

const TEXT = 'one: two\n# three\n\n  ä' + ' and so on'.repeat(30) + '\n';
const sumOf = (octets: Uint8Array): number => octets.reduce((sum, octet, i) => sum + octet * (i + 1), 0);
const BINARY = Buffer.from(Array.from({ length: 256 }, (_, i) => i));

beforeAll(async () => {
  shop = openShop();
  server = await httpServer((request, response) => {
    asked += 1;
    if (request.url === '/gone') return void request.socket.destroy();
    const octets: Buffer[] = [];
    request.on('data', (chunk: Buffer) => octets.push(chunk));
    request.on('end', () => {
      response.setHeader('X-Answer', `${request.method} ${String(request.headers['x-test'])}`);
      response.end(request.url === '/text' ? TEXT : Buffer.concat(octets));
    });
  });
  const capabilities = ['clock', 'http', 'kv'].map((name) => ({ name, reason: 'it is tried' }));
  await shop.pack('subject', {
    module: await compilePlugin(SUBJECT),
    manifest: { stages: ['rcpt'], reads: 'none', modifies: false, capabilities: { optional: capabilities } },
  });
});
afterAll(async () => {
  await server?.close();
  shop.remove();
});

const results = (...words: string[]) => shop.plugin('test', 'subject.wasm', '--cases', 'cases', ...words);

test('what kv and http answered is recorded, and replayed when the server is gone', async () => {
  const origin = `http://127.0.0.1:${server!.port}`;
  const web = (path: string, tags: Readonly<Record<string, string>>): string =>
    JSON.stringify({
      stage: 'rcpt',
      settings: { url: `${origin}${path}` },
      grants: { http: { targets: [origin] } },
      expect: { tags },
    });
  const kept = { note: ' "ä: #" ', none: '[]', count: '1 2', late: 'yes' };
  const keeps = { stage: 'rcpt', grants: { clock: true, kv: {} }, expect: { tags: kept } };
  const text = Buffer.from(TEXT);
  const lacks = {
    stage: 'rcpt',
    settings: { url: origin },
    expect: { tags: { http: '0DENIED ', body: '0 0' } },
  };
  const cases: Readonly<Record<string, string>> = {
    binary: web('/echo', { http: '200 POST 1', body: `256 ${sumOf(BINARY)}` }),
    gone: web('/gone', { http: '0UNAVAILABLE ', body: '0 0' }),
    keeps: JSON.stringify(keeps),
    lacks: JSON.stringify(lacks),
    text: web('/text', { http: '200 POST 1', body: `${text.length} ${sumOf(text)}` }),
  };
  for (const [name, content] of Object.entries(cases)) shop.write(`cases/${name}.yaml`, content);

  const unrecorded = await results();
  expect(unrecorded.code).toBe(1);
  expect(unrecorded.out).toContain('it asked clock {}, which was not recorded; postern plugin test --record');
  expect(unrecorded.out).toContain(
    `it asked http {"method":"POST","url":"${origin}/echo","headers":{"X-Test":"1"}} and 256 octets, which`,
  );
  expect(unrecorded.out).toMatch(/^ok {4}lacks$[^]*^1 passed, 4 failed$/m);
  expect(asked).toBe(0);

  const good = {
    code: 0,
    out: 'ok    binary\nok    gone\nok    keeps\nok    lacks\nok    text\n5 passed, 0 failed\n',
    errors: '',
  };
  expect(await results('--record')).toEqual(good);
  expect(asked).toBe(3);
  // A person can read it, and mend it.
  expect(shop.read('cases/keeps.calls.yaml')).toContain(
    'capability: kv\n  request: \'{"op":"get","key":"none"}\'\n  refused: NOT_FOUND\n',
  );
  expect(shop.read('cases/text.calls.yaml')).toMatch(/^ +# three$/m);
  expect(shop.read('cases/gone.calls.yaml')).toContain('refused: UNAVAILABLE');

  await server!.close();
  server = undefined;
  expect(await results()).toEqual(good);
  expect(asked).toBe(3);

  // No record stands in for a grant.
  shop.write('cases/keeps.yaml', 'stage: rcpt\nexpect: {}\n');
  const without = await results();
  expect(without.code).toBe(1);
  expect(without.out).toContain('FAIL  keeps\n      it did not ask clock {}, which was recorded\n');
  expect(without.out).toContain(
    'it did not ask kv {"op":"put","key":"note","expires":60} and 9 octets, which',
  );
});
