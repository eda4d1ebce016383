import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listed } from './support/cli.ts';
import { freePort } from './support/free-port.ts';
import { decentBut, LineServer, type Habits, type Peer } from './support/line-server.ts';
import { startPostern, temporaryDirectory, waitFor, type LogLine, type Postern } from './support/postern.ts';
import { ScriptedMta } from './support/scripted-mta.ts';
import { Dialog } from './support/smtp-dialog.ts';

const directory = temporaryDirectory();
const servers: { stop(): Promise<void> }[] = [];
let postern: Postern | undefined;

/**
 * One message to some recipients; the replies to MAIL, each RCPT, DATA and (one or more) to the message, as far as it got. Whatever
 * they are, the session goes on.
 */
async function send(
  listener: string,
  recipients: readonly string[] = ['ann@example.com'],
): Promise<string[]> {
  const dialog = await Dialog.open(postern!.ports[listener]!);
  try {
    const replies = await transact(dialog, { lmtp: listener.startsWith('lmtp'), recipients });
    expect(await dialog.say('RSET')).toMatch(/^250 /);
    return replies;
  } finally {
    dialog.vanish();
  }
}

async function transact(
  dialog: Dialog,
  { lmtp, recipients }: { lmtp: boolean; recipients: readonly string[] },
): Promise<string[]> {
  const replies: string[] = [];
  const say = async (line: string): Promise<boolean> => {
    replies.push(await dialog.say(line));
    return /^[23]/.test(replies.at(-1)!);
  };
  await dialog.say(lmtp ? 'LHLO client.test' : 'EHLO client.test');
  if (!(await say('MAIL FROM:<sender@example.org>'))) return replies;
  let accepted = 0;
  for (const recipient of recipients) if (await say(`RCPT TO:<${recipient}>`)) accepted++;
  if (accepted === 0 || !(await say('DATA'))) return replies;
  dialog.send('Subject: hello\r\n\r\nbody\r\n.\r\n');
  for (let count = lmtp ? accepted : 1; count > 0; count--) replies.push(await dialog.hear());
  return replies;
}

/** The one line about the transaction on a listener. */
async function transactionLine(listener: string): Promise<string> {
  const isIt = (line: LogLine) => line.msg === 'transaction' && line['listener'] === listener;
  await postern!.waitForLog(isIt);
  const lines = postern!.log.filter(isIt);
  expect(lines).toHaveLength(1);
  return JSON.stringify(lines[0]);
}

/** The line about a delivery attempt from the queue. */
const attemptLine = (fate: string, downstream: string, recipient = 'ann@example.com') =>
  postern!.waitForLog(
    (line) => line.msg === fate && line['downstream'] === downstream && line['recipient'] === recipient,
  );

interface Case {
  readonly what: string;
  readonly habits: Habits;
  /** The client's last reply in through mode. */
  readonly told: RegExp;
}

/** Name of its downstream; that of a listener is this after `through-` or `queued-`. */
const nameOf = ({ what }: Case): string => what.replaceAll(/\W+/g, '-');

const TEMPORARY: readonly Case[] = [
  {
    what: 'closes at once',
    habits: { greeting: 'drop' },
    told: /^451 4\.4\.2 .*downstream [\w-]+ closed/,
  },
  {
    what: 'refuses the session',
    habits: { greeting: '554 no service' },
    told: /^451 4\.3\.0 .*downstream [\w-]+ refused the session/,
  },
  {
    what: 'greets with nonsense',
    habits: { greeting: 'HTTP/1.1 400 Bad Request' },
    told: /^451 4\.5\.0 .*nonsense/,
  },
  {
    what: 'never greets',
    habits: { greeting: '' },
    told: /^451 4\.4\.2 .*did not answer in time/,
  },
  {
    what: 'answers EHLO with nonsense',
    habits: { EHLO: 'what?' },
    told: /^451 4\.5\.0 .*nonsense/,
  },
  {
    what: 'closes after MAIL',
    habits: { MAIL: 'drop' },
    told: /^451 4\.4\.2 .*downstream [\w-]+ closed/,
  },
  {
    what: 'is silent after MAIL',
    habits: { MAIL: '' },
    told: /^451 4\.4\.2 .*did not answer in time/,
  },
  {
    what: 'answers MAIL with 354',
    habits: { MAIL: '354 go on' },
    told: /^451 4\.5\.0 .*nonsense/,
  },
  {
    what: 'refuses MAIL for now',
    habits: { MAIL: '450 4.7.1 greylisted' },
    told: /^450 4\.7\.1 .*greylisted/,
  },
  ...['MAIL', 'RCPT', 'dot'].map((at) => ({
    what: `is about to close at ${at}`,
    habits: { [at]: '421 4.3.2 going down' },
    told: /^451 4\.3\.2 .*going down/,
  })),
  {
    what: 'closes after RCPT',
    habits: { RCPT: 'drop' },
    told: /^451 4\.4\.2 .*downstream [\w-]+ closed/,
  },
  {
    what: 'refuses RCPT for now',
    habits: { RCPT: '452 4.2.2 full' },
    told: /^452 4\.2\.2 .*full/,
  },
  {
    what: 'answers RCPT with half a reply',
    habits: { RCPT: '250-and then' },
    told: /^4\d\d 4\.[45]\.\d /,
  },
  {
    what: 'closes after DATA',
    habits: { DATA: 'drop' },
    told: /^451 4\.4\.2 .*downstream [\w-]+ closed/,
  },
  {
    what: 'refuses DATA for now',
    habits: { DATA: '451 4.3.0 not now' },
    told: /^451 4\.3\.0 .*not now/,
  },
  {
    what: 'drops in DATA',
    habits: { body: 'drop' },
    told: /^451 4\.4\.2 .*downstream [\w-]+ closed/,
  },
  {
    what: 'drops after the dot',
    habits: { dot: 'drop' },
    told: /^451 4\.4\.2 .*downstream [\w-]+ closed/,
  },
  {
    what: 'is silent after the dot',
    habits: { dot: '' },
    told: /^451 4\.4\.2 .*did not answer in time/,
  },
  {
    what: 'answers the dot with nonsense',
    habits: { dot: 'taken, thanks' },
    told: /^451 4\.5\.0 .*nonsense/,
  },
  {
    what: 'refuses the message for now',
    habits: { dot: '451 4.7.1 later' },
    told: /^451 4\.7\.1 .*later/,
  },
];

