import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Directory } from '../../src/ocp/capability.ts';
import { directoryPart, type DirectoryPart } from '../../src/sandbox/capabilities/directory.ts';
import { createCapabilityHost } from '../../src/sandbox/capabilities/host.ts';
import { LibraryThreads } from '../../src/sandbox/capabilities/library-threads.ts';
import { lacks } from '../interop/support/servers.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { startSlapd, type Slapd } from '../support/slapd.ts';
import { ask, rawServer, type Heard, type Local } from './asking.ts';

const missing = lacks('slapd', 'slapadd');
const scratch = mkdtempSync(join(tmpdir(), 'postern-directory-'));
const at = (name: string): string => join(scratch, name);
const threads = new LibraryThreads();
const parts: DirectoryPart[] = [];
let server: Local | undefined;

afterEach(async () => {
  for (const part of parts.splice(0)) part.close();
  await server?.close();
  server = undefined;
});
afterAll(async () => {
  await threads.close();
  rmSync(scratch, { recursive: true });
});

const LIMITS = { maxRows: 3, cacheMs: 0, timeoutMs: 10_000 };

type Look = (table: string, key: string, signal?: AbortSignal) => Promise<Heard>;

/** Over the tables; `s` is granted all but the one that is called `hidden`. */
function looking(
  directories: readonly Directory[],
  { requestsPerMinute = 1000, log = new RecordingLog() } = {},
): Look {
  const tables = directories.map(({ name }) => name).filter((name) => name !== 'hidden');
  const part = directoryPart(directories, threads);
  parts.push(part);
  const host = createCapabilityHost({
    services: [{ name: 's', grants: { directory: { tables, requestsPerMinute } } }],
    parts: { directory: part },
    log,
  });
  return (table, key, signal) =>
    ask(host, { service: 's', capability: 'directory', fields: { table, key }, ...(signal && { signal }) });
}

const rows = (...found: object[]): object => ({ said: { rows: found } });

describe('a CSV file', () => {
  const csv = (file: string, more: Partial<Directory> = {}): Directory =>
    ({ name: 'staff', type: 'csv', file, key: 'mail', ...LIMITS, ...more }) as Directory;

  it('is a table, whose keys compare without regard to case', async () => {
    const file = at('staff.csv');
    const text =
      '\ufeffmail,store,"full ""name"""\r\nann@example.com,paris,"Ann, of\r\nParis"\r\n\r\nBEN@example.com,,Ben\n' +
      'ann@example.com,rome,Ann\n';
    writeFileSync(file, text);
    const look = looking([csv(file), csv(file, { name: 'some', columns: ['store'] })]);
    expect(await look('staff', 'Ann@Example.com')).toEqual(
      rows(
        { mail: ['ann@example.com'], store: ['paris'], 'full "name"': ['Ann, of\r\nParis'] },
        { mail: ['ann@example.com'], store: ['rome'], 'full "name"': ['Ann'] },
      ),
    );
    expect(await look('some', 'ben@example.com')).toEqual(rows({ store: [''] }));
    expect(await look('staff', 'nobody@example.com')).toEqual(rows());
  });

  it('is read anew when it has changed, and only what is kept outlives that', async () => {
    const file = at('changing.csv');
    writeFileSync(file, 'mail,store\nann@example.com,paris\n');
    const look = looking([csv(file), csv(file, { name: 'kept', cacheMs: 60_000 })]);
    for (const table of ['staff', 'kept'])
      expect(await look(table, 'ann@example.com')).toMatchObject(rows({ store: ['paris'] }));
    writeFileSync(at('next.csv'), 'mail,store\nann@example.com,rome\n');
    renameSync(at('next.csv'), file);
    expect(await look('staff', 'ann@example.com')).toMatchObject(rows({ store: ['rome'] }));
    expect(await look('kept', 'ann@example.com')).toMatchObject(rows({ store: ['paris'] }));
    rmSync(file);
    expect(await look('staff', 'ann@example.com')).toMatchObject({
      error: 'UNAVAILABLE',
      cause: expect.stringContaining('ENOENT'),
    });
    expect(await look('kept', 'ann@example.com')).toMatchObject(rows({ store: ['paris'] }));
  });

  it.each([
    ['store\nparis\n', 'no column "mail"'],
    ['mail,store\nann@example.com\n', 'row 2 has 1 values'],
    ['mail,store\n"ann@example.com,paris\n', 'line 2: it does not end'],
    ['mail,store\n"ann"@example.com,paris\n', 'line 2'],
    ['', 'no column "mail"'],
    [`mail,store\nann@example.com,${'x'.repeat(17 * 1024 * 1024)}\n`, 'at most 16777216 are allowed'],
  ])('that is broken is out of order %#', async (text, cause) => {
    const file = at('broken.csv');
    writeFileSync(file, text);
    expect(await looking([csv(file)])('staff', 'ann@example.com')).toEqual({
      error: 'UNAVAILABLE',
      cause: expect.stringContaining(cause),
    });
  });

  it('gives no more rows or octets than are allowed', async () => {
    const file = at('many.csv');
    writeFileSync(
      file,
      `mail,x\n${'many@example.com,1\n'.repeat(4)}large@example.com,${'x'.repeat(70_000)}\n`,
    );
    const look = looking([csv(file)]);
    expect(await look('staff', 'many@example.com')).toEqual({
      error: 'LIMIT',
      cause: 'staff has more than 3 rows for the key',
    });
    expect(await look('staff', 'large@example.com')).toMatchObject({ error: 'LIMIT' });
  });
});

