import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Config } from './config.ts';
import { loadConfig } from './load.ts';
import { formatProblem, type Problem } from './problem.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'postern-config-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

function write(text: string | Uint8Array): string {
  const file = join(directory, 'postern.yaml');
  writeFileSync(file, text);
  return file;
}

function load(text: string): { config: Config; warnings: string[] } {
  const loaded = loadConfig(write(text));
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  return { config: loaded.config, warnings: loaded.warnings.map(formatProblem) };
}

function problemsOf(text: string | Uint8Array): readonly Problem[] {
  const loaded = loadConfig(write(text));
  return loaded.ok ? [] : loaded.problems;
}

const SMALLEST = `
hostname: MX.example.org
listeners:
  inbound: { protocol: smtp, port: 2525, domains: [Example.com], downstream: local }
downstreams:
  local: { protocol: maildir, path: ./mail }
`;

describe('What the file does not say', () => {
  test('is filled in', () => {
    const { config, warnings } = load(SMALLEST);
    expect(warnings).toEqual([]);
    expect(config).toEqual({
      file: join(directory, 'postern.yaml'),
      notices: { from: 'MAILER-DAEMON@mx.example.org', perHour: 1000, perRecipientPerHour: 10 },
      incidents: {},
      hostname: 'mx.example.org',
      stateDir: join(directory, 'var'),
      opes: { system: 'mailto:postmaster@mx.example.org', bypass: [] },
      postmaster: 'postmaster@mx.example.org',
      isShippedPluginDirectory: true,
      pluginDirectory: join(root, 'plugins'),
      listeners: [
        {
          name: 'inbound',
          protocol: 'smtp',
          address: '127.0.0.1',
          port: 2525,
          domains: ['example.com'],
          downstream: 'local',
          mode: 'queue',
          maxMessageSize: 50 * 1024 * 1024,
          limits: {
            sessions: 1000,
            sessionsPerAddress: 50,
            recipients: 1000,
            errors: 10,
            idleSeconds: 300,
            transactionSeconds: 1800,
          },
          greetingDelayMs: 0,
          lineEndings: 'refuse',
          mixedVerdicts: 'bounce',
        },
      ],
      downstreams: [{ name: 'local', protocol: 'maildir', path: join(directory, 'mail') }],
      scanners: [],
      blobStores: [],
      directories: [],
      services: [],
      groups: [],
      keys: [],
      queue: { retry: { firstMs: 60_000, maxMs: 3_600_000 }, giveUpAfterMs: 432_000_000, concurrency: 20 },
      bounce: {},
      log: { level: 'info' },
      resolver: { timeoutMs: 2000 },
      sandbox: {},
      plugins: { trust: {}, revoked: { keys: [], packages: [] }, allowUnsigned: false },
    });
  });

  test('has safe values for a service: no leave to modify, and mail waits when it fails', () => {
    const { config } = load(`${SMALLEST}services: { a: { plugin: journal } }`);
    expect(config.services).toEqual([
      {
        name: 'a',
        plugin: 'journal',
        settings: {},
        enabled: true,
        mode: 'enforce',
        allowModify: false,
        onFailure: { load: 'tempfail', trap: 'tempfail', deadline: 'tempfail', capability: 'tempfail' },
        limits: {},
        grants: {},
        isolation: 'thread',
        callsPerInstance: 1,
        bypassable: false,
      },
    ]);
  });

  test('lets nobody bypass services; those who may are named by rules, of which each must be more than a sender', () => {
    const { config, warnings } = load(`${SMALLEST}
opes:
  system: https://mx.example.org/opes?of=us
  bypass:
    - { authenticated: true, senderDomain: Example.ORG }
    - { client: [192.0.2.0/24, '2001:db8::1'] }
    - { sender: Ann@Example.org }
`);
    expect(config.opes).toEqual({
      system: 'https://mx.example.org/opes?of=us',
      bypass: [
        { authenticated: true, senderDomain: ['example.org'] },
        { client: ['192.0.2.0/24', '2001:db8::1'] },
        { sender: ['ann@example.org'] },
      ],
    });
    expect(warnings).toEqual([
      expect.stringMatching(/opes\.bypass\[2\]: names a sender alone, which anyone can write/),
    ]);
  });

  test('is chosen for a downstream by how it is reached', () => {
    const { config } = load(`
hostname: mx.example.org
listeners:
  store: { protocol: lmtp, port: 0, downstream: tcp }
downstreams:
  tcp: { protocol: lmtp, host: 192.0.2.1, port: 24 }
  unix: { protocol: lmtp, socket: run/lmtp, folder: detail, recipientDelimiter: '-', timeouts: { command: 90 } }
`);
    const timeouts = { connectMs: 30_000, commandMs: 60_000, dataMs: 120_000, finalReplyMs: 600_000 };
    const told = { folder: 'none', recipientDelimiter: '+' };
    const common = { protocol: 'lmtp', maxConnections: 100, idleSeconds: 30, ...told };
    expect(config.downstreams).toEqual([
      { ...common, name: 'tcp', endpoint: { host: '192.0.2.1', port: 24 }, tls: 'opportunistic', timeouts },
      {
        ...common,
        name: 'unix',
        folder: 'detail',
        recipientDelimiter: '-',
        endpoint: { path: join(directory, 'run/lmtp') },
        tls: 'none',
        timeouts: { ...timeouts, commandMs: 90_000 },
      },
    ]);
  });
});

