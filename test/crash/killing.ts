import { setTimeout as sleep } from 'node:timers/promises';
import { startPostern, type Postern } from '../support/postern.ts';
import { seededRandom } from './random.ts';

export interface KillPlan {
  /** For the printed line. */
  readonly what: string;
  readonly directory: string;
  /** The same each time, its ports included. */
  readonly config: object;
  readonly kills: number;
  /** How long it runs at most before each kill, in milliseconds; at least 50. */
  readonly runsMs: number;
  /** Is told of each Postern that runs, so that a failure can end it. */
  readonly onStart: (postern: Postern) => void;
}

/** Starts Postern, kills it with SIGKILL at a random moment, again and again; the last one is left running. */
export async function killOften(plan: KillPlan): Promise<Postern> {
  const { what, directory, config, kills, runsMs, onStart } = plan;
  const random = seededRandom(what);
  for (let kill = 0; ; kill++) {
    const postern = await startPostern(config, { directory });
    onStart(postern);
    if (kill === kills) return postern;
    await sleep(50 + random() * (runsMs - 50));
    await postern.kill('SIGKILL');
  }
}
