import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { digestOf } from '../../src/sandbox/digest.ts';
import { generateKey } from '../../src/sandbox/minisign-secret.ts';
import { configText, startPostern, waitFor, type LogLine, type Postern } from '../support/postern.ts';
import { Dialog } from '../support/smtp-dialog.ts';
import { configOf, lineOf, makePackage, moduleOf, writeConfig, writePackage } from './packages.ts';
import { workshop, write, type Workshop } from './support.ts';

vi.setConfig({ testTimeout: 120_000 });

const [key, next] = [generateKey(), generateKey()];
const TRUST = { trust: { acme: { keys: [lineOf(key), lineOf(next)] } } };
const REJECT = { verdict: 'reject', reply: { code: 550, text: 'not wanted' } };
const content = makePackage({}, REJECT);
const SERVICES = { filter: { plugin: 'acme/filter@1.0.0' } };

let shop: Workshop;
let gate: Postern;
const cleanups: (() => unknown)[] = [];
beforeEach(() => {
  shop = workshop();
  cleanups.push(() => shop.remove());
});
afterEach(async () => {
  for (const undo of cleanups.splice(0).toReversed()) await undo();
});

/** Installs the package and starts the gate with it. */
async function start(plugins: object, services: object = SERVICES): Promise<void> {
  writeConfig(shop, TRUST);
  writePackage(shop, 'filter.wasm', { content, keys: [key] });
  expect(await shop.plugin(['install', 'filter.wasm', '-c', 'postern.yaml'])).toMatchObject({ code: 0 });
  gate = await startPostern(configOf(plugins, services), { directory: shop.path });
  cleanups.push(() => gate.stop());
}

/** Gives the running gate another config and waits for what it says to that. */
async function reload(plugins: object, services: object = SERVICES): Promise<LogLine> {
  writeFileSync(shop.file('postern.yaml'), configText(configOf(plugins, services)));
  const from = gate.log.length;
  process.kill(gate.pid, 'SIGHUP');
  return waitFor(() => gate.log.slice(from).find(({ msg }) => msg.startsWith('config ')));
}

const DONE = { msg: 'config reloaded' };
const REFUSED = { msg: 'config not reloaded, the old one goes on' };

/** The reply to RCPT in a session of its own, or in one that is open. */
async function rcpt(dialog?: Dialog): Promise<string> {
  const session = dialog ?? (await open());
  expect(await session.say('MAIL FROM:<bob@example.net>')).toMatch(/^250 /);
  const reply = await session.say('RCPT TO:<ann@example.com>');
  expect(await session.say('RSET')).toMatch(/^250 /);
  return reply;
}

async function open(): Promise<Dialog> {
  const dialog = await Dialog.open(gate.ports['in']!);
  cleanups.push(() => dialog.vanish());
  expect(await dialog.say('EHLO client.example.net')).toMatch(/^250/);
  return dialog;
}

describe('what is revoked while the gate runs', () => {
  it.each([
    ['a key', { keys: [lineOf(key)] }, /key \w+ is revoked/],
    ['a digest', { packages: [digestOf(content)] }, /its digest sha256:\w+ is revoked/],
  ])(
    '%s: the next reload names service, plugin and reason, and the old set goes on',
    async (_, revoked, why) => {
      await start(TRUST);
      const dialog = await open();
      expect(await rcpt(dialog)).toMatch(/^550 /);
      const line = await reload({ ...TRUST, revoked });
      expect(line).toMatchObject(REFUSED);
      const problems = line['problems'] as string[];
      expect(problems).toHaveLength(1);
      expect(problems[0]).toMatch(
        /postern\.yaml:1:\d+ services\.filter\.plugin: acme\/filter@1\.0\.0: it is not trusted: /,
      );
      expect(problems[0]).toMatch(why);
      for (const session of [dialog, await open()]) expect(await rcpt(session)).toMatch(/^550 /);

      // Without the service, or with it disabled, the rest of the config comes through: the session stays.
      const disabled = { filter: { ...SERVICES.filter, enabled: false } };
      expect(await reload({ ...TRUST, revoked }, disabled)).toMatchObject(DONE);
      for (const session of [dialog, await open()]) expect(await rcpt(session)).toMatch(/^250 /);
    },
  );

  it('a key whose packages the vendor signs anew: the same version runs on', async () => {
    await start(TRUST);
    const revoked = { keys: [lineOf(key)] };
    expect(await reload({ ...TRUST, revoked })).toMatchObject(REFUSED);
    writePackage(shop, 'filter.wasm', { content, keys: [next] });
    expect(await shop.plugin(['install', 'filter.wasm', '-c', 'postern.yaml'])).toMatchObject({ code: 0 });
    expect(await reload({ ...TRUST, revoked })).toMatchObject(DONE);
    expect(await rcpt()).toMatch(/^550 /);
  });
});

describe('what lies in the store while the gate runs', () => {
  it('and is changed by somebody: the next reload is refused, and the old set goes on', async () => {
    await start(TRUST);
    write(shop, `var/packages/sha256/${digestOf(content).slice(7)}.wasm`, makePackage());
    const line = await reload(TRUST);
    expect(line).toMatchObject(REFUSED);
    expect((line['problems'] as string[])[0]).toContain('its digest differs');
    expect(await rcpt()).toMatch(/^550 /);
  });
});

describe('a plugin that runs unsigned', () => {
  it('is a warning in the log at the start and at each reload, with service and plugin', async () => {
    const policy = { ...TRUST, allowUnsigned: true };
    const services = { ...SERVICES, plain: { plugin: './plain.wasm' } };
    write(shop, 'plain.wasm', moduleOf(['rcpt'], '{}'));
    await start(policy, services);
    const warnings = (): string[] =>
      gate.log.flatMap(({ warning }) => (typeof warning === 'string' ? [warning] : []));
    const expected = expect.stringMatching(
      /services\.plain\.plugin: \/.*plain\.wasm: it is unsigned, and runs because of plugins\.allowUnsigned$/,
    ) as unknown;
    expect(warnings()).toEqual([expected]);
    expect(await reload(policy, services)).toMatchObject(DONE);
    expect(warnings()).toEqual([expected, expected]);
    expect(await reload(TRUST, services)).toMatchObject(REFUSED);
  });
});
