import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { builtPlugin, complaints, unbuilt } from './ask.ts';
import { ROOT } from './compile.ts';

/**
 * A package's schema of settings and its `configure` are two answers to one question: an editor must not mark what the server takes,
 * nor pass what it refuses. Each good example is changed in every place and in many ways, and both are asked.
 */
type Settings = Readonly<Record<string, unknown>>;

interface Examples {
  readonly good: readonly Settings[];
  /** What both refuse, besides good ones that are changed. */
  readonly bad?: readonly Settings[];
  /** What only code can tell: the schema lets it pass. */
  readonly finer: readonly Settings[];
  /** Those, among the changed ones. */
  readonly isFiner: (settings: Settings) => boolean;
}

interface Clients {
  readonly client?: string | readonly string[];
}

const never = (): boolean => false;

const hasNoNetwork = (clients: unknown): boolean =>
  [clients].flat().some((text) => !/^[\d.:a-f]+(?:\/\d+)?$/.test(String(text)));

const GATEWAY: Examples = {
  good: [
    { direction: 'outbound' },
    {
      direction: 'outbound',
      sign: 'must',
      encrypt: 'never',
      recipients: { 'bank.example': 'must', 'bob@bank.example': 'may' },
      without: 'reject',
    },
    {
      direction: 'inbound',
      action: ['mark', 'quarantine'],
      subjectTag: '[no]',
      notify: ['recipients'],
      incident: true,
    },
    { direction: 'inbound', action: 'reject' },
  ],
  finer: [
    { direction: 'outbound', recipients: { 'bücher.example': 'must' } },
    { direction: 'outbound', recipients: { '"bob"@bank.example': 'must' } },
  ],
  isFiner: never,
};

