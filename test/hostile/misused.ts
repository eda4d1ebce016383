import type { CapabilityName, Grants } from '../../src/ocp/capability.ts';

/** What hostile plugins ask of capabilities, and what each is told. */
export const [INVALID, DENIED, LIMIT] = [-1, -3, -4];
/** What they are asked about. */
export const MESSAGE = 'Subject: hello\r\nFrom: bob@example.net\r\n\r\nHi there\r\n';
const SIZE = MESSAGE.length;

export interface Misused {
  readonly grants: Grants;
  /** A request that is granted. */
  readonly good: string;
  /** Requests of its own kind that are wrong at stage `message`, and what each is told. */
  readonly wrong: readonly (readonly [request: string, told: number])[];
  /** What this is told before there is a sender or a message. */
  readonly early?: readonly [request: string, told: number];
  /** What a call fails by that asks until it may not; `trap` if absent. */
  readonly flood?: 'capability';
  /** How many of a flood of good requests get out, where that can be counted. */
  readonly out?: number;
}

const line = (fields: object, body?: string): string =>
  JSON.stringify(fields) + (body === undefined ? '' : `\n${body}`);

/** Ranges that are not of the message. */
const OUTSIDE = [
  { offset: 0, length: SIZE + 1 },
  { offset: SIZE + 1, length: 0 },
  { offset: -1, length: 1 },
  { offset: 0, length: -1 },
  { offset: 0.5, length: 1 },
  { offset: 1e308, length: 1e308 },
  { offset: Number.MAX_SAFE_INTEGER, length: Number.MAX_SAFE_INTEGER },
  { offset: '0', length: 1 },
  { offset: 0, length: 1, encoding: 'x'.repeat(101) },
  { path: '/etc/passwd' },
];
const put = (more: object, body?: string): string =>
  line({ op: 'put', name: 'a', type: 'text/plain', ...more }, body);
const ranges = (request: (content: object) => string): [string, number][] =>
  OUTSIDE.map((content) => [request(content), INVALID]);

