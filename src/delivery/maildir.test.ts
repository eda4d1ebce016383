import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog, type Log } from '../base/log.ts';
import { spoolOf } from '../base/spool.ts';
import { formatReply } from '../mail/reply.ts';
import { maildirDownstream } from './maildir.ts';
import { directoryName, folderDirectory, UniqueNames } from './maildir-name.ts';

let path = '';
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'postern-maildir-'));
});
afterEach(async () => {
  await rm(path, { recursive: true });
});

const open = (log: Log = silentLog) => maildirDownstream({ name: 'store', path, hostname: 'gate.test', log });
const from = (address: string) => ({ address, params: {} });
const TEXT = 'Subject: x\r\n\r\n.dot\r\n';
const requestTo = (...addresses: string[]) => ({
  sender: from('s@x.test'),
  recipients: addresses.map(from),
  message: spoolOf(Buffer.from(TEXT)),
});
const mailOf = async (directory: string) => {
  const names = await readdir(join(path, directory, 'new'));
  return Promise.all(names.map((name) => readFile(join(path, directory, 'new', name), 'utf8')));
};

describe('a Maildir downstream', () => {
  it('stores one file for each recipient, with the trace fields before it', async () => {
    const replies = await open().send(requestTo('Ann@X.test', 'bob@x.test'));
    expect(replies.map(formatReply)).toEqual(['250 2.0.0 stored', '250 2.0.0 stored']);
    expect(await mailOf('ann@x.test')).toEqual([
      `Return-Path: <s@x.test>\r\nDelivered-To: Ann@X.test\r\n${TEXT}`,
    ]);
    expect(await mailOf('bob@x.test')).toHaveLength(1);
    expect((await readdir(join(path, 'ann@x.test'))).sort()).toEqual(['cur', 'new', 'tmp']);
    expect(await readdir(join(path, 'ann@x.test', 'tmp'))).toEqual([]);
  });

  it('stores step by step as well', async () => {
    const transaction = open().open();
    expect((await transaction.rcpt(from('a@x.test'))).code).toBe(503);
    expect((await transaction.mail(from(''))).code).toBe(250);
    expect((await transaction.rcpt(from('a@x.test'))).code).toBe(250);
    expect((await transaction.rcpt(from(''))).code).toBe(553);
    expect((await transaction.rcpt(from('postmaster'))).code).toBe(250);
    const replies = await transaction.data(spoolOf(Buffer.from(TEXT)));
    expect(replies.map(formatReply)).toEqual(['250 2.0.0 stored', '250 2.0.0 stored']);
    expect(await mailOf('postmaster')).toEqual([`Return-Path: <>\r\nDelivered-To: postmaster\r\n${TEXT}`]);
    expect((await transaction.mail(from('s@x.test'))).code).toBe(503);
  });

  it('stores nothing after abort', async () => {
    const transaction = open().open();
    await transaction.mail(from('s@x.test'));
    await transaction.rcpt(from('a@x.test'));
    await transaction.abort();
    await transaction.abort();
    expect(await transaction.data(spoolOf(Buffer.from(TEXT)))).toEqual([]);
    expect(await readdir(path)).toEqual([]);
  });

  it('puts a message into the folder that is advised for its recipient, made as one of Maildir++', async () => {
    const request = requestTo('ann@x.test', 'bob@x.test');
    const [ann, bob] = request.recipients;
    const replies = await open().send({ ...request, recipients: [{ ...ann!, folder: 'Junk' }, bob!] });
    expect(replies.map(formatReply)).toEqual(['250 2.0.0 stored', '250 2.0.0 stored']);
    expect(await mailOf('ann@x.test')).toEqual([]);
    expect(await mailOf('bob@x.test')).toHaveLength(1);
    expect(await mailOf('ann@x.test/.Junk')).toEqual([
      `Return-Path: <s@x.test>\r\nDelivered-To: ann@x.test\r\n${TEXT}`,
    ]);
    expect((await readdir(join(path, 'ann@x.test', '.Junk'))).sort()).toEqual([
      'cur',
      'maildirfolder',
      'new',
      'tmp',
    ]);
    expect((await readdir(join(path, 'ann@x.test'))).sort()).toEqual(['.Junk', 'cur', 'new', 'tmp']);
  });

  it('never leaves the mailbox for a folder: what is no name goes into the inbox, and the log says so', async () => {
    const lines: object[] = [];
    const log = { ...silentLog, warn: (fields: object) => void lines.push(fields) };
    const folders = ['../../etc', '..', '/', '', 'a//b', 'x'.repeat(200)];
    const message = spoolOf(Buffer.from(TEXT));
    for (const folder of folders) {
      const recipients = [{ ...from('ann@x.test'), folder }];
      const replies = await open(log).send({ sender: from(''), recipients, message });
      expect(replies.map(formatReply)).toEqual(['250 2.0.0 stored']);
    }
    expect(await mailOf('ann@x.test')).toHaveLength(folders.length);
    expect((await readdir(join(path, 'ann@x.test'))).sort()).toEqual(['cur', 'new', 'tmp']);
    expect(await readdir(path)).toEqual(['ann@x.test']);
    const told = folders.map((folder) => ({ downstream: 'store', recipient: 'ann@x.test', folder }));
    expect(lines).toEqual(told);
  });

  it('keeps many deliveries to one mailbox apart, and a large message whole', async () => {
    const downstream = open();
    const large = 'x'.repeat(998) + '\r\n';
    const request = { ...requestTo('a@x.test'), message: spoolOf(Buffer.from(large.repeat(300))) };
    const replies = await Promise.all(Array.from({ length: 100 }, () => downstream.send(request)));
    expect(replies.flat().every(({ code }) => code === 250)).toBe(true);
    const mail = await mailOf('a@x.test');
    expect(mail).toHaveLength(100);
    expect(mail.every((text) => text.endsWith(`Delivered-To: a@x.test\r\n${large.repeat(300)}`))).toBe(true);
  });

  it('makes no header field out of an address', async () => {
    const downstream = open();
    const forged = 'a@x.test\r\nX-Forged: yes';
    expect((await downstream.send(requestTo(forged)))[0]).toMatchObject({ code: 553, enhanced: '5.1.3' });
    expect((await downstream.send({ ...requestTo('a@x.test'), sender: from(forged) }))[0]).toMatchObject({
      code: 553,
      enhanced: '5.1.7',
    });
    expect(await readdir(path)).toEqual([]);
  });

  it('never leaves its directory', async () => {
    const addresses = ['../../etc@x.test', '..', '.', '/etc/passwd', 'a/../../b@x.test', '.hidden@x.test'];
    const replies = await open().send(requestTo(...addresses));
    expect(replies.every(({ code }) => code === 250)).toBe(true);
    expect((await readdir(path)).sort()).toEqual(addresses.map(directoryName).sort());
  });

  it('answers 451 for the one recipient whose Maildir is broken, tells the log why, and leaves nothing', async () => {
    const lines: object[] = [];
    await writeFile(join(path, 'broken@x.test'), 'a file');
    await mkdir(join(path, 'half@x.test', 'tmp'), { recursive: true });
    await writeFile(join(path, 'half@x.test', 'new'), 'a file');
    const log = { ...silentLog, error: (fields: object) => void lines.push(fields) };
    const replies = await open(log).send(requestTo('broken@x.test', 'half@x.test', 'fine@x.test'));
    expect(replies.map(formatReply)).toEqual([
      '451 4.3.0 downstream store cannot store the message',
      '451 4.3.0 downstream store cannot store the message',
      '250 2.0.0 stored',
    ]);
    expect(replies[0]?.local).toBe(true);
    expect(JSON.stringify(lines)).toContain('ENOTDIR');
    expect(await readdir(join(path, 'half@x.test', 'tmp'))).toEqual([]);
  });

  it('leaves nothing of a message that ends before its size', async () => {
    const message = { size: 100, read: async (offset: number) => Buffer.from('abc').subarray(offset) };
    const replies = await open().send({ ...requestTo('a@x.test'), message });
    expect(replies.map(({ code }) => code)).toEqual([451]);
    expect(await readdir(join(path, 'a@x.test', 'tmp'))).toEqual([]);
    expect(await readdir(join(path, 'a@x.test', 'new'))).toEqual([]);
  });

  it('answers 452 for a full disk', async () => {
    // No full disk can be had without rights to mount one, so the error comes by way of the message.
    const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    const message = { size: 100, read: () => Promise.reject(full) };
    const replies = await open().send({ ...requestTo('a@x.test'), message });
    expect(replies.map(formatReply)).toEqual(['452 4.3.1 no space left at downstream store']);
  });

  it('finishes what is under way when closed, and takes no more', async () => {
    const downstream = open();
    const sent = downstream.send(requestTo('a@x.test'));
    await downstream.close(10_000);
    expect((await sent).map(({ code }) => code)).toEqual([250]);
    expect((await downstream.send(requestTo('a@x.test'))).map(formatReply)).toEqual([
      '421 4.3.2 this server is shutting down',
    ]);
  });
});

