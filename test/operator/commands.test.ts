import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { compileWat, vectorText } from '../abi/wat.ts';
import { command, type Ended } from '../support/command.ts';
import { startPostern, temporaryDirectory } from '../support/postern.ts';
import { makeFooter } from './vendor.ts';

// Each command starts the real program and loads every plugin.
vi.setConfig({ testTimeout: 120_000 });

const SETTINGS = {
  type: 'object',
  additionalProperties: false,
  properties: { text: { type: 'string', maxLength: 20 } },
};

const BASE = `# mine
hostname: gate.test
stateDir: ./var
plugins: { allowUnsigned: true }
listeners:
  in: { protocol: smtp, port: 0, domains: [example.com], downstream: local, group: inbound }
downstreams:
  local: { protocol: maildir, path: ./mail }
services:
  access: { plugin: access-control, settings: { rules: [], } }   # who may
  journal:
    plugin: journal # what came
groups:
  inbound: [access, journal]
`;

let scratch: ReturnType<typeof temporaryDirectory>;
let packages: Record<string, string>;
let directory: string;
let runs = 0;
beforeAll(async () => {
  scratch = temporaryDirectory();
  const vendor = join(scratch.path, 'vendor');
  packages = {
    '1.0.0': await makeFooter(vendor, { version: '1.0.0', settings: SETTINGS }),
    '1.1.0': await makeFooter(vendor, { version: '1.1.0', asksMore: true }),
  };
});
afterAll(() => scratch.remove());
beforeEach(() => {
  directory = join(scratch.path, `run-${runs++}`);
  mkdirSync(directory);
  writeFileSync(file(), BASE);
});

const file = (name = 'postern.yaml'): string => join(directory, name);
const text = (): string => readFileSync(file(), 'utf8');
const plugin = (...words: string[]): Promise<Ended> =>
  command(['plugin', ...words, '-c', file()], { seconds: 120 });

/** It fails like this, and nothing is written. */
async function expectRefused(words: readonly string[], code: number, reason: string): Promise<void> {
  const before = text();
  const ended = await plugin(...words);
  expect(ended).toMatchObject({ code, errors: expect.stringContaining(reason) });
  expect(text()).toBe(before);
  // What somebody may have given where the name of its file belongs.
  expect(ended.errors).not.toContain('hunter2');
  expect(readdirSync(directory).filter((name) => name.includes('draft'))).toEqual([]);
}

/** Its draft is in the way, and stays. */
async function expectDraft(words: readonly string[]): Promise<void> {
  const before = text();
  expect(await plugin(...words)).toMatchObject({
    code: 1,
    errors: expect.stringContaining('another change is under way'),
  });
  expect(text()).toBe(before);
}

const NO_SERVER = 'no server is running, it takes effect with the next start';

