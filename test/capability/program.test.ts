import { writeFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { compileWat, vectorText } from '../abi/wat.ts';
import { oneListener } from '../support/one-listener.ts';
import { startPostern, temporaryDirectory, type Postern } from '../support/postern.ts';
import { Dialog } from '../support/smtp-dialog.ts';
import { httpServer, type Local } from './asking.ts';

/** The real program, with the capabilities that its config grants. */
const scratch = temporaryDirectory();
let gate: Postern | undefined;
let server: Local | undefined;

afterEach(async () => {
  await gate?.kill('SIGKILL');
  await server?.close();
  scratch.remove();
});

/** At each MAIL it counts, and logs the answer; at each RCPT it asks a server, and lets the mail in if it answers. */
const plugin = (url: string): string => `
  (import "extism:host/env" "log_error" (func $log_error (param i64)))
  (data (i32.const 1024) "{\\22op\\22:\\22increment\\22,\\22key\\22:\\22n\\22}")
  (data (i32.const 2048) "{\\22url\\22:\\22${url}\\22}")
  (func (export "on_mail") (result i32) (local $size i32)
    (local.set $size (call $kv (i32.const 1024) (i32.const 28)))
    (if (i32.lt_s (local.get $size) (i32.const 0)) (then (return (local.get $size))))
    (drop (call $answer_read (i32.const 0) (i32.const 4096) (local.get $size)))
    (call $log_error (call $block (i32.const 4096) (local.get $size)))
    (call $done))
  (func (export "on_rcpt") (result i32) (local $size i32)
    (local.set $size (call $http (i32.const 2048) (i32.const ${url.length + 10})))
    (if (i32.lt_s (local.get $size) (i32.const 0)) (then (return (local.get $size))))
    (call $done))`;

it('counts over a kill, and sends a secret that it does not tell', async () => {
  const seen: IncomingHttpHeaders[] = [];
  server = await httpServer((request, response) => {
    seen.push(request.headers);
    response.end('fine');
  });
  const url = `http://127.0.0.1:${server.port}`;
  // What comes first in a module are its imports.
  const [imported = '', ...rest] = plugin(url).trim().split('\n');
  const text = vectorText(rest.join('\n')).replace('(module\n', `(module\n${imported}\n`);
  writeFileSync(join(scratch.path, 'asking.wasm'), compileWat('asking.wat', text));
  writeFileSync(join(scratch.path, 'token'), 'Bearer hidden-token\n');
  const http = { targets: [url], secrets: [{ header: 'Authorization', file: './token' }] };
  const asking = {
    plugin: './asking.wasm',
    grants: { kv: {}, http },
    onFailure: { trap: 'reject', capability: 'tempfail' },
  };
  const config = { log: { level: 'debug' }, ...oneListener({ mode: 'queue', services: { asking } }) };
  const start = async (): Promise<Dialog> => {
    gate = await startPostern(config, { directory: scratch.path });
    const dialog = await Dialog.open(gate.ports['in']!);
    await dialog.say('EHLO client.example.net');
    return dialog;
  };
  const counted = (value: number): Promise<unknown> =>
    gate!.waitForLog((line) => JSON.stringify(line).includes(String.raw`{\"value\":${value},`));

  const first = await start();
  for (const value of [1, 2, 3]) {
    expect(await first.say('MAIL FROM:<bob@example.net>')).toMatch(/^250 /);
    await counted(value);
    await first.say('RSET');
  }
  await gate!.kill('SIGKILL');

  const second = await start();
  expect(await second.say('MAIL FROM:<bob@example.net>')).toMatch(/^250 /);
  await counted(4);
  expect(await second.say('RCPT TO:<ann@example.com>')).toMatch(/^250 /);
  expect(seen).toMatchObject([{ authorization: 'Bearer hidden-token' }]);
  await gate!.waitForLog(({ capability, target }) => capability === 'http' && target === `GET ${url}`);
  // The server goes away: the operator's rule for outages, not the one for traps.
  await server.close();
  server = undefined;
  expect(await second.say('RCPT TO:<ann@example.com>')).toMatch(/^451 /);
  expect(JSON.stringify(gate!.log)).not.toContain('hidden-token');
});
