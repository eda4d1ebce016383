import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hashPassword } from '../../src/smtp/password-file.ts';
import { compileWat, vectorText } from '../abi/wat.ts';
import { startPostern, type Postern } from '../support/postern.ts';

const RULES = [
  { helo: ['spam.*'], action: 'reject' },
  { helo: ['later.*'], action: 'tempfail' },
  { helo: ['bye.*'], action: 'reject', disconnect: true },
  {
    sender: ['@spam.example'],
    action: 'reject',
    reply: { code: 553, enhanced: '5.7.27', text: 'No mail from you' },
  },
  { sender: ['@grey.example'], action: 'tempfail' },
  { sender: ['@drop.example'], action: 'discard' },
  { sender: ['@hold.example'], action: 'quarantine' },
  { sender: ['<>'], recipient: ['noreply@example.com'], action: 'reject' },
  {
    sender: ['@bank.example'],
    not: { tls: '*' },
    action: 'reject',
    reply: { code: 530, enhanced: '5.7.0', text: 'Must issue a STARTTLS command first' },
  },
  { recipient: ['blocked@example.com'], action: 'reject' },
  { recipient: ['busy@example.com'], action: 'tempfail' },
  { recipient: ['held@example.com'], action: 'quarantine' },
  { recipient: ['void@example.com'], action: 'discard' },
  { recipient: ['late@example.com'], at: 'data', action: 'reject' },
  { recipient: ['leave@example.com'], action: 'reject', disconnect: true },
];

const smtp = { protocol: 'smtp', port: 0, domains: ['example.com'], downstream: 'local', mode: 'through' };

const CONFIG = {
  listeners: {
    inbound: { ...smtp, group: 'inbound' },
    queued: { ...smtp, mode: 'queue', group: 'inbound' },
    store: { protocol: 'lmtp', port: 0, downstream: 'local', mode: 'through', group: 'inbound' },
    submission: {
      protocol: 'submission',
      port: 0,
      auth: { file: './users' },
      downstream: 'local',
      mode: 'queue',
      group: 'outbound',
    },
    repair: { ...smtp, lineEndings: 'repair' },
    small: {
      ...smtp,
      maxMessageSize: '64KiB',
      limits: { recipients: 100, errors: 3 },
      mixedVerdicts: 'reject',
      group: 'inbound',
    },
    bypass: { ...smtp, mode: 'queue', group: 'bypass' },
    waiting: { ...smtp, greetingDelayMs: 500 },
    banned: { ...smtp, group: 'banned' },
    'old-tls': { ...smtp, group: 'old-tls' },
    blocklist: { ...smtp, group: 'blocklist' },
  },
  downstreams: { local: { protocol: 'maildir', path: './mail' } },
  services: {
    access: { plugin: 'access-control', settings: { rules: RULES } },
    attachments: { plugin: 'attachment-guard', settings: { action: 'quarantine' } },
    // A plugin of the tests, without a manifest that would say whether it may be bypassed.
    marking: { plugin: './marking.wasm', allowModify: true, bypassable: true },
    users: {
      plugin: 'access-control',
      settings: {
        rules: [
          { user: ['eve'], action: 'reject' },
          {
            user: '*',
            not: { sender: ['{user}@example.com', '<>'] },
            action: 'reject',
            reply: { text: 'Not your address' },
          },
          { user: '*', recipient: 'all@example.com', not: { tls: 'TLSv1.3' }, action: 'tempfail' },
        ],
      },
    },
    blocklist: {
      plugin: 'blocklist',
      grants: { kv: {} },
      settings: {
        entries: [
          { sender: '@spam.example', reply: { code: 554, text: 'No spam' } },
          { recipient: 'ann@example.com', subject: '*cheap pills*', reply: { text: 'No pills' } },
        ],
        recipients: { 'carl@example.com': { block: '@shop.example' } },
      },
    },
    ciphers: { plugin: 'access-control', settings: { rules: [{ cipher: 'TLS_*', action: 'reject' }] } },
    networks: {
      plugin: 'access-control',
      settings: { rules: [{ client: ['127.0.0.0/8'], action: 'reject' }] },
    },
  },
  groups: {
    inbound: ['access', 'attachments'],
    outbound: ['users', 'marking'],
    bypass: ['access', 'marking'],
    banned: ['networks'],
    'old-tls': ['ciphers'],
    blocklist: ['blocklist'],
  },
  opes: { bypass: [{ authenticated: true }, { client: '127.0.0.0/8', senderDomain: 'example.org' }] },
  bounce: { downstream: 'local' },
};

/** Adds a field to each message. */
const MARKING = `
(data (i32.const 1024) "X-Seen")
(data (i32.const 1032) "yes")
(func (export "on_message") (result i32)
  (call $is (call $header_add (i32.const 1024) (i32.const 6) (i32.const 1032) (i32.const 3)) (i32.const 0))
  (call $done))`;

/** The gate that all dialogs are with. Its mail goes to `mail/` in the directory. */
export async function startGate(directory: string): Promise<Postern> {
  const lines = await Promise.all(
    ['ann', 'eve'].map(async (user) => `${user}:${await hashPassword('secret')}\n`),
  );
  writeFileSync(join(directory, 'users'), lines.join(''));
  writeFileSync(join(directory, 'marking.wasm'), compileWat('marking.wat', vectorText(MARKING)));
  return startPostern(CONFIG, { directory });
}