const FOR_GOOD: readonly Case[] = [
  {
    what: 'refuses MAIL',
    habits: { MAIL: '550 5.7.1 not you' },
    told: /^550 5\.7\.1 .*not you/,
  },
  {
    what: 'refuses RCPT',
    habits: { RCPT: '550 5.1.1 nobody' },
    told: /^550 5\.1\.1 .*nobody/,
  },
  {
    what: 'refuses the message',
    habits: { dot: '554 5.6.0 bad' },
    told: /^554 5\.6\.0 .*bad/,
  },
];

/** LMTP, each recipient with a final reply of its own. */
const FINALS: Record<string, string> = {
  'a@example.com': '250 2.0.0 ok',
  'b@example.com': '452 4.2.2 full',
  'c@example.com': '550 5.2.1 closed',
};
const THREE = Object.keys(FINALS);

/** `halfway`: closes after the first of the final replies. */
const mixedLmtp = (options: { halfway: boolean }) => async (peer: Peer) => {
  let finals: string[] = [];
  peer.say('220 mixed');
  for (let line = await peer.hear(); line !== undefined; line = await peer.hear()) {
    if (line === '.') {
      peer.say(...(options.halfway ? finals.slice(0, 1) : finals));
      if (options.halfway) peer.end();
    } else if (/^MAIL/i.test(line)) finals = [];
    else if (/^RCPT/i.test(line)) finals.push(FINALS[/<(.*)>/.exec(line)?.[1] ?? ''] ?? '250 2.0.0 ok');
    if (/^DATA$/i.test(line)) peer.say('354 go on');
    else if (/^(?:LHLO|MAIL|RCPT|RSET)/i.test(line)) peer.say('250 2.0.0 ok');
  }
};

const returning = new ScriptedMta({ protocol: 'smtp' });

async function start(behave: (peer: Peer) => Promise<void>): Promise<number> {
  const server = new LineServer(behave);
  await server.start();
  servers.push(server);
  return server.port;
}

/** One gate before all of them: each downstream has listeners of its own. */
beforeAll(async () => {
  const listeners: Record<string, object> = {};
  const downstreams: Record<string, object> = {};
  const timeouts = { connect: '1s', command: '1s', data: '1s', finalReply: '1s' };
  const add = (name: string, port: number, protocol: 'smtp' | 'lmtp' = 'smtp'): void => {
    const listener = { port: 0, domains: ['example.com'], downstream: name };
    downstreams[name] = { protocol, host: '127.0.0.1', port, tls: 'none', timeouts };
    listeners[`through-${name}`] = { ...listener, protocol: 'smtp', mode: 'through' };
    listeners[`queued-${name}`] = { ...listener, protocol: 'smtp', mode: 'queue' };
    listeners[`lmtp-${name}`] = { ...listener, protocol: 'lmtp', mode: 'through' };
  };
  for (const bad of [...TEMPORARY, ...FOR_GOOD]) add(nameOf(bad), await start(decentBut(bad.habits)));
  add('mixed', await start(mixedLmtp({ halfway: false })), 'lmtp');
  add('halfway', await start(mixedLmtp({ halfway: true })), 'lmtp');
  add('down', await freePort());
  returning.port = await freePort();
  servers.push(returning);
  add('returning', returning.port);
  // Notices to the sender go where nothing listens, and stay in the queue.
  downstreams['notices'] = { protocol: 'smtp', host: '127.0.0.1', port: await freePort(), tls: 'none' };
  const queue = { retry: { first: '1s', max: '1s' } };
  postern = await startPostern(
    { listeners, downstreams, queue, bounce: { downstream: 'notices' } },
    { directory: directory.path },
  );
});

