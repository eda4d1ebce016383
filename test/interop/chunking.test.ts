import { chmodSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPostern, temporaryDirectory, waitFor, type Postern } from '../support/postern.ts';
import { startCyrus } from './support/cyrus.ts';
import { startDovecot } from './support/dovecot.ts';
import { startExim } from './support/exim.ts';
import { Mailboxes } from './support/mails.ts';
import { startOpenSmtpd } from './support/opensmtpd.ts';
import { startPostfix } from './support/postfix.ts';
import { readMail } from './support/read-mail.ts';
import { lacks, run } from './support/servers.ts';

// Python's smtplib sends by BDAT to Postern (RFC 3030), which hands the mail to servers that know BINARYMIME (another Postern), that
// don't, and one that knows no 8BITMIME either (RFC 6152 section 3).

const [ANN, BEN, EVE] = ['ann@box.test', 'ben@box.test', 'eve@sender.test'];
const SERVERS = ['postfix', 'old', 'exim', 'opensmtpd', 'dovecot', 'cyrus', 'postern'] as const;
type ServerName = (typeof SERVERS)[number];
const missing = lacks('postfix', 'exim4', 'smtpd', 'dovecot', 'lmtpd', 'unshare', 'python3', 'swaks');

const TEXT = 'gr\u00c3\u00bc\u00c3\u009fe\r\n.\r\n..\r\nspaces at the end  \r\n';
const IMAGE = Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * index) >> 5)).toString(
  'latin1',
);

/** A text, and an attachment in this encoding. */
function mailWith(id: string, attachment: { encoding: string; octets: string }): string {
  return [
    `From: ${EVE}`,
    `Message-ID: <${id}@sender.test>`,
    'Date: Tue, 1 Sep 2026 10:00:00 +0200',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary="=_b"',
    `Content-Transfer-Encoding: ${attachment.encoding === 'binary' ? 'binary' : '8bit'}`,
    '',
    '--=_b',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
    `${TEXT}--=_b`,
    'Content-Type: image/x; name=x',
    `Content-Transfer-Encoding: ${attachment.encoding}`,
    '',
    attachment.octets,
    '--=_b--',
    '',
  ].join('\r\n');
}