it('an SQLite file is a table, whatever its names and the key are made of', async () => {
  const file = at('staff.db');
  const database = new Database(file);
  database.exec(`CREATE TABLE "sta""ff" (mail TEXT COLLATE NOCASE, "store ""x""" TEXT, n INTEGER, b BLOB);
    INSERT INTO "sta""ff" VALUES ('ann@example.com', 'paris', 7, x'c3a9'), ('ben@example.com', NULL, NULL, NULL);
    CREATE TABLE secrets (mail TEXT, value TEXT); INSERT INTO secrets VALUES ('ann@example.com', 'hidden');`);
  database.close();
  const sqlite = { name: 'staff', type: 'sqlite', file, table: 'sta"ff', key: 'mail', ...LIMITS } as const;
  const look = looking([
    sqlite,
    { ...sqlite, name: 'some', columns: ['store "x"'] },
    { ...sqlite, name: 'none', table: 'x' },
  ]);
  expect(await look('staff', 'Ann@example.com')).toEqual(
    rows({ mail: ['ann@example.com'], 'store "x"': ['paris'], n: ['7'], b: ['é'] }),
  );
  expect(await look('staff', 'ben@example.com')).toMatchObject(rows({ n: [], b: [] }));
  expect(await look('some', 'ann@example.com')).toEqual(rows({ 'store "x"': ['paris'] }));
  for (const key of ["' OR 1=1 --", "x' UNION SELECT * FROM secrets --", '%', '*', '"mail"'])
    expect(await look('staff', key)).toEqual(rows());
  expect(await look('none', 'ann@example.com')).toMatchObject({ error: 'UNAVAILABLE' });
});

