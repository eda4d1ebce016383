import { afterAll, beforeAll } from 'vitest';
import { CountingSink } from '../support/counting-sink.ts';
import { temporaryDirectory, type Postern } from '../support/postern.ts';
import type { Traffic } from './traffic.ts';

/** What a test of kills works with. The test puts its Postern and its traffic here, so that both end with it, also when it fails. */
export interface Setting {
  readonly directory: { readonly path: string };
  /** Takes mail from the first test on. */
  readonly sink: CountingSink;
  postern: Postern | undefined;
  traffic: Traffic | undefined;
}

/** Call it once, at the top of a test file. */
export function setUp(): Setting {
  const directory = temporaryDirectory();
  const sink = new CountingSink();
  const setting: Setting = { directory, sink, postern: undefined, traffic: undefined };
  beforeAll(() => sink.start());
  afterAll(async () => {
    await setting.postern?.kill('SIGKILL');
    await setting.traffic?.stop();
    await sink.stop();
    directory.remove();
  });
  return setting;
}