describe('directoryName', () => {
  it.each([
    ['ann@x.test', 'ann@x.test'],
    ['Ann+Tag@X.Test', 'ann+tag@x.test'],
    ['"ann"@x.test', 'ann@x.test'],
    ['a b%@x.test', 'a%20b%25@x.test'],
    ['.a@x.test', '%2Ea@x.test'],
    ['a/b@x.test', 'a%2Fb@x.test'],
    ['jürgen@bücher.test', 'j%C3%BCrgen@xn--bcher-kva.test'],
  ])('names %s %s', (address, name) => {
    expect(directoryName(address)).toBe(name);
  });

  it('shortens long names and keeps them apart', () => {
    const names = ['a', 'b'].map((last) => directoryName(`${'ü'.repeat(200)}${last}@x.test`));
    expect(names[0]).not.toBe(names[1]);
    expect(names.every((name) => Buffer.byteLength(name) <= 200 && /^[a-z0-9@._+=%~A-F-]+$/.test(name))).toBe(
      true,
    );
  });
});

describe('folderDirectory', () => {
  it.each([
    ['Junk', '.Junk'],
    ['INBOX', ''],
    ['inbox.Junk', '.Junk'],
    ['Lists/Postern.dev', '.Lists.Postern.dev'],
    ['Junk Mail', '.Junk Mail'],
    ['R&D', '.R&-D'],
    ['Entwürfe', '.Entw&APw-rfe'],
    // RFC 3501 section 5.1.3
    ['~peter/mail/台北/日本語', '.~peter.mail.&U,BTFw-.&ZeVnLIqe-'],
    ['a\u0000b', '.a&AAA-b'],
    ['u\u0308', '.&APw-'],
  ])('puts %j into %j', (folder, directory) => {
    expect(folderDirectory(folder)).toBe(directory);
  });

  it.each(['', '.', '..', '/etc', 'a/../b', 'a.', 'INBOX.', 'ü'.repeat(100)])(
    'knows no folder %j',
    (folder) => {
      expect(folderDirectory(folder)).toBeUndefined();
    },
  );
});

describe('UniqueNames', () => {
  it('follows the convention, with slash and colon escaped', () => {
    const names = new UniqueNames('ga/te:1');
    const first = names.next();
    expect(first).toMatch(/^\d{10}\.M\d{1,6}P\d+Q1\.ga\\057te\\0721$/);
    expect(names.next()).not.toBe(first);
  });
});
