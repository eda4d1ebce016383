import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chunksOf } from './bytes.ts';
import { openSpool, SPOOL_MEMORY_LIMIT, spoolOf, SpoolWriter, type Spool } from './spool.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'postern-spool-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const pattern = (length: number): Buffer =>
  Buffer.from(Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) % 256));

async function spoolFrom(octets: Uint8Array, step: number): Promise<Spool> {
  const writer = new SpoolWriter(directory);
  for (let i = 0; i < octets.length; i += step) await writer.write(octets.subarray(i, i + step));
  expect(writer.size).toBe(octets.length);
  return writer.finish();
}

async function contentOf(spool: Spool): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of chunksOf(spool)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function syncContentOf(spool: Spool): Buffer {
  const source = openSpool(spool.handle);
  const target = Buffer.alloc(source.size + 1);
  let done = 0;
  for (let count = -1; count !== 0; done += count) count = source.readInto(target.subarray(done), done);
  source.close();
  return target.subarray(0, done);
}

describe.each([
  ['memory', SPOOL_MEMORY_LIMIT],
  ['file', SPOOL_MEMORY_LIMIT + 1],
] as const)('a spool in %s', (kind, size) => {
  it('gives back what was written, here and where it is opened anew', async () => {
    const octets = pattern(size);
    const spool = await spoolFrom(octets, 10_007);
    expect(spool.handle.kind).toBe(kind);
    expect([spool.size, spool.handle.size]).toEqual([size, size]);
    expect((await contentOf(spool)).equals(octets)).toBe(true);
    expect(syncContentOf(spool).equals(octets)).toBe(true);
    await spool.discard();
  });

  it('reads by range, fewer octets only at the end and none past it', async () => {
    const octets = pattern(size);
    const spool = await spoolFrom(octets, 65_536);
    const source = openSpool(spool.handle);
    for (const [offset, length] of [
      [0, 0],
      [5, 10],
      [size - 3, 10],
      [size, 10],
      [size + 100, 10],
    ] as const) {
      const expected = octets.subarray(offset, offset + length);
      expect(Buffer.from(await spool.read(offset, length)).equals(expected)).toBe(true);
      const target = Buffer.alloc(length);
      expect(source.readInto(target, offset)).toBe(expected.length);
      expect(target.subarray(0, expected.length).equals(expected)).toBe(true);
    }
    source.close();
    await spool.discard();
  });

  it('leaves nothing behind when it is discarded', async () => {
    const spool = await spoolFrom(pattern(size), 65_536);
    expect(await readdir(directory)).toHaveLength(kind === 'file' ? 1 : 0);
    await spool.discard();
    expect(await readdir(directory)).toEqual([]);
  });

  it('leaves nothing behind when it is abandoned', async () => {
    const writer = new SpoolWriter(directory);
    await writer.write(pattern(size));
    await writer.abandon();
    expect(await readdir(directory)).toEqual([]);
  });

  it('has copied what was written, so that the caller may reuse its buffer', async () => {
    const buffer = Buffer.alloc(size, 'a');
    const writer = new SpoolWriter(directory);
    await writer.write(buffer);
    buffer.fill('b');
    await writer.write(Buffer.from('end'));
    const spool = await writer.finish();
    expect((await contentOf(spool)).toString()).toBe(`${'a'.repeat(size)}end`);
    await spool.discard();
  });
});

describe('SpoolWriter', () => {
  it('makes an empty spool of nothing', async () => {
    const spool = await new SpoolWriter(directory).finish();
    expect([spool.size, (await spool.read(0, 10)).length, syncContentOf(spool).length]).toEqual([0, 0, 0]);
  });

  it('keeps its file to its own user', async () => {
    const spool = await spoolFrom(pattern(SPOOL_MEMORY_LIMIT + 1), 65_536);
    const path = spool.handle.kind === 'file' ? spool.handle.path : '';
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await spool.discard();
  });

  it('rejects where it cannot write, and can still be abandoned', async () => {
    const writer = new SpoolWriter(join(directory, 'missing'));
    await writer.write(pattern(1000));
    await expect(writer.write(pattern(SPOOL_MEMORY_LIMIT))).rejects.toThrow('ENOENT');
    await writer.abandon();
  });

  it('keeps many messages apart', async () => {
    const writers = Array.from({ length: 8 }, () => new SpoolWriter(directory));
    await Promise.all(
      writers.map(async (writer, i) => {
        for (let n = 0; n < 5; n++) await writer.write(Buffer.alloc(70_000, String(i)));
      }),
    );
    for (const [i, writer] of writers.entries()) {
      const spool = await writer.finish();
      expect((await contentOf(spool)).toString()).toBe(String(i).repeat(350_000));
      await spool.discard();
    }
  });
});

describe('openSpool', () => {
  it('goes on reading a file that was discarded meanwhile', async () => {
    const octets = pattern(SPOOL_MEMORY_LIMIT + 1);
    const spool = await spoolFrom(octets, 65_536);
    const source = openSpool(spool.handle);
    await spool.discard();
    const target = Buffer.alloc(octets.length);
    expect(source.readInto(target, 0)).toBe(octets.length);
    expect(target.equals(octets)).toBe(true);
    source.close();
    expect(() => openSpool(spool.handle)).toThrow('ENOENT');
  });

  it('shares memory instead of copying it', async () => {
    const spool = spoolOf(Buffer.from('octets'));
    const { handle } = spool;
    if (handle.kind !== 'memory') throw new Error('not in memory');
    expect(structuredClone(handle).bytes.byteLength).toBe(6);
    expect(syncContentOf(spool).toString()).toBe('octets');
  });
});