describe('What the file says', () => {
  test('comes out in one form: lists, lower case, octets, milliseconds, absolute paths', () => {
    const loaded = loadConfig(join(root, 'test/config-bad/good/everything.yaml'));
    if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
    const { config } = loaded;
    const folder = join(root, 'test/config-bad');
    expect(config).toMatchObject({
      stateDir: '/var/lib/postern',
      postmaster: 'hostmaster@example.org',
      pluginDirectory: join(folder, 'plugins'),
      queue: { retry: { firstMs: 30_000, maxMs: 7_200_000 }, giveUpAfterMs: 172_800_000, concurrency: 3 },
      bounce: { downstream: 'relay' },
      log: { level: 'debug' },
      sandbox: { workers: 2 },
    });
    expect(config.listeners[0]).toMatchObject({
      domains: ['example.com', 'example.org', 'xn--bcher-kva.example'],
      maxMessageSize: 25 * 1024 * 1024,
      mixedVerdicts: 'reject',
    });
    expect(config.listeners[2]).toMatchObject({ auth: { file: join(folder, 'good/users') }, mode: 'queue' });
    expect(config.listeners[2]).not.toHaveProperty('domains');
    expect(config.services[0]).toMatchObject({
      plugin: join(folder, 'filters/own.wasm'),
      settings: { list: [1, 'two', null, { three: 3.5 }], nextHop: 'local' },
      onFailure: { load: 'reject', trap: 'accept', deadline: 'quarantine', capability: 'tempfail' },
      limits: { memoryMiB: 16, outputBytes: 4096, logBytes: 0, addedBytes: 1_000_000 },
      isolation: 'process',
      callsPerInstance: 100,
      grants: {
        clock: true,
        kv: { keys: 100, bytes: 1_048_576 },
        http: {
          targets: ['https://api.example.com', 'http://[::1]:8080'],
          allowPrivate: true,
          requestsPerMinute: 60,
          timeoutMs: 500,
          responseBytes: 65_536,
          secrets: [{ header: 'Authorization', file: join(folder, 'good/everything.yaml') }],
        },
      },
    });
    expect(config.services[1]?.settings).toEqual(config.services[0]?.settings);
    expect(config.groups[0]?.entries).toEqual([
      { service: 'other' },
      {
        service: 'own',
        when: {
          recipientDomain: ['example.com'],
          recipient: ['ann@example.com'],
          senderDomain: ['example.net', 'example.org'],
          sender: [''],
          client: ['192.0.2.0/24', '2001:db8::/32', '198.51.100.7'],
          authenticated: false,
        },
      },
    ]);
  });

  test('is a reason to warn where nothing uses it', () => {
    const { warnings } = load(`${SMALLEST}
  spare: { protocol: maildir, path: ./spare }
services: { a: { plugin: journal }, b: { plugin: journal } }
groups: { idle: [a] }
`);
    const file = join(directory, 'postern.yaml');
    expect(warnings).toEqual([
      `${file}:8:3 downstreams.spare: is used by no listener`,
      `${file}:9:37 services.b: is used by no group`,
      `${file}:10:11 groups.idle: is used by no listener`,
    ]);
  });

  test('is a reason to warn where a group goes on without one of its services', () => {
    const groups = 'groups: { one: [a, b], two: [b] }\n';
    const services = 'services: { a: { plugin: journal }, b: { plugin: ./gone.wasm, enabled: false } }\n';
    const { warnings } = load(
      `${SMALLEST.replace('downstream: local }', 'downstream: local, group: one }')}${services}${groups}`,
    );
    expect(warnings.map((line) => line.slice(line.indexOf(' ') + 1))).toEqual([
      'services.b.enabled: found false: mail goes on without it in one, two',
      'groups.two: is used by no listener',
    ]);
  });

  test('is a reason to warn where notices are asked for that can not be sent to everyone', () => {
    const asking = SMALLEST.replace('downstream: local }', 'downstream: local, mixedVerdicts: bounce }');
    expect(load(asking).warnings).toEqual([
      expect.stringMatching(
        /postern\.yaml:4:\d+ listeners\.inbound\.mixedVerdicts: found "bounce", which acts as/,
      ),
    ]);
    expect(load(`${asking}bounce: { downstream: local }\n`).warnings).toEqual([]);
  });

  test('is a reason to warn where notices to the postmaster go nowhere', () => {
    const granted = (more: string, to = '[postmaster]'): string[] =>
      load(`${SMALLEST.replace('downstream: local }', 'downstream: local, group: all }')}groups: { all: [a] }
services: { a: { plugin: journal, grants: { notify: { to: ${to} } } } }
${more}`).warnings.map((line) => line.slice(line.indexOf(' ') + 1));
    expect(granted('')).toEqual([
      'services.a.grants.notify: nothing takes notices to the postmaster, postmaster@mx.example.org; set postmaster to an address in the domains of a listener, or bounce.downstream',
    ]);
    expect(granted('', '[recipients]')).toEqual([]);
    expect(granted('postmaster: it@example.com\n')).toEqual([]);
    expect(granted('bounce: { downstream: local }\n')).toEqual([]);
  });

  test('is a reason to warn where a secret goes to another machine in clear', () => {
    const secret = join(directory, 'secret.txt');
    writeFileSync(secret, 'sesame', { mode: 0o600 });
    const asking = (target: string, ldap: string): string[] =>
      load(`${SMALLEST.replace('downstream: local }', 'downstream: local, group: all }')}groups: { all: [a] }
services:
  a:
    plugin: journal
    grants: { http: { targets: [${target}], secrets: [{ header: Authorization, file: ${secret} }] } }
directories:
  staff:
    type: ldap
    base: dc=example
    filter: '(mail={key})'
    attributes: [mail]
    bind: { dn: cn=gate, passwordFile: ${secret} }
    ${ldap}
`).warnings.map((line) => line.slice(line.indexOf(' ') + 1));
    expect(asking('http://192.0.2.7', 'url: ldap://ldap.example.com')).toEqual([
      'services.a.grants.http.targets: found http://192.0.2.7, to which the secrets go in clear; use https',
      'directories.staff.url: found ldap://ldap.example.com, to which the password goes in clear; use ldaps, or startTls',
    ]);
    expect(asking('http://127.0.0.1:8080', "url: 'ldap://[::1]:3890'")).toEqual([]);
    expect(asking('https://api.example.com', 'url: ldaps://ldap.example.com')).toEqual([]);
    expect(asking('https://api.example.com', 'url: ldap://ldap.example.com\n    startTls: true')).toEqual([]);
  });

  test('is a reason to warn where what one limit lets through another refuses for ever', () => {
    const limits = (bytes: string, perMinute: string): string =>
      `${SMALLEST.replace('downstream: local }', 'downstream: local, group: all }')}groups: { all: [a] }
web: { port: 0, publicUrl: https://files.example.org }
scanners: { clam: { protocol: clamd, socket: ./clamd } }
services:
  a:
    plugin: journal
    grants: { blob: { bytes: ${bytes} }, scan: { scanner: clam, bytesPerMinute: ${perMinute} } }
`;
    const { warnings } = load(limits('10MiB', '24MiB'));
    expect(warnings.map((line) => line.slice(line.indexOf(' ') + 1))).toEqual([
      'services.a.grants.blob: blobBytes, 52428800, is more than bytes, 10485760: the largest are never kept',
      'services.a.grants.scan: bytesPerMinute, 25165824, is less than maxBytes of the scanner, 26214400: the largest are never scanned',
    ]);
    expect(load(limits('50MiB', '25MiB')).warnings).toEqual([]);
  });

  test('can be pointed at later', () => {
    const loaded = loadConfig(write(`${SMALLEST}services:\n  a:\n    plugin: nowhere\n`));
    const problem = loaded.ok ? loaded.problemAt(['services', 'a', 'plugin'], 'is not there') : undefined;
    expect(problem).toMatchObject({
      line: 9,
      column: 13,
      path: 'services.a.plugin',
      message: 'is not there',
    });
  });
});

