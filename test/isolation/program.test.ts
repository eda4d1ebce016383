import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { compileWat, vectorText } from '../abi/wat.ts';
import { oneListener } from '../support/one-listener.ts';
import { configText, startPostern, temporaryDirectory, type Postern } from '../support/postern.ts';
import { Dialog } from '../support/smtp-dialog.ts';
import { confinedProcesses, unconfinable } from './support.ts';

/** The real program with services in confined processes: they serve, come and go with reloads, and end with it however it ends. */
const scratch = temporaryDirectory();
let gate: Postern;
afterEach(async () => {
  await gate.kill('SIGKILL');
  scratch.remove();
});

function config(header: string): object {
  const text = `
    (data (i32.const 1024) "X-${header}")
    (func (export "on_message") (result i32)
      (drop (call $header_add (i32.const 1024) (i32.const 3) (i32.const 1026) (i32.const 1)))
      (call $done))`;
  const plugin = join(scratch.path, `${header}.wasm`);
  writeFileSync(plugin, compileWat('marking.wat', vectorText(text)));
  return oneListener({ services: { stranger: { plugin, isolation: 'process', allowModify: true } } });
}

async function send(): Promise<string> {
  const dialog = await Dialog.open(gate.ports['in']!);
  await dialog.say('EHLO client.example.net');
  await dialog.say('MAIL FROM:<bob@example.net>');
  await dialog.say('RCPT TO:<ann@example.com>');
  await dialog.say('DATA');
  const said = await dialog.say('Subject: x\r\n\r\nhello\r\n.');
  await dialog.say('QUIT');
  return said;
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe.skipIf(unconfinable !== '')(`postern run with isolation: process${unconfinable}`, () => {
  it('serves, changes them with a reload, and leaves none when it is killed', async () => {
    gate = await startPostern(config('a'), { directory: join(scratch.path, 'gate') });
    expect(await send()).toMatch(/^250 /);
    const first = confinedProcesses(gate.pid);
    expect(first.length).toBeGreaterThanOrEqual(6);
    // Of all that Postern has open, nothing has come along.
    const programs = first.filter((pid) =>
      readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith('/app/node'),
    );
    const held = programs.flatMap((pid) =>
      readdirSync(`/proc/${pid}/fd`).map((name) => readlinkSync(`/proc/${pid}/fd/${name}`)),
    );
    expect(programs.length).toBeGreaterThanOrEqual(2);
    expect(held.filter((what) => !/^(socket|pipe|anon_inode):/.test(what))).toEqual([]);

    writeFileSync(join(gate.directory, 'postern.yaml'), configText(config('b')));
    process.kill(gate.pid, 'SIGHUP');
    await expect.poll(() => first.filter(isAlive), { timeout: 20_000 }).toEqual([]);
    expect(await send()).toMatch(/^250 /);
    const second = confinedProcesses(gate.pid);
    expect(second.length).toBeGreaterThanOrEqual(6);

    await gate.kill('SIGKILL');
    await expect.poll(() => second.filter(isAlive), { timeout: 20_000 }).toEqual([]);
  });
});