describe('a service', () => {
  it('is disabled and enabled, and the rest of the file stays', async () => {
    expect(await plugin('disable', 'journal')).toEqual({
      code: 0,
      out: [
        `warning: ${file()}:13:14 services.journal.enabled: found false: mail goes on without it in inbound`,
        '   12 +     enabled: false',
        `${file()} is written; ${NO_SERVER}`,
        '',
      ].join('\n'),
      errors: '',
    });
    expect(text()).toBe(BASE.replace('# what came\n', '$&    enabled: false\n'));
    expect((await plugin('disable', 'journal')).out).toContain('says so already, nothing was changed');
    const enabled = await plugin('enable', 'journal', '--mode', 'monitor');
    expect(enabled).toMatchObject({ code: 0, errors: '' });
    expect(text()).toBe(BASE.replace('# what came\n', '$&    enabled: true\n    mode: monitor\n'));
  });

  it('that is broken is disabled, and need not be there', async () => {
    writeFileSync(file(), BASE.replace('plugin: journal', 'plugin: ./gone.wasm'));
    await expectRefused(['disable', 'access'], 2, 'services.journal.plugin');
    // Nobody knows at which stages it would be asked.
    const list = await plugin('list');
    expect(list.code).toBe(2);
    expect(list.out).toMatch(/^access +\S*rcpt\S* +enforce .*\njournal +- +enforce /m);
    expect(await plugin('disable', 'journal')).toMatchObject({ code: 0 });
    const check = await command(['check', '-c', file()], { seconds: 60 });
    expect(check).toMatchObject({ code: 0, out: expect.stringContaining('warning: ') });
    await expectRefused(['enable', 'journal'], 2, 'gone.wasm: there is no such file');
  });

  it.each<[string[], number, string]>([
    [['enable', 'jurnal'], 3, 'did you mean "journal"?'],
    [['disable', 'nobody'], 3, 'Cannot find a service named nobody'],
    [['enable', 'journal', '--group', 'inbound'], 2, 'Cannot use --group here'],
    [['enable', 'journal', '--grant', 'kv'], 2, 'Cannot use --grant here'],
    [['enable', 'journal', '--mode', 'watch'], 2, 'monitor, enforce'],
    [['grant', 'journal', 'teleport'], 2, 'Cannot grant teleport: must be one of clock, kv, http, '],
    [['grant', 'journal', 'htp'], 2, 'Cannot grant htp: did you mean "http"?'],
    [['grant', 'journal', 'clock'], 2, 'postern/journal 0.1.0 does not ask for clock'],
    [['grant', 'journal', 'kv', '{targets: [https://x.example]}'], 2, 'grants.kv.targets: unknown key'],
    [['grant', 'journal', 'modify', 'true'], 2, 'Cannot grant modify: it takes no value'],
    [['grant', 'journal', 'http', 'hunter2'], 2, 'found no map; it must be {targets: …}'],
    [['grant', 'journal', 'http', '{targets: [hunter2'], 2, 'bracket or quote that is not closed'],
    [['grant', 'journal', 'kv', '100'], 2, 'found no map; it must be a map, {key: value}, or left out'],
    [['grant', 'journal', 'http', '[hunter2]'], 2, 'found no map'],
    [['grant', 'journal', 'http'], 2, 'services.journal.grants.http.targets: missing'],
    [['grant', 'journal', 'http', '{targets: [https://x.example/path]}'], 2, 'all paths of it are granted'],
    [
      ['grant', 'journal', 'http', '{targets: [https://x.example], secrets: hunter2}'],
      2,
      'found a text, must',
    ],
    [['grant', 'journal', 'kv', '{keys: 0}'], 2, 'must be an integer from 1 to 1000000'],
    [['revoke', 'journal', 'kv'], 1, 'journal has no such grant'],
    [['revoke', 'journal', 'modify'], 1, 'journal has no such grant'],
    [['enable', 'acme/none', '--service', 'x', '--group', 'inbound'], 3, 'no version of it is installed'],
    [['enable', 'acme/none', '--service', 'x'], 2, '--group'],
    [['upgrade', 'acme/none', '--grant', 'kv', '--keys', '7'], 2, "unknown option '--keys'"],
    [['enable', 'acme/none', '--service', 'x', '--group', 'inbond'], 3, 'did you mean "inbound"?'],
    [['enable', 'acme/none', '--service', 'journal', '--group', 'inbound'], 1, 'there is one of this name'],
    [['upgrade', 'acme/none'], 3, 'no version of it is installed'],
    [['upgrade', 'Acme'], 2, 'must be vendor/name'],
    [['rollback', 'acme/none@1.0.0'], 2, 'postern plugin rollback acme/none'],
    [['rollback', 'acme/none'], 3, 'Cannot find a service that runs acme/none'],
  ])('%j is refused with exit code %i', async (words, code, reason) => {
    await expectRefused(words, code, reason);
  });
});