test('The example of the installation loads, and warns of nothing but the accounts that the first start makes', () => {
  const loaded = loadConfig(join(root, 'postern.example.yaml'));
  expect(loaded).toMatchObject({ ok: true });
  const warned = loaded.warnings
    .map(({ path }) => path)
    .filter((path) => path !== 'listeners.submission.auth.file');
  expect(warned).toEqual([]);
});

describe('A file that is no config', () => {
  const only = (problems: readonly Problem[]): string => {
    expect(problems).toHaveLength(1);
    return formatProblem(problems[0]!);
  };

  test('because it is not there or is a directory', () => {
    const missing = loadConfig(join(directory, 'missing.yaml'));
    expect(only(missing.ok ? [] : missing.problems)).toMatch(/missing\.yaml: cannot read the file: ENOENT/);
    const folder = loadConfig(directory);
    expect(only(folder.ok ? [] : folder.problems)).toMatch(/: cannot read the file: EISDIR/);
  });

  test('because it is no text or too large', () => {
    expect(only(problemsOf(Uint8Array.of(0x68, 0xff, 0xfe)))).toMatch(/must be UTF-8$/);
    expect(only(problemsOf('#'.repeat(256 * 1024 + 1)))).toMatch(/more than 262144 octets$/);
  });

  test('however deep it is nested', () => {
    for (const open of ['[', '{ a: ', '? ', '- ', '&a [', '!!map {']) {
      const problems = problemsOf(open.repeat(20_000));
      expect(problems.length).toBeGreaterThan(0);
    }
  });

  test('however many aliases, keys or problems it has', () => {
    expect(only(problemsOf(`a: &a x\nb: [${'*a, '.repeat(60_000)}]`))).toMatch(/too many aliases/);
    const problems = problemsOf(Array.from({ length: 5000 }, (_, i) => `key${i}: 1`).join('\n'));
    expect(problems).toHaveLength(201);
    expect(problems.at(-1)).toMatchObject({ path: '', message: 'and 4803 more problems from here on' });
  });

  test('and a BOM or CRLF line ends are no reason', () => {
    expect(problemsOf(`\uFEFF${SMALLEST.trimStart().replaceAll('\n', '\r\n')}`)).toEqual([]);
  });
});

