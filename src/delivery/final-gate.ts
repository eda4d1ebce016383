import type { ByteSource } from '../base/bytes.ts';

/** How long a message may be inside before the next one is let in all the same. In milliseconds. */
export interface Patience {
  /** On average: what each message adds to the reserve. A slow downstream still gets a message every so often. */
  readonly shareMs: number;
  /** At most: what messages that took less than their share leave for one that takes longer. */
  readonly reserveMs: number;
}

/** Messages that wait at most; more do not wait at all, so that no wait comes near a time limit. */
const LONGEST_LINE = 50;

/**
 * The gate before a message's end, one for each downstream. Between its final dot and our note of the reply a kill has a message sent
 * twice; the gate lets them through that stretch one after the other, so that a kill doubles one message. All else
 * (connection, envelope, the octets up to the last piece) goes on in parallel.
 *
 * A message is let in once the one before it has left, or patience with that one is over: a downstream that thinks
 * about its replies must not make a line of all deliveries to it. One that is quick but for a hitch now and then has
 * saved up enough patience for the hitch.
 */
export class FinalGate {
  readonly #patience: Patience;
  #reserveMs: number;
  readonly #line: (() => void)[] = [];
  /** Who is in there and still counts. */
  #inside: object | undefined;

  constructor(patience: Patience) {
    this.#patience = patience;
    this.#reserveMs = patience.reserveMs;
  }

  /**
   * A place for one message. `guarded` gives it, in whatever form it is sent, with its last octets given out only when it is its turn.
   * `leave` once its reply is noted, or it has failed.
   */
  place(): { readonly guarded: (message: ByteSource) => ByteSource; readonly leave: () => void } {
    const token = {};
    let turn: Promise<void> | undefined;
    let timer: NodeJS.Timeout | undefined;
    let since = 0;
    let left = false;
    const pass = (): void => {
      if (this.#inside !== token) return;
      this.#inside = undefined;
      this.#spend(performance.now() - since);
      this.#line.shift()?.();
    };
    const enter = (): void => {
      if (left) return this.#line.shift()?.();
      this.#inside = token;
      since = performance.now();
      // The event loop may have stood still: a reply that has come meanwhile is read first.
      timer = setTimeout(() => setImmediate(pass), this.#reserveMs);
    };
    const wait = async (): Promise<void> => {
      if (this.#inside === undefined) return enter();
      if (this.#line.length >= LONGEST_LINE) return;
      await new Promise<void>((go) => {
        this.#line.push(() => {
          enter();
          go();
        });
      });
    };
    return {
      guarded: (message) => ({
        size: message.size,
        read: async (offset, length) => {
          const octets = await message.read(offset, length);
          if (offset + octets.length >= message.size) await (turn ??= wait());
          return octets;
        },
      }),
      leave: () => {
        left = true;
        clearTimeout(timer);
        pass();
      },
    };
  }

  #spend(ms: number): void {
    const { shareMs, reserveMs } = this.#patience;
    this.#reserveMs = Math.min(Math.max(this.#reserveMs - ms, 0) + shareMs, reserveMs);
  }
}