describe.skipIf(missing !== '')(`OpenLDAP${missing}`, () => {
  let slapd: Slapd;
  const person = (uid: string, mail: string, more = ''): string =>
    `dn: uid=${uid},dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: ${uid}\ncn: ${uid}\nsn: ${uid}\nmail: ${mail}\n${more}\n`;
  beforeAll(async () => {
    const stars = Array.from({ length: 5 }, (_, i) => person(`many${i}`, 'many@example.com')).join('\n');
    slapd = await startSlapd(
      [
        person('ann', 'ann@example.com', 'mail: ann@paris.example.org\nl: paris\n'),
        person('ben', 'ben@example.com'),
        person('strange', 'a(b)*c\\d@example.com', 'l: rome\n'),
        person('umlaut', 'jose@example.com', 'givenName:: Sm9zw6k=\n'),
        stars,
      ].join('\n'),
    );
    writeFileSync(at('password'), `${slapd.admin.password}\n`);
    writeFileSync(at('wrong'), 'wrong-password\n');
    writeFileSync(at('empty'), '\n');
  });
  afterAll(() => slapd?.end());

  type Ldap = Extract<Directory, { type: 'ldap' }>;
  const staff = (more: Partial<Ldap> = {}): Ldap => ({
    name: 'staff',
    type: 'ldap',
    url: `ldaps://localhost:${slapd.ldaps}`,
    startTls: false,
    ca: slapd.ca,
    bind: { dn: slapd.admin.dn, passwordFile: at('password') },
    base: 'dc=example,dc=com',
    scope: 'sub',
    filter: '(mail={key})',
    attributes: ['Mail', 'l'],
    ...LIMITS,
    ...more,
  });

  it.each([
    ['ldaps', () => ({})],
    ['StartTLS', () => ({ url: `ldap://localhost:${slapd.ldap}`, startTls: true })],
    ['ldap', () => ({ url: `ldap://127.0.0.1:${slapd.ldap}` })],
  ] as const)('answers by %s', async (_how, more) => {
    const look = looking([staff(more())]);
    expect(await look('staff', 'ANN@example.com')).toEqual(
      rows({ Mail: ['ann@example.com', 'ann@paris.example.org'], l: ['paris'] }),
    );
    expect(await look('staff', 'ben@example.com')).toEqual(rows({ Mail: ['ben@example.com'], l: [] }));
    expect(await look('staff', 'nobody@example.com')).toEqual(rows());
    expect(await look('staff', 'many@example.com')).toMatchObject({ error: 'LIMIT' });
  });

  it('finds what is asked for and nothing else, whatever the key is made of', async () => {
    const look = looking([
      staff(),
      staff({ name: 'parts', filter: '(&(uid={local})(mail=*@{domain}))' }),
      staff({ name: 'name', filter: '(givenName={key})' }),
    ]);
    expect(await look('staff', 'a(b)*c\\d@example.com')).toMatchObject(rows({ l: ['rome'] }));
    for (const key of ['*', 'ann*', '*)(uid=*', 'x)(|(uid=*))', 'ann@example.com)(l=*', '\\2a', 'a\u00e9*'])
      expect(await look('staff', key)).toEqual(rows());
    expect(await look('parts', 'ann@example.com')).toMatchObject(rows({ l: ['paris'] }));
    for (const key of ['ann@*', '*@example.com', 'ann@other.example', 'ann', '@example.com', 'ann@'])
      expect(await look('parts', key)).toEqual(rows());
    expect(await look('name', 'José')).toMatchObject(rows({ Mail: ['jose@example.com'] }));
    const gone = looking([staff({ base: 'ou=gone,dc=example,dc=com' })]);
    expect(await gone('staff', 'ann@example.com')).toEqual(rows());
  });

  it.each([
    ['a server that it does not know', () => ({ ca: undefined }), /self.signed/],
    [
      'a server of another name',
      () => ({ url: `ldaps://127.0.0.1:${slapd.ldaps}` }),
      /altnames|does not match/,
    ],
    ['a wrong password', () => ({ bind: { dn: slapd.admin.dn, passwordFile: at('wrong') } }), /./],
    ['an empty password', () => ({ bind: { dn: slapd.admin.dn, passwordFile: at('empty') } }), /is empty/],
    ['no password', () => ({ bind: { dn: slapd.admin.dn, passwordFile: at('none') } }), /ENOENT/],
    ['no server', () => ({ url: 'ldap://127.0.0.1:1' }), /ECONNREFUSED/],
  ] as const)('is out of order with %s', async (_what, more, cause) => {
    const log = new RecordingLog();
    const { ca, ...rest } = staff({ ...more(), ca: slapd.ca });
    const directory = 'ca' in more() ? rest : { ...rest, ca: ca! };
    const heard = await looking([directory], { log })('staff', 'ann@example.com');
    expect(heard).toMatchObject({ error: 'UNAVAILABLE', cause: expect.stringMatching(cause) });
    expect(JSON.stringify(log.lines)).not.toMatch(/hunter2|wrong-password|ann@/);
  });

  it('is out of order for nobody, who may not search there', async () => {
    const { bind, ...anonymous } = staff();
    expect(bind).toBeDefined();
    expect(await looking([anonymous])('staff', 'ann@example.com')).toEqual({
      error: 'UNAVAILABLE',
      cause: expect.stringContaining('InsufficientAccess'),
    });
  });

  it('is asked again when it is back, and many may ask at once', async () => {
    const look = looking([staff()]);
    const all = await Promise.all(Array.from({ length: 40 }, () => look('staff', 'ann@example.com')));
    for (const heard of all) expect(heard).toMatchObject(rows({ l: ['paris'] }));
    await slapd.stop();
    expect(await look('staff', 'ann@example.com')).toMatchObject({ error: 'UNAVAILABLE' });
    await slapd.start();
    expect(await look('staff', 'ann@example.com')).toMatchObject(rows({ l: ['paris'] }));
  });

  it('that never answers is left after its time, and when nobody waits', async () => {
    server = await rawServer((socket) => socket.resume());
    const url = `ldap://127.0.0.1:${server.port}`;
    const slow = looking([staff({ url, timeoutMs: 300 })]);
    const late = { error: 'UNAVAILABLE', cause: 'staff: there was no answer in time' };
    // More than there are connections.
    const all = await Promise.all(Array.from({ length: 10 }, () => slow('staff', 'ann@example.com')));
    for (const heard of all) expect(heard).toEqual(late);
    const before = server.sockets.length;
    const abort = new AbortController();
    const left = looking([staff({ url })])('staff', 'ann@example.com', abort.signal);
    await expect.poll(() => server!.sockets.length).toBe(before + 1);
    abort.abort();
    expect(await left).toEqual(late);
    await expect.poll(() => server!.sockets.every((socket) => socket.destroyed)).toBe(true);
  });
});