describe('No problem shows a value that may be a secret', () => {
  const secret = 'hunter2';
  test.each([
    `password: ${secret}`,
    `services: ${secret}`,
    `services: { a: ${secret} }`,
    `services: { a: { plugin: journal, settings: ${secret} } }`,
    `services: { a: { plugin: journal, settings: [${secret}] } }`,
    `services: { a: { plugin: journal, setings: { key: ${secret} } } }`,
    `services: { a: { plugin: journal, settings: { nextHop: ${secret} } } }`,
    `services: { a: { plugin: journal, settings: { key: *${secret} } } }`,
    `services: { a: { plugin: journal, settings: { key: !${secret} } } }`,
    `services: { a: { plugin: journal, settings: { key: @${secret} } } }`,
    `services: { a: { plugin: journal, settings: { key: "\\${secret}" } } }`,
    `services: { a: { plugin: journal, settings: { key: "${secret} } } }`,
    `bounce: { user: ${secret}, downstream: "smtp://ann:${secret}@example.org" }`,
    `%${secret}`,
  ])('%s', (text) => {
    const problems = problemsOf(`${SMALLEST}${text}\n`);
    expect(problems).not.toEqual([]);
    expect(problems.map(formatProblem).join('\n')).not.toContain(secret);
  });
});

test('Whatever is cut out of a good file or put in it, loading gives a config or problems, and never throws', () => {
  const text =
    SMALLEST + 'services: { a: { plugin: journal, onFailure: { trap: accept } } }\ngroups: { g: [a] }\n';
  const pieces = ['', ':', '\n', '{', ']', '"', '*', '&', '? ', '\t', '~'];
  for (let at = 0; at < text.length; at += 5) {
    for (const piece of pieces) {
      const problems = problemsOf(text.slice(0, at) + piece + text.slice(at + 1));
      for (const { line, column, message } of problems) {
        expect(line >= 0 && column >= 0 && message !== '').toBe(true);
      }
    }
  }
});
