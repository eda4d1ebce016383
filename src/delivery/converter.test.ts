import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { mailOf, openDelivery, type Delivery } from '../../test/support/delivery.ts';
import { RecordingLog } from '../../test/support/recording-log.ts';
import { ScriptedMta } from '../../test/support/scripted-mta.ts';
import { chunksOf, type ByteSource } from '../base/bytes.ts';
import { spoolOf } from '../base/spool.ts';
import { LibraryThreads } from '../sandbox/capabilities/library-threads.ts';
import { Converter } from './converter.ts';

let directory: string;
let log: RecordingLog;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'convert-'));
  log = new RecordingLog();
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const HEADER = 'MIME-Version: 1.0\r\nContent-Type: application/x\r\n';

describe('a converter', () => {
  let threads: LibraryThreads;
  let converter: Converter;

  beforeEach(() => {
    threads = new LibraryThreads();
    converter = new Converter({ spoolDirectory: directory, threads, log });
  });

  afterEach(() => threads.close());

  const octetsOf = async (source: ByteSource): Promise<Buffer> => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of chunksOf(source)) chunks.push(chunk);
    return Buffer.concat(chunks);
  };

  it('gives a message of any size in the encoding that it needs, and leaves nothing behind', async () => {
    for (const size of [10, 3_000_000]) {
      const body = Buffer.alloc(size, '\0\n\xFFx', 'latin1');
      const message = spoolOf(
        Buffer.concat([Buffer.from(`${HEADER}Content-Transfer-Encoding: binary\r\n\r\n`), body]),
      );
      const converted = await converter.convert(message, '8bit');
      if ('failure' in converted) throw new Error(converted.failure.lines.join(' '));
      const text = (await octetsOf(converted.message)).toString('latin1');
      const head = `${HEADER}Content-Transfer-Encoding: base64\r\n\r\n`;
      expect(text.slice(0, head.length)).toBe(head);
      expect(Buffer.from(text.slice(head.length), 'base64').equals(body)).toBe(true);
      expect(await readdir(directory)).toHaveLength(1);
      await converted.discard();
      expect(await readdir(directory)).toEqual([]);
    }
  });

  it('gives the message itself where it fits', async () => {
    const message = spoolOf(Buffer.from(`${HEADER}\r\nplain\r\n`));
    expect(await converter.convert(message, '7bit')).toMatchObject({ message });
    expect(await readdir(directory)).toEqual([]);
  });

  it('says for good where there is no way, and for now where the disk or the thread fails', async () => {
    const binary = spoolOf(Buffer.from(`Subject: \xE4\r\n${HEADER}\r\nx\r\n`, 'latin1'));
    expect(await converter.convert(binary, '7bit')).toMatchObject({
      failure: { code: 554, enhanced: '5.6.3' },
    });
    const unreadable = { size: 10, read: () => Promise.reject(new Error('broken')) };
    expect(await converter.convert(unreadable, '7bit')).toMatchObject({ failure: { code: 451 } });
    await rm(directory, { recursive: true });
    const message = spoolOf(Buffer.from(`${HEADER}\r\n\xE4\r\n`, 'latin1'));
    expect(await converter.convert(message, '7bit')).toMatchObject({ failure: { code: 451 } });
    await threads.close();
    const stopped = { run: async () => ({ fault: 'this Postern is stopping' }) };
    const failing = new Converter({ spoolDirectory: tmpdir(), threads: stopped, log });
    expect(await failing.convert(message, '7bit')).toMatchObject({ failure: { code: 451 } });
    expect(log.said('cannot convert a message')).toHaveLength(3);
  });
});

describe('in the queue', () => {
  let mx: ScriptedMta;
  let back: ScriptedMta;
  let open: Delivery;

  beforeEach(async () => {
    mx = new ScriptedMta({ protocol: 'lmtp' });
    back = new ScriptedMta({ protocol: 'smtp' });
    await mx.start();
    await back.start();
    open = await openDelivery({ directory, log, ports: { mx: mx.port, back: back.port } });
  });

  afterEach(async () => {
    await mx.stop();
    await back.stop();
    await open.close(2000);
  });

  const store = (BODY: string, text: string) => open.forwarder.store(mailOf({ params: { BODY }, text }));
  const empty = () =>
    vi.waitFor(async () => expect((await open.store.counts()).queue).toBe(0), {
      timeout: 20_000,
      interval: 10,
    });
  const spooled = async () => (await readdir(directory)).filter((name) => name.endsWith('.eml'));

  it('8-bit mail is converted for a server that does not take it (RFC 6152 section 3)', async () => {
    mx.script = { extensions: ['PIPELINING', 'SIZE'] };
    await store(
      '8BITMIME',
      'MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\xC3\xA4\r\n',
    );
    await empty();
    const text =
      'MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n' +
      'Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=A4\r\n';
    expect(mx.mails).toMatchObject([{ text, from: `<s@example.org> SIZE=${text.length}` }]);
    expect(await spooled()).toEqual([]);
  });

  it('binary mail is converted for a server that takes 8-bit mail only, and what is text stays', async () => {
    mx.script = { extensions: ['8BITMIME', 'CHUNKING'] };
    await store(
      'BINARYMIME',
      'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n\xE4\r\n' +
        '--b\r\nContent-Type: image/x\r\nContent-Transfer-Encoding: binary\r\n\r\n\0\n\r\n--b--\r\n',
    );
    await empty();
    expect(mx.mails).toHaveLength(1);
    expect(mx.mails[0]).toMatchObject({ from: '<s@example.org> BODY=8BITMIME' });
    expect(mx.mails[0]!.text).toContain('--b\r\n\r\n\xE4\r\n--b\r\n');
    expect(mx.mails[0]!.text).toContain('Content-Transfer-Encoding: base64\r\n\r\nAAo=\r\n--b--\r\n');
  });

  it('what can not be converted goes back to its sender', async () => {
    mx.script = { extensions: [] };
    await store('8BITMIME', 'Subject: \xE4\r\n\r\nx\r\n');
    await empty();
    expect(mx.mails).toEqual([]);
    expect(back.mails).toHaveLength(1);
    expect(back.mails[0]!.text).toContain('Status: 5.6.3\r\n');
    expect(back.mails[0]!.text).toMatch(/can't be converted: a header has octets beyond ASCII/);
  });

  it('mail that nobody declared as 8-bit goes as it came', async () => {
    mx.script = { extensions: [] };
    await store('7BIT', 'Subject: x\r\n\r\n\xE4\r\n');
    await empty();
    expect(mx.mails).toMatchObject([{ text: 'Subject: x\r\n\r\n\xE4\r\n' }]);
  });
});
