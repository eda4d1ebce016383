import { stronger, type Combined, type Proposal } from '../ocp/combine.ts';
import type { CalloutState } from '../ocp/service.ts';
import type { Stage } from '../ocp/stage.ts';

/** All that was said so far: what a transaction starts with, and what services are told. */
interface Totals {
  /** A verdict that waits for messages. */
  readonly pending: Proposal | undefined;
  readonly tags: Readonly<Record<string, string>>;
  readonly score: number;
}

/**
 * What services said before MAIL, by stage: what they say at another HELO takes the place of what they said at the one before, and adds
 * nothing to it.
 */
export class Learnt {
  /** What services keep for themselves. */
  state: CalloutState = {};
  #stateAtConnect: CalloutState = {};
  readonly #said = new Map<Stage, Combined>();

  learn(stage: Stage, combined: Combined): void {
    // Behind the others: of two tags with one name the later is meant.
    this.#said.delete(stage);
    this.#said.set(stage, combined);
    if (stage === 'connect') this.#stateAtConnect = this.state;
  }

  /** Forgets all that came after the connection itself. */
  backToConnect(): void {
    for (const stage of this.#said.keys()) if (stage !== 'connect') this.#said.delete(stage);
    this.state = this.#stateAtConnect;
  }

  /** Without what was said at the stage `except`. */
  totals(except?: Stage): Totals {
    let totals: Totals = { pending: undefined, tags: {}, score: 0 };
    for (const [stage, { overall, tags, score }] of this.#said) {
      if (stage === except) continue;
      totals = {
        pending: stronger(totals.pending, overall),
        tags: { ...totals.tags, ...tags },
        score: totals.score + score,
      };
    }
    return totals;
  }
}