const EXAMPLES: Record<string, Examples> = {
  'smime-gateway': {
    ...GATEWAY,
    good: [...GATEWAY.good, { direction: 'outbound', cipher: 'aes-256-gcm' }],
  },
  'pgp-gateway': GATEWAY,
  'attachment-links': {
    good: [
      {},
      {
        minSize: 10_000_000,
        types: ['video/*'],
        days: 30,
        downloads: 5,
        confirm: true,
        clients: '192.0.2.0/24',
        senders: '@example.net',
        recipients: ['ann@example.com'],
        dkim: 'leave',
        failure: 'tempfail',
        text: 'Files:',
      },
    ],
    finer: [
      { clients: '192.0.2.0/33' },
      { clients: ['mail.example.com'] },
      { senders: '@bücher.example' },
      { recipients: ['"ann"@example.com'] },
    ],
    isFiner: ({ clients = [] }) => hasNoNetwork(clients),
  },
  'access-control': {
    good: [
      { rules: [] },
      { rules: [{ client: ['192.0.2.0/24', '2001:db8::1'], action: 'accept' }] },
      {
        rules: [
          {
            client: '192.0.2.7',
            helo: '*.example',
            user: ['ann'],
            sender: ['<>', '@spam.example'],
            recipient: 'ann@example.com',
            at: 'data',
            action: 'reject',
            reply: { code: 554, enhanced: '5.7.1', text: 'Go away' },
            disconnect: true,
          },
          { at: 'mail', action: 'tempfail', reply: { code: 451 } },
          { helo: ['x'], at: 'rcpt', action: 'discard' },
          { user: '*', at: 'auth', action: 'quarantine' },
          { tls: ['TLSv1', 'TLSv1.1'], cipher: '*CBC*', at: 'starttls', action: 'reject' },
          { not: { tls: '*', cipher: ['x'], client: '10.0.0.0/8' }, at: 'rcpt', action: 'reject' },
          { user: '*', not: { sender: ['{user}', '<>'], user: 'root' }, action: 'reject' },
          { not: { helo: '*.example', recipient: '@example.com' }, action: 'tempfail' },
        ],
      },
    ],
    finer: [
      { rules: [{ client: ['192.0.2.0/33'], action: 'reject' }] },
      { rules: [{ client: 'mail.example.com', action: 'reject' }] },
    ],
    isFiner: (settings) =>
      (settings['rules'] as readonly (Clients & { not?: Clients })[]).some(({ client, not }) =>
        hasNoNetwork([client ?? [], not?.client ?? []].flat()),
      ),
  },
  'dkim-sign': {
    good: [
      { domains: {} },
      {
        domains: { 'example.com': 'rsa', 'example.org': ['rsa', 'ed'] },
        unauthenticated: true,
        signed: 'replace',
        onMismatch: 'reject',
        onNoSignature: 'accept',
        canonicalization: 'relaxed/simple',
        expires: 604_800,
      },
    ],
    finer: [{ domains: { 'bücher.example': 'rsa' } }],
    isFiner: never,
  },
  'mail-auth': {
    good: [
      { authservId: 'mx.example.com' },
      { authservId: '"our gate; the \\"second\\""' },
      {
        authservId: 'mx.example.com',
        onDmarcFail: 'quarantine',
        onSpfFail: 'reject',
        onNoAuthor: 'quarantine',
        onTempError: 'tempfail',
        trustedSealers: ['lists.example.org'],
        scores: { 'spf=fail': 3, 'dkim=pass': -1 },
        seal: 'ours',
      },
    ],
    bad: [
      'mx;dkim=pass',
      'mx example',
      'mx/1',
      '"mx',
      '"mx"; dkim=pass; x="y"',
      String.raw`"mx\"`,
      '""',
      'müller',
    ].map((authservId) => ({ authservId })),
    finer: [],
    isFiner: never,
  },
  antivirus: {
    good: [
      {},
      { action: ['reject'], scan: 'both', unscanned: 'tempfail' },
      {
        action: ['replace', 'mark', 'warn', 'header', 'quarantine'],
        replaceText: 'Gone:\n{name}',
        subjectTag: '[virus]',
        warnText: 'Beware\nof it',
        notify: ['sender', 'recipients', 'postmaster'],
        incident: true,
        scan: 'message',
        unscanned: 'accept',
      },
      { notify: 'postmaster', incident: false },
    ],
    finer: [],
    isFiner: never,
  },
  'attachment-guard': {
    good: [
      {},
      { action: ['reject'], blockTypes: [] },
      {
        blockExtensions: ['exe', '.scr'],
        blockTypes: 'video/*',
        blockRealTypes: ['pe', 'zip'],
        action: ['replace', 'mark', 'header'],
        replaceText: 'Gone:\n{name}',
        subjectTag: '[gone]',
      },
      { blockRealTypes: 'pe', action: 'quarantine' },
      {
        macros: 'block',
        mismatch: 'allow',
        policies: [
          {
            recipients: ['@example.com', 'Ann@example.org'],
            senders: '<>',
            action: 'warn',
            notify: ['postmaster'],
            encryptedArchives: 'allow',
          },
          { senders: ['bob@example.net'], unreadableArchives: 'block', incident: true },
          {},
        ],
      },
    ],
    finer: [
      { policies: [{ recipients: 'ann@bücher.example' }] },
      { policies: [{ senders: '"bob"@example.net' }] },
    ],
    isFiner: never,
  },
  blocklist: {
    good: [
      {},
      {
        entries: [
          { sender: ['@spam.example', '<>'], reply: { code: 554, enhanced: '5.7.0', text: 'Spam' } },
          { client: '192.0.2.0/24', recipient: ['closed@example.com'] },
          { subject: '*pills*', header: { 'X-Mailer': ['Bulk *'] } },
        ],
        recipients: { 'ann@example.com': { block: '@shop.example', allow: ['bob@shop.example'] } },
        ownListReply: { text: 'Ann does not want it' },
      },
    ],
    finer: [{ entries: [{ client: 'mail.example.com' }] }],
    isFiner: (settings) =>
      ((settings['entries'] ?? []) as readonly { client?: string | readonly string[] }[]).some(({ client }) =>
        hasNoNetwork(client ?? []),
      ),
  },
  normalize: {
    good: [
      {},
      {
        heloName: 'reject',
        domainForm: 'off',
        routedLocalPart: 'off',
        longLocalPart: 'reject',
        charset: 'off',
        utf8: 'rewrite',
        leaveSigned: ['smime', 'dkim'],
        fallbackCharset: 'koi8-r',
        unmendable: 'reject',
      },
      { leaveSigned: 'pgp', longLines: 'reject' },
    ],
    finer: [],
    isFiner: never,
  },
  reroute: {
    good: [
      { table: {} },
      {
        table: {
          'old@example.com': { to: 'new@example.com' },
          '@example.org': { nextHop: 'other' },
          '*': { to: ['a@example.com', '@example.net'], nextHop: 'fallback' },
        },
      },
      {
        directory: {
          table: 'staff',
          toFrom: 'mail',
          serverFrom: 'mailHost',
          servers: { 'imap1.example.com': { nextHop: 'a' } },
        },
        senders: { '@intern.example.com': '@example.com', 'a@example.org': 'b@example.org' },
        headers: true,
      },
    ],
    finer: [],
    isFiner: never,
  },
  spam: {
    good: [
      { spamAt: 4.5, header: true, actions: { mark: 5, folder: -1, quarantine: 8.5, bounce: 9, reject: 15 } },
      {
        subjectTag: '[junk]',
        folder: 'INBOX.Junk',
        rejectText: 'No',
        lists: [
          { zone: 'zen.example.org', of: 'client', score: 3 },
          { zone: 'dbl.example.org', of: ['links', 'author'], score: 3.5, answers: ['127.0.1.*'] },
        ],
        rules: [
          { name: 'PILLS', score: 2, header: { Subject: ['*pills*'], From: '*x*' }, text: 'v?agra now' },
          { name: 'NO_DATE', score: -1, missing: ['Date'], text: ['act now', 'free*'] },
          { name: 'UNLIKE', score: 1, unlike: 'sender' },
          { name: 'UNSEEN', score: 1, unlike: ['sender', 'recipients'] },
        ],
        results: { 'spf=fail': 1.5 },
        bayes: { spam: 4, other: -2.5 },
        learn: { spam: 'spam@example.com', other: 'ham@example.com' },
      },
    ],
    finer: [{ rules: [{ name: 'x', score: 1, text: '!!' }] }, { learn: { spam: '"spam"@example.com' } }],
    // A phrase without a word in it.
    isFiner: (settings) => JSON.stringify(settings['rules'] ?? '').includes('"@"'),
  },
  journal: { good: [{}], finer: [], isFiner: never },
  rspamd: {
    good: [
      { url: 'http://127.0.0.1:11333' },
      {
        url: 'https://rspamd.example',
        onReject: 'bounce',
        onSoftReject: 'accept',
        header: false,
        subjectTag: '[junk]',
        folder: 'Spam',
      },
    ],
    finer: [],
    isFiner: never,
  },
  greylist: {
    good: [
      {},
      {
        delaySeconds: 60,
        retryWindowSeconds: 7200,
        rememberSeconds: 86_400,
        whitelistAfter: 0,
        ipv4Prefix: 32,
        ipv6Prefix: 48,
        skipAuthenticated: false,
        onStoreFailure: 'tempfail',
        text: 'Later',
      },
    ],
    finer: [],
    isFiner: never,
  },
  'rate-limit': {
    good: [
      { limits: [] },
      {
        limits: [
          { count: 'connections', per: 'client', max: 10, windowSeconds: 60, text: 'Slow down' },
          { count: 'messages', per: 'recipient', max: 10, windowSeconds: 60 },
          { count: 'recipients', per: 'user', max: 10, windowSeconds: 60 },
        ],
        ipv4Prefix: 24,
        ipv6Prefix: 56,
        onStoreFailure: 'tempfail',
      },
    ],
    finer: [
      {
        limits: [
          { count: 'messages', per: 'user', max: 10, windowSeconds: 60 },
          { count: 'messages', per: 'user', max: 20, windowSeconds: 60 },
        ],
      },
    ],
    // Two limits of one kind.
    isFiner: (settings) => {
      const limits = settings['limits'] as readonly Record<string, unknown>[];
      const kinds = limits.map(({ count, per, windowSeconds }) =>
        JSON.stringify([count, per, windowSeconds]),
      );
      return new Set(kinds).size < kinds.length;
    },
  },
};

