import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ScriptedMta } from '../../test/support/scripted-mta.ts';
import { silentLog } from '../base/log.ts';
import { spoolOf } from '../base/spool.ts';
import { smtpDownstream } from './client.ts';
import type { Downstream } from './transaction.ts';

const sender = { address: 's@example.org', params: {} };
const to = (address: string, folder?: string) => ({
  address,
  params: {},
  ...(folder !== undefined && { folder }),
});
const TEXT = 'Subject: x\r\n\r\nbody\r\n';
const of = (text: string) => spoolOf(Buffer.from(text, 'latin1'));

let mta: ScriptedMta;
let downstream: Downstream | undefined;
let lines: object[];

beforeEach(async () => {
  mta = new ScriptedMta({ protocol: 'lmtp' });
  await mta.start();
  lines = [];
});

afterEach(async () => {
  await downstream?.close(0);
  await mta.stop();
});

function open(told: { folder?: 'none' | 'detail' | 'header'; recipientDelimiter?: string }): Downstream {
  const log = { ...silentLog, info: (fields: object) => void lines.push(fields) };
  const { port } = mta;
  const reached = { hostname: 'gate.test', tls: 'none', host: '127.0.0.1', port, log } as const;
  downstream = smtpDownstream({ ...reached, ...told, name: 'store', protocol: 'lmtp' });
  return downstream;
}

it('tells no folder where none is to be told', async () => {
  const store = open({});
  expect(store.takesFolders).toBe(false);
  await store.send({ sender, recipients: [to('ann@x.test', 'Junk')], message: of(TEXT) });
  expect(mta.mails).toMatchObject([{ to: ['<ann@x.test>'], text: TEXT }]);
});

describe('by the detail of the address', () => {
  it.each([
    ['ann@x.test', 'Junk', '<ann+Junk@x.test>'],
    ['ann@x.test', 'INBOX.Junk', '<ann+INBOX.Junk@x.test>'],
    ['ann@x.test', 'Junk Mail', '<"ann+Junk Mail"@x.test>'],
    ['ann@x.test', 'a"b\\c', '<"ann+a\\"b\\\\c"@x.test>'],
    ['ann@[192.0.2.1]', 'Junk', '<ann+Junk@[192.0.2.1]>'],
  ])('%s, %s', async (address, folder, told) => {
    await open({ folder: 'detail' }).send({ sender, recipients: [to(address, folder)], message: of(TEXT) });
    expect(mta.mails).toMatchObject([{ to: [told], text: TEXT }]);
    expect(lines).toEqual([]);
  });

  it.each([
    ['one that has a detail', 'ann+shop@x.test', 'Junk'],
    ['one in quotes', '"a b"@x.test', 'Junk'],
    ['one without a domain', 'postmaster', 'Junk'],
    ['a folder beyond ASCII', 'ann@x.test', 'Entwürfe'],
    ['a folder that is too long', 'ann@x.test', 'x'.repeat(250)],
    ['a folder of several lines', 'ann@x.test', 'a\r\nRCPT TO:<b@x.test>'],
  ])('leaves as it is %s, and the log says so', async (_, address, folder) => {
    await open({ folder: 'detail' }).send({ sender, recipients: [to(address, folder)], message: of(TEXT) });
    expect(mta.mails).toMatchObject([{ to: [`<${address}>`] }]);
    expect(lines).toEqual([{ downstream: 'store', recipient: address, folder }]);
  });

  it('goes by the delimiter of the server', async () => {
    const recipients = [to('ann@x.test', 'Junk'), to('ben+y@x.test', 'Junk')];
    await open({ folder: 'detail', recipientDelimiter: '-' }).send({ sender, recipients, message: of(TEXT) });
    expect(mta.mails).toMatchObject([{ to: ['<ann-Junk@x.test>', '<ben+y-Junk@x.test>'] }]);
  });

  it('sends to the address as it is where the server knows no such detail, and each reply is in its place', async () => {
    mta.script = {
      rcpt: (address) => (/[+]|nobody/.test(address) ? '550 5.1.1 no such user' : '250 2.1.5 ok'),
    };
    const recipients = [to('ann@x.test', 'Junk'), to('nobody@x.test', 'Junk'), to('cid@x.test')];
    const replies = await open({ folder: 'detail' }).send({ sender, recipients, message: of(TEXT) });
    expect(replies.map(({ code }) => code)).toEqual([250, 550, 250]);
    expect(mta.mails.map((mail) => mail.to)).toEqual([['<cid@x.test>'], ['<ann@x.test>']]);
  });

  it('does not try again what is to come later', async () => {
    mta.script = { rcpt: () => '451 4.2.1 later' };
    const recipients = [to('ann@x.test', 'Junk')];
    const replies = await open({ folder: 'detail' }).send({ sender, recipients, message: of(TEXT) });
    expect(replies.map(({ code }) => code)).toEqual([451]);
    expect(mta.mails).toEqual([]);
  });
});

