import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listed } from '../support/cli.ts';
import { temporaryDirectory, waitFor, type Postern } from '../support/postern.ts';
import { startThreeWays, WAYS } from '../support/three-ways.ts';
import { EICAR, startClamd, type Clamd } from './support/clamd.ts';
import { arrived, mailsIn, type TestMail } from './support/mails.ts';
import { readMail } from './support/read-mail.ts';
import { lacks, type Finished } from './support/servers.ts';
import { swaksBy } from './support/swaks.ts';

const missing = lacks('clamd', 'swaks', 'python3');

// Clients to Postern by SMTP, LMTP and submission; the plugin asks ClamAV; what passes lies in Maildirs.
describe.skipIf(missing !== '')(`antivirus with clamd${missing}`, () => {
  const directory = temporaryDirectory();
  const at = (name: string): string => join(directory.path, name);
  let clamd: Clamd | undefined;
  let postern: Postern | undefined;

  beforeAll(async () => {
    clamd = await startClamd({ directory: at('clamd') });
    const grants = { scan: { scanner: 'clamav' } };
    const plugin = 'antivirus';
    postern = await startThreeWays(
      {
        all: { group: 'all' },
        domains: ['box.test'],
        config: {
          incidents: { file: { path: at('incidents') } },
          scanners: { clamav: { protocol: 'clamd', socket: clamd.socket } },
          services: {
            cleaning: {
              plugin,
              grants,
              allowModify: true,
              settings: { action: ['replace', 'mark', 'warn', 'header'] },
            },
            telling: {
              plugin,
              grants: { ...grants, notify: {} },
              allowModify: true,
              settings: { notify: ['recipients', 'sender'], incident: true },
            },
            refusing: { plugin, grants, settings: { action: 'reject' } },
            holding: { plugin, grants, settings: { action: 'quarantine' } },
          },
          groups: {
            all: [
              { service: 'refusing', when: { recipient: 'strict@box.test' } },
              { service: 'telling', when: { recipient: 'told@box.test' } },
              { service: 'holding', when: { recipient: 'held@box.test' } },
              { service: 'cleaning', when: { recipient: ['ann@box.test', 'ben@box.test'] } },
            ],
          },
        },
      },
      { directory: directory.path },
    );
  }, 60_000);

  afterAll(async () => {
    await postern?.stop();
    await clamd?.stop();
    directory.remove();
  });

  function mailWith(attachment: string): TestMail {
    const id = crypto.randomUUID();
    const text = [
      'From: bob@example.net',
      'Subject: your invoice',
      `Message-ID: <${id}@example.net>`,
      'MIME-Version: 1.0',
      'Content-Type: multipart/mixed; boundary=edge',
      '',
      '--edge',
      'Content-Type: text/plain; charset=utf-8',
      'Content-Transfer-Encoding: quoted-printable',
      '',
      'gr=C3=BC=C3=9Fe',
      '--edge',
      'Content-Type: application/octet-stream; name=invoice.com',
      'Content-Transfer-Encoding: base64',
      '',
      Buffer.from(attachment).toString('base64'),
      '--edge--',
      '',
    ];
    return { id, text: text.join('\r\n') };
  }

  const send = (
    mail: TestMail,
    { listener, to }: { listener: string; to: readonly string[] },
  ): Promise<Finished> => swaksBy(postern!, listener, { from: 'bob@example.net', to, text: mail.text });
  const maildir = (user: string): string => join(at('mail'), `${user}@box.test`);

  it.each(WAYS)('cleans mail by %s', async (listener) => {
    const mail = mailWith(EICAR);
    expect((await send(mail, { listener, to: ['ann@box.test'] })).code).toBe(0);
    const text = await arrived(maildir('ann'), mail);
    const read = await readMail(text);
    expect(read.defects).toEqual([]);
    expect(read.header).toMatchObject({
      subject: '[virus removed] your invoice',
      'x-postern-virus': 'removed; name="invoice.com"; the scanner found Eicar-Signature.UNOFFICIAL',
    });
    expect(read.parts[1]!.text).toMatch(
      /^A virus was found in this message: invoice\.com: [^]*gr\xc3\xbc\xc3\x9fe/,
    );
    expect(read.parts[2]).toMatchObject({
      type: 'text/plain',
      text: expect.stringContaining('The attachment invoice.com was removed') as string,
    });
    expect(text).not.toContain(Buffer.from(EICAR).toString('base64'));
  });

  it.each(WAYS)('leaves clean mail as it was, by %s', async (listener) => {
    const mail = mailWith('harmless');
    expect((await send(mail, { listener, to: ['ben@box.test'] })).code).toBe(0);
    expect((await arrived(maildir('ben'), mail)).endsWith(mail.text)).toBe(true);
  });

  it('has each recipient get what is done for them, by LMTP', async () => {
    const mail = mailWith(EICAR);
    const to = ['ann@box.test', 'strict@box.test', 'held@box.test'];
    const { output } = await send(mail, { listener: 'store', to });
    expect(output.match(/^<\*?\*?-?.*554 5\.7\.1 .*Virus found: invoice\.com/gm)).toHaveLength(1);
    expect(await arrived(maildir('ann'), mail)).toContain('X-Postern-Virus');
    expect(await mailsIn(maildir('strict'))).toEqual([]);
    const held = await listed(directory.path, 'quarantine');
    expect(held).toMatchObject([{ recipients: [{ address: 'held@box.test' }], service: 'holding' }]);
  });

  it.each([
    ['behind a delimiter that goes on', /--edge\r\n(?=Content-Type: application)/, '--edgexx\r\n'],
    ['behind a delimiter with a parameter', /--edge\r\n(?=Content-Type: application)/, '--edge ;x\r\n'],
    ['behind a line that is no field', /(?=Content-Type: application)/, 'garbage\r\n'],
    ['behind a continuation of nothing', /(?=Content-Type: application)/, ' x\r\n'],
    ['in an encoding behind such a line', /(?=Content-Transfer-Encoding: base64)/, 'garbage\r\n'],
    [
      'in a multipart that is called so in an encoded word',
      /multipart\/mixed/,
      '=?utf-8?q?multipart/mixed?=',
    ],
  ])('finds what stands %s', async (_, place, added) => {
    const { id, text } = mailWith(EICAR);
    const mail = { id, text: text.replace(place, added) };
    expect(mail.text).not.toBe(text);
    const { output } = await send(mail, { listener: 'store', to: ['strict@box.test'] });
    expect(output).toMatch(/554 5\.7\.1 .*Virus found/);
  });

  it('gives notice to the recipient, and reports an incident', async () => {
    const mail = mailWith(EICAR);
    expect((await send(mail, { listener: 'inbound', to: ['told@box.test'] })).code).toBe(0);
    const [notice] = await waitFor(async () => {
      const mails = await mailsIn(maildir('told'));
      return mails.length === 2 ? mails.filter((text) => /^Auto-Submitted:/m.test(text)) : undefined;
    });
    const read = await readMail(notice!);
    expect(read.header['subject']).toContain('Virus found');
    const text = read.parts.map((part) => part.text ?? '').join('');
    expect(text).toContain('invoice.com (removed): the scanner found Eicar-Signature.UNOFFICIAL');
    const incident: unknown = JSON.parse(
      await waitFor(() => readFile(at('incidents'), 'utf8').catch(() => undefined)),
    );
    expect(incident).toMatchObject({
      severity: 'warning',
      event: 'virus-found',
      fields: { what: 'Eicar-Signature.UNOFFICIAL', name: 'invoice.com', outcome: 'removed' },
    });
    // The sender, who is not granted.
    await postern!.waitForLog((line) => JSON.stringify(line).includes('does not grant a notice to sender'));
  });

  it('tells the client to come back while the scanner does not run', async () => {
    await clamd!.stop('SIGKILL');
    const mail = mailWith(EICAR);
    const down = await send(mail, { listener: 'inbound', to: ['ann@box.test'] });
    expect(down.output).toMatch(/<\*\* 451 /);
    await clamd!.start();
    // The breaker is not open after one failure.
    expect((await send(mail, { listener: 'inbound', to: ['ann@box.test'] })).code).toBe(0);
    expect(await arrived(maildir('ann'), mail)).toContain('X-Postern-Virus');
  });
});