describe('a capability', () => {
  it('is granted, bound to what the value says, changed key by key, and revoked', async () => {
    // Without a manifest nothing says what it asks for, so anything can be granted.
    writeFileSync(file('own.wasm'), compileWat('own.wat', vectorText('')));
    writeFileSync(file('token'), 'secret');
    const base = BASE.replace('plugin: journal # what', 'plugin: ./own.wasm # what');
    writeFileSync(file(), base);
    const targets = 'targets: [https://api.example.com, http://127.0.0.1:8080]';
    const more = 'secrets: [{header: Authorization, file: ./token}], timeout: 2s, responseBytes: 4096';
    expect(await plugin('grant', 'journal', 'http', `{${targets}, ${more}}`)).toMatchObject({ code: 0 });
    expect(text()).toContain(
      '    grants:\n      http:\n        targets: [https://api.example.com, http://127.0.0.1:8080]\n',
    );
    const changes = '{allowPrivate: true, timeout: 1s}';
    expect(await plugin('grant', 'journal', 'http', changes)).toMatchObject({ code: 0 });
    const again = await plugin('grant', 'journal', 'http');
    expect(again).toMatchObject({ code: 0, out: expect.stringContaining('says so already') });
    expect(await plugin('grant', 'journal', 'kv', 'keys: 7')).toMatchObject({ code: 0 });
    expect(await plugin('grant', 'journal', 'clock')).toMatchObject({ code: 0 });
    expect(loadConfig(file())).toMatchObject({
      config: {
        services: [
          {},
          {
            grants: {
              clock: true,
              kv: { keys: 7, bytes: 10 * 1024 * 1024 },
              http: {
                targets: ['https://api.example.com', 'http://127.0.0.1:8080'],
                allowPrivate: true,
                timeoutMs: 1000,
                responseBytes: 4096,
                secrets: [{ header: 'Authorization', file: file('token') }],
              },
            },
          },
        ],
      },
    });
    for (const name of ['http', 'clock', 'kv'])
      expect(await plugin('revoke', 'journal', name)).toMatchObject({ code: 0 });
    expect(text()).toBe(base);
  });
});

describe('leave to change mail', () => {
  it('is given and taken', async () => {
    const given = await plugin('grant', 'access', 'modify');
    // The package says that it changes nothing, so the leave is void; the operator is told.
    expect(given).toMatchObject({ code: 0, out: expect.stringContaining('has no effect') });
    expect(text()).toBe(BASE.replace('rules: [], } }', 'rules: [], }, allowModify: true }'));
    expect(await plugin('revoke', 'access', 'modify')).toMatchObject({ code: 0 });
    expect(text()).toBe(BASE.replace('rules: [], } }', 'rules: [], }, allowModify: false }'));
  });

  it('shows no settings, though they stand in the line that changes', async () => {
    const rule = '{ recipient: [secret@example.com], action: reject }';
    writeFileSync(file(), BASE.replace('rules: [],', `rules: [${rule}]`));
    const { code, out } = await plugin('disable', 'access');
    expect(code).toBe(0);
    expect(out).toContain('+ …, enabled: false…');
    expect(out).not.toContain('secret@');
  });
});