const ODD: readonly unknown[] = [
  null,
  0,
  -1,
  450,
  550,
  1.5,
  true,
  '',
  'x',
  'accept',
  'connect',
  'reject',
  'a\u0000b',
  'x'.repeat(5000),
  'x'.repeat(150),
  '@',
  'a@b',
  [],
  [''],
  ['x'],
  [1],
  [null],
  ['reject', 'mark'],
  [['x']],
  {},
  { x: 1 },
];

/** A value with one place in it changed, in all ways. */
function* changed(value: unknown): Generator {
  yield* ODD;
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    for (const [at, item] of items.entries()) {
      for (const other of changed(item)) yield items.with(at, other);
    }
    yield [...items, ...items];
  } else if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value);
    for (const [key, member] of members) {
      for (const other of changed(member)) yield { ...value, [key]: other };
      yield Object.fromEntries(members.filter(([name]) => name !== key));
    }
    yield { ...value, unheard: 'of' };
  }
}

const isSettings = (value: unknown): value is Settings =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

for (const [name, examples] of Object.entries(EXAMPLES)) {
  const skipped = unbuilt(name);
  describe.skipIf(skipped !== '')(`the settings of ${name}${skipped}`, () => {
    holds(name, examples);
  });
}

function holds(name: string, { good, bad = [], finer, isFiner }: Examples): void {
  const schema = JSON.parse(
    readFileSync(join(ROOT, 'plugins', name, 'settings.schema.json'), 'utf8'),
  ) as object;
  const passes = new Ajv2020({ strictTypes: false, strictRequired: false, keywords: ['granted'] }).compile(
    schema,
  );
  const plugin = builtPlugin(name);

  it('good ones pass both', async () => {
    expect(good.map((settings) => passes(settings))).toEqual(good.map(() => true));
    expect(await complaints(plugin, good)).toEqual(good.map(() => ''));
  });

  it('bad ones pass neither', async () => {
    const all = [...bad, { unheard: 'of' }];
    expect(all.filter((settings) => passes(settings))).toEqual([]);
    expect((await complaints(plugin, all)).filter((complaint) => complaint === '')).toEqual([]);
  });

  it('what only code can tell passes the schema alone', async () => {
    expect(finer.map((settings) => passes(settings))).toEqual(finer.map(() => true));
    expect((await complaints(plugin, finer)).filter((complaint) => complaint === '')).toEqual([]);
  });

  it('changed in any place, they pass both or neither', async () => {
    const all = good.flatMap((settings) => [...changed(settings)].filter(isSettings));
    const found = await complaints(plugin, all);
    const differing = all.flatMap((settings, at) => {
      const [schemaSays, pluginSays] = [passes(settings), found[at] === ''];
      if (schemaSays === pluginSays) return [];
      return schemaSays && isFiner(settings) ? [] : [{ settings, schemaSays, pluginSays: found[at] }];
    });
    expect(differing).toEqual([]);
    expect(found.filter((complaint) => complaint !== '').length).toBeGreaterThan(0);
  });
}
