import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { temporaryDirectory, type Postern } from '../support/postern.ts';
import { startGate } from './gate.ts';
import { play } from './player.ts';
import { parseScript } from './script.ts';

const directory = temporaryDirectory();
let gate: Postern | undefined;

beforeAll(async () => {
  gate = await startGate(directory.path);
});

afterAll(async () => {
  await gate?.stop();
  directory.remove();
});

const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.txt'));

for (const file of files) {
  const script = parseScript(file, readFileSync(join(import.meta.dirname, file), 'utf8'));
  it(`${file}: ${script.title}`, async () => {
    await expect(play(script, gate!)).resolves.toBeUndefined();
  });
}

it('the gate has lived through all of it and met no bug', () => {
  expect(gate!.log.filter(({ level }) => Number(level) >= 50)).toEqual([]);
});