describe('a package', () => {
  it('becomes a service with settings and grants, and these are held to what it asks for', async () => {
    expect(await plugin('install', packages['1.0.0']!)).toMatchObject({ code: 0 });
    const enable = ['enable', 'acme/footer@1.0.0', '--service', 'footer', '--group', 'inbound'];
    writeFileSync(file('bad.yaml'), 'text: A text that is longer than twenty\ncolour: blue\n');
    const bad = await plugin(...enable, '--settings', file('bad.yaml'));
    expect(bad.code).toBe(2);
    expect(bad.errors).toMatch(/services\.footer\.settings\.text: must NOT have more than 20 characters/);
    expect(bad.errors).toMatch(/services\.footer\.settings\.colour: unknown key/);
    expect(text()).toBe(BASE);
    writeFileSync(file('list.yaml'), '- text\n');
    await expectRefused([...enable, '--settings', file('list.yaml')], 2, 'found no map');
    await expectRefused([...enable, '--settings', file('none.yaml')], 3, 'Cannot read');
    await expectRefused([...enable, '--grant', 'kv'], 2, 'does not ask for kv, so it can');
    await expectRefused([...enable, '--grant', 'kv', '--grant', 'kv={keys: 1}'], 2, 'it is given twice');
    await expectRefused([...enable, '--grant', 'http'], 2, 'grants.http.targets: missing');
    await expectRefused([...enable, '--grant', 'http=hunter2'], 2, 'found no map');
    // Hints for what is missing, and for nothing else.
    expect(bad.errors).toContain('--settings FILE');
    expect(bad.errors).not.toContain('--grant');
    const { errors: unasked } = await plugin(...enable, '--grant', 'kv');
    expect(unasked).not.toMatch(/--grant|--settings|postern plugin revoke/);

    writeFileSync(file('good.json'), '{ "text": "Hello" }');
    const more = ['--settings', file('good.json'), '--allow-modify', '--mode', 'enforce'];
    const good = await plugin(...enable, ...more);
    expect(good).toMatchObject({ code: 0, errors: '' });
    expect(good.out).toContain('+     settings: …\n');
    expect(good.out).not.toContain('Hello');
    expect(text()).toBe(
      BASE.replace(
        '# what came\n',
        '$&  footer:\n    plugin: acme/footer@1.0.0\n    mode: enforce\n    allowModify: true\n    settings: { text: Hello }\n',
      ).replace('[access, journal]', '[access, journal, footer]'),
    );
    await expectRefused(['enable', 'acme/footer', '--service', 'footer', '--group', 'inbound'], 1, 'upgrade');
  });

  it('that asks for more than was consented to does not run, also where the file was edited', async () => {
    expect(await plugin('install', packages['1.0.0']!)).toMatchObject({ code: 0 });
    expect(await plugin('install', packages['1.1.0']!)).toMatchObject({ code: 0 });
    // No service runs it yet; the newest is meant, and it waits.
    const enable = ['enable', 'acme/footer', '--service', 'footer', '--group', 'inbound'];
    await expectRefused([...enable, '--grant', 'clock'], 2, 'acme/footer@1.1.0 waits for consent');

    const service = '  footer: { plugin: acme/footer@1.1.0, grants: { clock: true } }\n';
    writeFileSync(
      file(),
      BASE.replace('# what came\n', `$&${service}`).replace('journal]', 'journal, footer]'),
    );
    const check = await command(['check', '-c', file()], { seconds: 60 });
    expect(check.code).toBe(2);
    expect(check.out).toContain('it also wants to be asked at rcpt');
    const run = await command(['run', '-c', file()], { seconds: 60 });
    expect(run).toMatchObject({
      code: 2,
      errors: expect.stringContaining('postern plugin upgrade acme/footer@1.1.0 --consent'),
    });
    // That command gives the consent, though the file says so already.
    const before = text();
    expect(await plugin('upgrade', 'acme/footer@1.1.0', '--consent')).toMatchObject({ code: 0 });
    expect(text()).toBe(before);
    expect(await command(['check', '-c', file()], { seconds: 60 })).toMatchObject({ code: 0 });
    await expectRefused(['upgrade', 'acme/footer@1.0.0'], 1, 'postern plugin rollback');
    await expectRefused(['revoke', 'footer', 'clock'], 2, 'acme/footer 1.1.0 requires clock');
  });
});