describe.skipIf(missing !== '')(`BDAT to Postern${missing}`, () => {
  const directory = temporaryDirectory();
  const at = (name: string): string => join(directory.path, name);
  const running: { stop(): Promise<unknown> }[] = [];
  const mailboxes = {} as Record<ServerName, Mailboxes>;
  let postern: Postern;

  beforeAll(async () => {
    chmodSync(directory.path, 0o755);
    const started = <T extends { stop(): Promise<unknown> }>(server: T): T => {
      running.push(server);
      return server;
    };
    const settings = { hostname: 'box.test', mailboxes: [ANN, BEN, EVE] };
    const dovecot = started(await startDovecot({ directory: at('dovecot'), users: [ANN, BEN] }));
    const cyrus = started(await startCyrus({ directory: at('cyrus'), users: [ANN, BEN] }));
    const listener = { port: 0, domains: ['box.test'], mode: 'queue' };
    const store = { local: { protocol: 'maildir', path: '../mail' } };
    mkdirSync(at('postern/mail'), { recursive: true });
    const next = started(
      await startPostern(
        {
          listeners: { in: { ...listener, protocol: 'lmtp', downstream: 'local', mode: 'through' } },
          downstreams: store,
        },
        { directory: at('postern/next') },
      ),
    );
    const old = { ...settings, settings: { smtpd_discard_ehlo_keywords: '8bitmime, chunking, smtputf8' } };
    const smtp = async (server: Promise<{ port: number; stop(): Promise<unknown> }>) => {
      const { port } = started(await server);
      return { protocol: 'smtp', host: '127.0.0.1', port };
    };
    const lmtp = (port: number) => ({ protocol: 'lmtp', host: '127.0.0.1', port });
    const downstreams = {
      postfix: await smtp(startPostfix({ directory: at('postfix'), ...settings })),
      old: await smtp(startPostfix({ directory: at('old'), ...old })),
      exim: await smtp(startExim({ directory: at('exim'), ...settings })),
      opensmtpd: await smtp(startOpenSmtpd({ directory: at('opensmtpd'), ...settings })),
      dovecot: lmtp(dovecot.port),
      cyrus: lmtp(cyrus.port),
      postern: lmtp(next.ports['in']!),
    };
    for (const name of SERVERS) mailboxes[name] = new Mailboxes(join(at(name), 'mail'));
    const listeners = SERVERS.map((name) => [name, { ...listener, protocol: 'smtp', downstream: name }]);
    postern = started(
      await startPostern(
        {
          listeners: {
            ...Object.fromEntries(listeners),
            through: { ...listener, protocol: 'lmtp', downstream: 'postern', mode: 'through' },
            narrow: { ...listener, protocol: 'smtp', downstream: 'old', mode: 'through' },
          },
          downstreams,
          bounce: { downstream: 'old' },
        },
        { directory: at('gate') },
      ),
    );
  });

  afterAll(async () => {
    await Promise.all(running.map((server) => server.stop()));
    directory.remove();
  });

  /** The replies to its chunks. */
  async function send(
    listener: string,
    mail: { text: string; body: string; size: number },
  ): Promise<string[]> {
    const script = join(import.meta.dirname, 'support', 'send-chunks.py');
    const protocol = listener === 'through' ? 'lmtp' : 'smtp';
    const words = [protocol, postern.ports[listener], mail.size, mail.body, EVE, ANN, BEN].map(String);
    const { code, output } = await run('python3', [script, ...words], Buffer.from(mail.text, 'latin1'));
    if (code !== 0) throw new Error(`Cannot send: ${output}`);
    return JSON.parse(output) as string[];
  }

  async function ehlo(listener: string): Promise<string> {
    const words = [
      '--server',
      '127.0.0.1',
      '--port',
      String(postern.ports[listener]),
      '--quit-after',
      'EHLO',
    ];
    return (await run('swaks', words)).output;
  }

  const arrived = (server: ServerName, id: string, count: number): Promise<string[]> =>
    waitFor(async () => {
      const texts = (await mailboxes[server].all()).filter((text) => text.includes(id));
      return texts.length >= count ? texts : undefined;
    });

  // To another Postern it stays binary, which is tested below.
  it.each(SERVERS.filter((server) => server !== 'postern'))(
    'and on to %s brings a binary message to two recipients, each octet of its parts as it was',
    async (server) => {
      const id = crypto.randomUUID();
      const text = mailWith(id, { encoding: 'binary', octets: IMAGE });
      const replies = await send(server, { text, body: 'BINARYMIME', size: 1000 });
      expect(replies).toHaveLength(Math.ceil(text.length / 1000));
      for (const said of replies) expect(said).toMatch(/^250 2\.0\.0 /);
      for (const copy of await arrived(server, id, 2)) {
        const { parts, defects } = await readMail(copy);
        expect(defects).toEqual([]);
        expect(parts.map(({ type }) => type)).toEqual(['multipart/mixed', 'text/plain', 'image/x']);
        // The last line end belongs to the delimiter.
        expect(parts[1]!.text!.replaceAll(/\r?\n/g, '\r\n')).toBe(TEXT.slice(0, -2));
        expect(parts[2]!.text).toBe(IMAGE);
      }
    },
  );

  const eightBit = async (server: ServerName): Promise<{ text: string; copies: string[] }> => {
    const id = crypto.randomUUID();
    const text = mailWith(id, { encoding: 'base64', octets: 'AAo=' });
    const replies = await send(server, { text, body: '8BITMIME', size: 100_000 });
    expect(replies).toEqual([expect.stringMatching(/^250 2\.0\.0 Queued/)]);
    return { text, copies: await arrived(server, id, 2) };
  };

  it.each(SERVERS.filter((server) => server !== 'old'))(
    'and on to %s brings an 8-bit message as it was',
    async (server) => {
      const { text, copies } = await eightBit(server);
      for (const copy of copies) expect(copy.slice(-text.length)).toBe(text);
    },
  );

  it('and on to a server of 7 bits brings an 8-bit message in ASCII', async () => {
    for (const copy of (await eightBit('old')).copies) {
      // oxlint-disable-next-line no-control-regex -- all of ASCII
      expect(copy).toMatch(/^[\0-\x7F]*$/);
      const { parts } = await readMail(copy);
      expect(parts[1]!.text!.replaceAll(/\r?\n/g, '\r\n')).toBe(TEXT.slice(0, -2));
    }
  });

  it.each(['postern', 'through'])(
    'and to another Postern (%s) is octet for octet what was sent',
    async (listener) => {
      const id = crypto.randomUUID();
      const text = mailWith(id, { encoding: 'binary', octets: `\0\n.\r\n.\n\r\xFF${IMAGE}` });
      const replies = await send(listener, { text, body: 'BINARYMIME', size: 300 });
      expect(replies.at(-1)).toMatch(/^250 2\.0\.0 /);
      const folder = at('postern/mail');
      const copies = await waitFor(() => {
        const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
          /\/new\/./.test(path),
        );
        const texts = files.map((file) => readFileSync(join(folder, file), 'latin1'));
        const found = texts.filter((one) => one.includes(id));
        return found.length === 2 ? found : undefined;
      });
      for (const copy of copies) expect(copy.slice(-text.length)).toBe(text);
    },
  );

  it('and through to a server that takes neither is not offered, and no parameter of MAIL', async () => {
    for (const body of ['8BITMIME', 'BINARYMIME']) {
      await expect(send('narrow', { text: 'Subject: x\r\n\r\nx\r\n', body, size: 100 })).rejects.toThrow(
        /555, b'5\.5\.4 Parameter BODY is not supported'/,
      );
    }
    const said = await ehlo('narrow');
    expect(said).not.toMatch(/8BITMIME|BINARYMIME/);
    expect(said).toContain('250-CHUNKING\n');
    expect(await ehlo('postfix')).toContain('250-BINARYMIME\n');
  });

  it('goes back to its sender where it can not be converted', async () => {
    const id = crypto.randomUUID();
    const text = `Subject: gr\xFC\xDFe\r\nMessage-ID: <${id}@sender.test>\r\n\r\nx\r\n`;
    await send('old', { text, body: '8BITMIME', size: 100 });
    const [notice] = await arrived('old', id, 1);
    const { parts } = await readMail(notice!);
    const status = parts.find(({ type }) => type === 'message/delivery-status')!.status!;
    expect(status.slice(1).map((fields) => fields['Status'])).toEqual(['5.6.3', '5.6.3']);
  });
});