afterAll(async () => {
  await postern?.kill('SIGKILL');
  await Promise.all(servers.map((server) => server.stop()));
  directory.remove();
});

const waiting = async (downstream: string) =>
  (await listed(directory.path, 'queue')).filter((entry) => entry.downstream === downstream);

describe('through mode: the client hears of it, one line in the log names it, nothing is kept', () => {
  it.each([...TEMPORARY, ...FOR_GOOD])('a downstream that $what', async (bad) => {
    const name = nameOf(bad);
    const replies = await send(`through-${name}`);
    expect(replies.at(-1)).toMatch(bad.told);
    expect(await transactionLine(`through-${name}`)).toContain(replies.at(-1)!.replace(/^\d+ \S+ /, ''));
  });

  it('a downstream that is down', async () => {
    expect((await send('through-down')).at(-1)).toMatch(/^451 4\.4\.1 .*downstream down cannot be reached/);
    expect(await transactionLine('through-down')).toContain('downstream down cannot be reached');
  });

  it('nothing is kept', async () => {
    expect(await listed(directory.path, 'queue')).toEqual([]);
  });
});

describe('queue mode: the client has its 250, one line names the cause, the message waits', () => {
  it.each(TEMPORARY)('a downstream that $what', async (bad) => {
    const name = nameOf(bad);
    expect((await send(`queued-${name}`)).at(-1)).toMatch(/^250 2\.0\.0 /);
    expect((await attemptLine('deferred', name))['reply']).toMatch(/^4\d\d /);
  });

  it('all of these wait, each once', async () => {
    const entries = await listed(directory.path, 'queue');
    expect(entries.map(({ downstream }) => downstream).sort()).toEqual(TEMPORARY.map(nameOf).sort());
  });

  it.each(FOR_GOOD)('a downstream that $what: bounced', async (bad) => {
    const name = nameOf(bad);
    const before = (await waiting('notices')).length;
    expect((await send(`queued-${name}`)).at(-1)).toMatch(/^250 2\.0\.0 /);
    expect((await attemptLine('failed', name))['reply']).toMatch(bad.told);
    await waitFor(async () => ((await waiting('notices')).length === before + 1 ? true : undefined));
    expect(await waiting(name)).toEqual([]);
  });

  it('a downstream that is down, and comes back', async () => {
    for (let count = 0; count < 5; count++) {
      expect((await send('queued-returning')).at(-1)).toMatch(/^250 /);
    }
    await postern!.waitForLog(
      (line) => line.msg === 'downstream rests' && line['downstream'] === 'returning',
    );
    expect(returning.mails).toEqual([]);
    await returning.start();
    await waitFor(async () => ((await waiting('returning')).length === 0 ? true : undefined));
    expect(returning.mails).toHaveLength(5);
  });
});

describe('an LMTP downstream with a reply for each recipient', () => {
  it('an LMTP client hears each of them', async () => {
    const finals = (await send('lmtp-mixed', THREE)).slice(-3);
    expect(finals[0]).toMatch(/^250 /);
    expect(finals[1]).toMatch(/^452 4\.2\.2 .*full/);
    expect(finals[2]).toMatch(/^550 5\.2\.1 .*closed/);
    await transactionLine('lmtp-mixed');
    expect(await waiting('mixed')).toEqual([]);
  });

  it('an SMTP client hears one 250, what waits is queued, and what failed is bounced', async () => {
    const before = (await waiting('notices')).length;
    expect((await send('through-mixed', THREE)).at(-1)).toMatch(/^250 /);
    const line = await transactionLine('through-mixed');
    for (const cause of ['452 4.2.2', '550 5.2.1']) expect(line).toContain(cause);
    expect(await waiting('mixed')).toHaveLength(1);
    expect(await waiting('notices')).toHaveLength(before + 1);
  });

  it('in queue mode each recipient has its own fate', async () => {
    expect((await send('queued-mixed', THREE)).at(-1)).toMatch(/^250 /);
    for (const [at, fate] of ['delivered', 'deferred', 'failed'].entries()) {
      await attemptLine(fate, 'mixed', THREE[at]);
    }
  });

  it('one that closes between the replies: what was heard counts, for the others the client tries again', async () => {
    const finals = (await send('lmtp-halfway', THREE)).slice(-3);
    expect(finals[0]).toMatch(/^250 /);
    for (const final of finals.slice(1)) expect(final).toMatch(/^451 4\.4\.2 .*no reply for this recipient/);
  });
});