describe('a roll back', () => {
  const enable = ['enable', 'acme/footer@1.0.0', '--service', 'footer', '--group', 'inbound'];

  it('goes to nothing that never ran, though it has the version of what did', async () => {
    const greedy = await makeFooter(join(directory, 'greedy'), {
      version: '1.0.0',
      limits: { memoryMiB: 1024 },
    });
    expect(await plugin('install', packages['1.0.0']!)).toMatchObject({ code: 0 });
    expect(await plugin('install', packages['1.1.0']!)).toMatchObject({ code: 0 });
    expect(await plugin(...enable)).toMatchObject({ code: 0 });
    const upgrade = ['upgrade', 'acme/footer', '--consent', '--grant', 'clock'];
    expect(await plugin(...upgrade)).toMatchObject({ code: 0 });
    expect(await plugin('remove', 'acme/footer@1.0.0')).toMatchObject({ code: 0 });
    await expectRefused(['rollback', 'acme/footer'], 1, 'no version is on record that ran before 1.1.0');

    const installed = await plugin('install', greedy, '--allow-downgrade');
    expect(installed).toMatchObject({ code: 0, out: expect.stringContaining('memoryMiB') });
    await expectRefused(['rollback', 'acme/footer'], 1, 'no version is on record that ran before 1.1.0');

    // Also where the record of what ran was not taken out with it.
    const history = join(directory, 'var/packages/ids/acme/footer/history.json');
    const [first] = JSON.parse(readFileSync(history, 'utf8')) as object[];
    const entry = { version: '1.0.0', digest: `sha256:${'0'.repeat(64)}`, at: 'then' };
    writeFileSync(history, JSON.stringify([entry, first]));
    await expectRefused(['rollback', 'acme/footer'], 3, 'is not installed any more');
  });

  it('consents to nothing by itself', async () => {
    const wide = await makeFooter(join(directory, 'wide'), {
      version: '1.0.0',
      limits: { memoryMiB: 128 },
    });
    const narrow = await makeFooter(join(directory, 'narrow'), { version: '1.0.1', asksMore: true });
    for (const file of [wide, narrow]) expect(await plugin('install', file)).toMatchObject({ code: 0 });
    expect(await plugin(...enable)).toMatchObject({ code: 0 });
    expect(await plugin('upgrade', 'acme/footer', '--consent', '--grant', 'clock')).toMatchObject({
      code: 0,
    });
    // What has been consented to is what 1.0.1 asks for.
    await expectRefused(['rollback', 'acme/footer'], 1, 'postern plugin rollback acme/footer --consent');
    const shown = await plugin('rollback', 'acme/footer', '--consent');
    expect(shown).toMatchObject({ code: 0, out: expect.stringContaining('its memory rises') });
    expect(text()).toContain('plugin: acme/footer@1.0.0');
  });

  it('passes over what stood in the file and never loaded', async () => {
    const next = await makeFooter(join(directory, 'next'), { version: '1.2.0' });
    for (const file of [packages['1.0.0']!, packages['1.1.0']!, next])
      expect(await plugin('install', file)).toMatchObject({ code: 0 });
    expect(await plugin(...enable)).toMatchObject({ code: 0 });
    writeFileSync(file(), text().replace('footer@1.0.0', 'footer@1.1.0'));
    expect(await plugin('upgrade', 'acme/footer')).toMatchObject({ code: 0 });
    expect(await plugin('rollback', 'acme/footer')).toMatchObject({ code: 0 });
    expect(text()).toContain('plugin: acme/footer@1.0.0');
  });
});