describe('by a field of the header', () => {
  const forged = 'x-postern-FOLDER : Inbox\r\n';

  it('puts it at the top, and removes what came with the message', async () => {
    const message = of(
      `${forged}A: 1\r\n${forged}B: 2\r\n\tb\r\nX-Postern-Folder: In\r\n box\r\n\r\n${forged}`,
    );
    await open({ folder: 'header' }).send({ sender, recipients: [to('ann@x.test', 'Junk')], message });
    expect(mta.mails).toMatchObject([
      { to: ['<ann@x.test>'], text: `X-Postern-Folder: Junk\r\nA: 1\r\nB: 2\r\n\tb\r\n\r\n${forged}` },
    ]);
    expect(mta.mails[0]!.from).toContain(`SIZE=${Buffer.byteLength(mta.mails[0]!.text)}`);
  });

  it('removes what came with a message that has no advice, also step by step', async () => {
    const store = open({ folder: 'header' });
    await store.send({ sender, recipients: [to('ann@x.test')], message: of(`${forged}${TEXT}`) });
    const transaction = store.open();
    await transaction.mail(sender);
    await transaction.rcpt(to('ann@x.test'));
    expect((await transaction.data(of(TEXT.replace('\r\n\r\n', `\r\n${forged}\r\n`))))[0]!.code).toBe(250);
    expect(mta.mails.map(({ text }) => text)).toEqual([TEXT, TEXT]);
  });

  it.each(['', '\r\n'])('finds it in a message that is all header: %j', async (end) => {
    const message = of(`A: 1\r\n${forged}${end}`);
    await open({ folder: 'header' }).send({ sender, recipients: [to('ann@x.test', 'Junk')], message });
    expect(mta.mails[0]!.text).toBe(`X-Postern-Folder: Junk\r\nA: 1\r\n${end}`);
  });

  it('finds it behind a long header, and sends a large message whole', async () => {
    const start = `A: ${'a'.repeat(900)}\r\n`.repeat(100);
    const body = `\r\n${'b'.repeat(900)}\r\n`.repeat(300);
    const message = of(start + forged + body);
    await open({ folder: 'header' }).send({ sender, recipients: [to('ann@x.test', 'Junk')], message });
    expect(mta.mails[0]!.text === `X-Postern-Folder: Junk\r\n${start}${body}`).toBe(true);
  });

  it('writes a name beyond ASCII in encoded words', async () => {
    const recipients = [to('ann@x.test', 'Entwürfe')];
    await open({ folder: 'header' }).send({ sender, recipients, message: of(TEXT) });
    expect(mta.mails[0]!.text).toBe(`X-Postern-Folder: =?utf-8?b?RW50d8O8cmZl?=\r\n${TEXT}`);
  });

  it('sends apart what goes into different folders, and each reply is in its place', async () => {
    mta.script = { data: ({ text }) => (text.includes('Junk') ? '452 4.2.2 full' : '250 2.0.0 taken') };
    const recipients = [
      to('ann@x.test', 'Lists'),
      to('ben@x.test', 'Junk'),
      to('cid@x.test', 'Lists'),
      to('dan@x.test'),
    ];
    const replies = await open({ folder: 'header' }).send({ sender, recipients, message: of(TEXT) });
    expect(replies.map(({ code }) => code)).toEqual([250, 452, 250, 250]);
    expect(mta.mails).toMatchObject([
      { to: ['<ann@x.test>', '<cid@x.test>'], text: `X-Postern-Folder: Lists\r\n${TEXT}` },
      { to: ['<dan@x.test>'], text: TEXT },
    ]);
  });

  it('answers for a message that can not be read', async () => {
    const message = { size: 100, read: () => Promise.reject(new Error('EIO')) };
    const recipients = [to('ann@x.test', 'Junk')];
    const replies = await open({ folder: 'header' }).send({ sender, recipients, message });
    expect(replies).toMatchObject([{ code: 451, enhanced: '4.3.0', local: true }]);
  });
});