export const MISUSED: Partial<Record<CapabilityName, Misused>> = {
  auth: {
    grants: { auth: true },
    good: '{}',
    wrong: [[line({ domain: 'example.net' }), INVALID]],
    early: ['{}', DENIED],
  },
  blob: {
    grants: { blob: { blobs: 3, bytes: 1000, blobBytes: 500, longestMs: 60_000, putsPerMinute: 5 } },
    out: 3,
    good: put({}, 'content'),
    wrong: [
      ...ranges((content) => put({ content })),
      [put({ content: { offset: 0, length: 1 } }, 'and another'), INVALID],
      [put({ name: '' }), INVALID],
      [put({ name: 'x'.repeat(256) }), INVALID],
      [put({ type: 'text/html\r\nSet-Cookie: a=b' }), INVALID],
      [put({ downloads: 0 }), INVALID],
      [put({ access: { clients: ['everybody'] } }), INVALID],
      [put({ expires: 61 }, 'x'), LIMIT],
      [put({}, 'x'.repeat(501)), LIMIT],
      [line({ op: 'info', id: '../../store.db' }), -2],
      [line({ op: 'info', id: 'x'.repeat(65) }), INVALID],
    ],
    early: [put({ content: { offset: 0, length: 1 } }), INVALID],
  },
  directory: {
    grants: { directory: { tables: ['staff'], requestsPerMinute: 5 } },
    good: line({ table: 'staff', key: 'ann' }),
    wrong: [
      [line({ table: 'secret', key: 'ann' }), DENIED],
      [line({ table: '../staff.csv', key: 'ann' }), DENIED],
      [line({ table: 'constructor', key: 'ann' }), DENIED],
      [line({ table: 'staff', key: '' }), INVALID],
      [line({ table: 'staff', key: 'x'.repeat(1001) }), INVALID],
      [line({ table: 'staff', key: 'ann\0' }), INVALID],
      [line({ table: 'staff', key: '\ud800' }), INVALID],
    ],
  },
  dns: {
    grants: { dns: { names: ['*.test'], queriesPerMinute: 1000, queriesPerCall: 5, timeoutMs: 10_000 } },
    out: 5,
    good: line({ type: 'A', name: '0.flood.test' }),
    wrong: [
      [line({ type: 'A', name: 'secrets.example.com' }), DENIED],
      [line({ type: 'A', name: 'test' }), DENIED],
      [line({ type: 'ANY', name: 'a.test' }), INVALID],
      [line({ type: 'A' }), INVALID],
      [line({ type: 'A', name: 'a..test' }), INVALID],
      [line({ type: 'A', name: `${'x'.repeat(64)}.test` }), INVALID],
      [line({ type: 'A', name: `${'x.'.repeat(126)}test` }), INVALID],
      [line({ type: 'A', name: 'x'.repeat(10_000) }), INVALID],
      [line({ type: 'A', name: 'bücher.test' }), INVALID],
      [line({ type: 'A', name: 'a\0.test' }), INVALID],
      [line({ type: 'PTR', address: '999.0.0.1' }), INVALID],
      [line({ type: 'PTR', address: 'fe80::1%lo' }), INVALID],
    ],
  },
  key: {
    grants: { key: { keys: ['ours'], operationsPerMinute: 20 } },
    good: line({ op: 'dkim-sign', key: 'ours' }),
    wrong: [
      [line({ op: 'dkim-sign', key: 'theirs' }), DENIED],
      [line({ op: 'dkim-sign', key: '../theirs.pem' }), DENIED],
      [line({ op: 'dkim-sign', key: 'constructor' }), DENIED],
      [line({ op: 'toString', key: 'ours' }), INVALID],
      [line({ op: 'export', key: 'ours' }), INVALID],
      [line({ op: 'dkim-sign', key: 'ours', headers: ['From', 'x\r\nBcc'] }), INVALID],
      [line({ op: 'dkim-sign', key: 'ours', expires: 1 }), INVALID],
      [line({ op: 'smime-protect', sign: true, encrypt: ['eve@example.com'] }), DENIED],
    ],
    early: [line({ op: 'dkim-sign', key: 'ours' }), DENIED],
    // That a service has used its keys too often is no fault of the plugin's.
    flood: 'capability',
  },
  notify: {
    grants: { notify: { to: ['recipients'], perHour: 5, incidents: true } },
    good: line({ kind: 'notice', to: 'recipients', subject: 'hello' }, 'text'),
    wrong: [
      [line({ kind: 'notice', to: 'sender', subject: 'hello' }, 'text'), DENIED],
      [line({ kind: 'notice', to: 'eve@example.org', subject: 'hello' }, 'text'), INVALID],
      [line({ kind: 'notice', to: 'recipients', subject: '\r\n\0' }, 'text'), INVALID],
      [line({ kind: 'notice', to: 'recipients', subject: 'hello', text: 'there' }), INVALID],
      [line({ kind: 'incident', severity: 'grave', event: 'x', text: '' }), INVALID],
      [line({ kind: 'incident', severity: 'info', event: 'a b\n<13>', text: '' }), INVALID],
    ],
    early: [line({ kind: 'notice', to: 'recipients', subject: 'hello' }, 'text'), DENIED],
  },
  scan: {
    grants: { scan: { scanner: 'clamd', requestsPerMinute: 5, bytesPerMinute: 1000 } },
    out: 5,
    good: line({}, 'content'),
    wrong: [
      ...ranges((content) => line({ content })),
      [line({ content: { offset: 0, length: 1 } }, 'and another'), INVALID],
      [line({ scanner: 'clamd' }, 'x'), INVALID],
      [line({}, 'x'.repeat(1001)), LIMIT],
    ],
    early: [line({ content: { offset: 0, length: 1 } }), INVALID],
  },
};

/** Requests that are wrong whatever is asked. */
export const GARBAGE: readonly (string | Uint8Array)[] = [
  '',
  '\n',
  '\0',
  ' ',
  'null',
  'true',
  '7',
  '[]',
  '"{}"',
  '{',
  '{}}',
  '{}\r{}',
  '{"a":1,"a":2}',
  '{"__proto__":{}}',
  '{"op":"__proto__"}',
  '{"op":1e999}',
  '{"op":null,"kind":null,"table":null,"type":null}',
  `{"x":${'['.repeat(100)}${']'.repeat(100)}}`,
  '{"x":'.repeat(5000),
  Uint8Array.of(0xff, 0xfe, 0x7b, 0x00),
  Uint8Array.of(0x7b, 0x22, 0xc0, 0x80, 0x22, 0x3a, 0x31, 0x7d),
  Uint8Array.of(0xef, 0xbb, 0xbf, 0x7b, 0x7d),
];