describe('a file', () => {
  it('in which a change would reach further is left alone', async () => {
    const shared = BASE.replace('access: {', 'access: &one {').replace('journal:', 'twin: *one\n  journal:');
    writeFileSync(file(), shared.replace('[access, journal]', '[access, twin, journal]'));
    await expectRefused(['disable', 'access'], 1, 'please edit the file');
  });

  it('that two commands change at once has the changes of each that says so', async () => {
    const [first, second] = await Promise.all([plugin('disable', 'journal'), plugin('disable', 'access')]);
    expect([first.code, second.code]).toContain(0);
    expect([first.code === 0, second.code === 0]).toEqual([
      text().includes('    enabled: false\n'),
      text().includes(', enabled: false }'),
    ]);
  });

  it('that is being changed by another command is left alone', async () => {
    writeFileSync(file('postern.yaml.draft'), 'half of it');
    const { code, errors } = await plugin('disable', 'journal');
    expect([code, text()]).toEqual([1, BASE]);
    expect(errors).toContain('another change is under way');
    expect(errors).not.toContain('by hand');
    // Said before plugins are loaded, one of which would be at fault.
    writeFileSync(file(), BASE.replace('plugin: journal', 'plugin: ./gone.wasm'));
    await expectDraft(['disable', 'access']);
  });

  it('that cannot be written is told, with the lines to put there', async () => {
    // A name that leaves no room for that of a draft.
    const long = file(`${'x'.repeat(248)}.yaml`);
    writeFileSync(long, BASE);
    const { code, errors } = await command(['plugin', 'disable', 'journal', '-c', long], { seconds: 60 });
    expect([code, readFileSync(long, 'utf8')]).toEqual([1, BASE]);
    expect(errors).toContain(`Cannot write ${long}: `);
    expect(errors).toContain('The change to make by hand:\n   12 +     enabled: false');
  });

  it('whose change the running server refuses is put back, with its reason', async () => {
    const gate = await startPostern(BASE, { directory });
    try {
      // A restart is due, of which the command knows nothing.
      const edited = BASE.replace('gate.test', 'other.test');
      writeFileSync(file(), edited);
      await expectRefused(['disable', 'journal'], 1, 'takes a restart');
      expect(text()).toBe(edited);
      writeFileSync(file(), BASE);
      expect(await plugin('disable', 'journal')).toMatchObject({
        code: 0,
        out: expect.stringContaining('the running server has taken it over'),
      });
    } finally {
      await gate.stop();
    }
  });

  it('that is not the one that the running server reads is left alone', async () => {
    const gate = await startPostern(BASE, { directory });
    try {
      const other = file('other.yaml');
      writeFileSync(other, BASE);
      const { code, errors } = await command(['plugin', 'disable', 'journal', '-c', other], { seconds: 60 });
      expect([code, readFileSync(other, 'utf8')]).toEqual([1, BASE]);
      expect(errors).toContain(`Cannot change ${other}: the running server of ${join(directory, 'var')}`);
      expect(errors).toContain(`(pid ${gate.pid}) reads another config, ${file()};`);
      // By another name it is the same file.
      symlinkSync(file(), file('link.yaml'));
      const linked = await command(['plugin', 'disable', 'journal', '-c', file('link.yaml')], {
        seconds: 60,
      });
      expect(linked).toMatchObject({ code: 0, out: expect.stringContaining('has taken it over') });
    } finally {
      await gate.stop();
    }
  });

  it('that a server takes its time to take over is waited for, and the command says so', async () => {
    mkdirSync(join(directory, 'var'));
    const server = createServer((request, response) => {
      const services = { pid: 4711, startedAt: 0, file: file(), services: [] };
      const isReload = request.url === '/reload';
      const answer = isReload ? { applied: true, problems: [] } : services;
      setTimeout(() => response.end(JSON.stringify(answer)), isReload ? 3000 : 0);
    });
    await new Promise<void>((resolve) => server.listen(join(directory, 'var/control.sock'), resolve));
    try {
      expect(await plugin('disable', 'journal')).toMatchObject({
        code: 0,
        out: expect.stringContaining('the running server has taken it over'),
        errors: 'waiting for the running server (pid 4711) …\n',
      });
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('is loaded by a server as the commands have written it', async () => {
    expect(await plugin('install', packages['1.0.0']!)).toMatchObject({ code: 0 });
    await plugin('enable', 'acme/footer', '--service', 'footer', '--group', 'inbound', '--allow-modify');
    const loaded = loadConfig(file());
    expect(loaded).toMatchObject({ ok: true });
    const list = await plugin('list', '--json');
    const { services } = JSON.parse(list.out) as { services: { service: string; mode: string }[] };
    expect(services).toContainEqual(
      expect.objectContaining({
        service: 'footer',
        mode: 'monitor',
        stages: ['message'],
        groups: ['inbound'],
      }),
    );
  });
});
