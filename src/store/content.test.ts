import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { contentsOf } from './content.ts';
import { openDatabase, type OpenDatabase } from './database.ts';
import { contentOf, imageWith, temporaryDirectory } from './testing.ts';

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let server: OpenDatabase;
let tool: OpenDatabase;

beforeEach(async () => {
  directory = await temporaryDirectory();
  const path = join(directory.path, 'store.db');
  server = openDatabase({ path, role: 'server' });
  tool = openDatabase({ path, role: 'tool' });
});

afterEach(async () => {
  tool.close();
  server.close();
  await directory.remove();
});

const large = contentOf(2_500_000);
const refs = () => server.db.prepare('SELECT refs FROM message').pluck().all();

function finish<T>(steps: Generator<undefined, T>): T {
  for (let result = steps.next(); ; result = steps.next()) if (result.done === true) return result.value;
}

it('is unfinished until the last step, and a sweep by a tool leaves it alone', () => {
  const contents = contentsOf(server.db, { role: 'server' });
  const write = contents.write([
    { image: imageWith('small'), refs: 1 },
    { image: imageWith(large), refs: 2 },
  ]);
  expect(write.next().done).toBe(false);
  expect(refs()).toEqual([-1, -1]);
  expect(() => contents.read(1, { offset: 0, length: 1 })).toThrow('no longer in the store');
  finish(contentsOf(tool.db, { role: 'tool' }).sweep());
  const ids = finish(write);
  expect(refs()).toEqual([1, 2]);
  expect(Buffer.from(contents.read(ids[1]!, { offset: 0, length: 3_000_000 })).equals(large)).toBe(true);
});

it('is swept by a server when nobody finishes it, and a late last step then fails', () => {
  const contents = contentsOf(server.db, { role: 'server' });
  const write = contents.write([{ image: imageWith(large), refs: 1 }]);
  write.next();
  finish(contentsOf(server.db, { role: 'server' }).sweep());
  expect(refs()).toEqual([]);
  expect(() => finish(write)).toThrow('its first part is gone');
});

it('never gives the id of a removed message to another', () => {
  const contents = contentsOf(server.db, { role: 'server' });
  const [first] = finish(contents.write([{ image: imageWith('a'), refs: 1 }]));
  contents.release(first!);
  const [second] = finish(contents.write([{ image: imageWith('b'), refs: 1 }]));
  expect(second).toBeGreaterThan(first!);
  expect(() => contents.read(first!, { offset: 0, length: 1 })).toThrow('no longer in the store');
});