describe('an LDAP server that means harm', () => {
  const hostile = (port: number, more: object = {}): Directory => ({
    name: 'staff',
    type: 'ldap',
    url: `ldap://127.0.0.1:${port}`,
    startTls: false,
    base: 'dc=example,dc=com',
    scope: 'sub',
    filter: '(mail={key})',
    attributes: ['l'],
    ...LIMITS,
    ...more,
  });
  const ber = (tag: number, ...parts: (Buffer | string)[]): Buffer => {
    const value = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
    const head = Buffer.from([tag, 0x84, 0, 0, 0, 0]);
    head.writeUInt32BE(value.length, 2);
    return Buffer.concat([head, value]);
  };
  const message = (id: number, operation: Buffer): Buffer => ber(0x30, Buffer.of(2, 1, id), operation);
  const entry = (id: number, value: string | Buffer): Buffer => {
    const attribute = ber(0x30, ber(4, 'l'), ber(0x31, ber(4, value)));
    return message(id, ber(0x64, ber(4, 'uid=x,dc=example,dc=com'), ber(0x30, attribute)));
  };

  it('is not heard without end', async () => {
    let sent = 0;
    server = await rawServer((socket) =>
      socket.once('data', () => {
        // One message of 1 GiB.
        const octets = Buffer.alloc(64 * 1024, 0x61);
        socket.write(Buffer.from([0x30, 0x84, 0x40, 0, 0, 0]));
        const more = (): void => {
          if (socket.destroyed || sent > 256 * 1024 * 1024) return;
          sent += octets.length;
          socket.write(octets, more);
        };
        more();
      }),
    );
    const heard = await looking([hostile(server.port, { timeoutMs: 20_000 })])('staff', 'ann@example.com');
    expect(heard).toMatchObject({ error: 'UNAVAILABLE' });
    expect(heard.cause).toContain('it answered with more than 1048576 octets');
    expect(sent).toBeLessThan(32 * 1024 * 1024);
  });

  it.each([
    ['a whole answer', undefined],
    // Of this answer to the search that comes next the end is missing: the server itself would say it.
    ['the beginning of one', -80],
  ])('can not be spoken for by %s in the clear before StartTLS', async (_what, end) => {
    server = await rawServer((socket) =>
      socket.once('data', (request) => {
        const id = request[request.indexOf(Buffer.of(2, 1)) + 2]!;
        const started = message(id, ber(0x78, Buffer.of(10, 1, 0, 4, 0, 4, 0)));
        const forged = entry(id + 1, Buffer.alloc(100, 'x')).subarray(0, end);
        socket.write(Buffer.concat([started, forged]));
      }),
    );
    const look = looking([hostile(server.port, { startTls: true, timeoutMs: 5000 })]);
    expect(await look('staff', 'ann@example.com')).toEqual({
      error: 'UNAVAILABLE',
      cause: 'staff: it said more before TLS than it may',
    });
  });
});

describe('the grant', () => {
  const csv = (name: string): Directory => ({
    name,
    type: 'csv',
    file: at('grant.csv'),
    key: 'mail',
    ...LIMITS,
  });
  beforeAll(() => writeFileSync(at('grant.csv'), 'mail\nann@example.com\n'));

  it('names the tables, and bounds the requests', async () => {
    const log = new RecordingLog();
    const look = looking([csv('staff'), csv('hidden')], { requestsPerMinute: 2, log });
    for (const table of ['hidden', 'none', '__proto__'])
      expect(await look(table, 'ann@example.com')).toMatchObject({ error: 'DENIED' });
    for (const error of [undefined, undefined, 'LIMIT', 'LIMIT'])
      expect((await look('staff', 'ann@example.com')).error).toBe(error);
    expect(log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });

  it.each(['', 'a\nb', 'a\0b', '\ud800', 'x'.repeat(1001)])('knows no key such as %j', async (key) => {
    expect(await looking([csv('staff')])('staff', key)).toMatchObject({ error: 'INVALID' });
  });
});
