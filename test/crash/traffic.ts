import { setTimeout as sleep } from 'node:timers/promises';
import { Dialog } from '../support/smtp-dialog.ts';

export interface TrafficOptions {
  readonly port: number;
  readonly sessions: number;
  /** Octets of a message, about. */
  readonly size: number;
  readonly recipient?: string;
  /** Messages after which it ends by itself. */
  readonly limit?: number;
  /** Begins its ids, where several send to the same sink. */
  readonly run?: string;
}

/**
 * Clients that send as fast as they get replies, over sessions that are kept, and come back when the server is there again.
 * Each message has an id of its own, in `X-Id` and as the sender's local part. A message whose reply was not
 * heard is never sent again: whether it was taken is unknown.
 */
export class Traffic {
  /** Ids of messages whose final dot was sent. */
  readonly sent = new Set<string>();
  /** Those that got a 250 for it. */
  readonly acknowledged = new Set<string>();
  /** Replies that refused a message, at any step. */
  readonly refusals: string[] = [];
  readonly #options: TrafficOptions;
  readonly #body: string;
  readonly #sessions: Promise<void>[];
  #next = 0;
  /** Messages whose final reply was heard. */
  #answered = 0;
  #stopped = false;

  constructor(options: TrafficOptions) {
    this.#options = options;
    this.#body = `${'x'.repeat(70)}\r\n`.repeat(Math.ceil(options.size / 72));
    this.#sessions = Array.from({ length: options.sessions }, () => this.#keepSending());
  }

  /** Sent, and nobody knows what became of it. */
  get unknown(): number {
    return this.sent.size - this.#answered;
  }

  /** Lets each session end what it has begun. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.ended();
  }

  /** Resolves when the limit is reached. */
  async ended(): Promise<void> {
    await Promise.all(this.#sessions);
  }

  get #done(): boolean {
    return this.#stopped || this.#next >= (this.#options.limit ?? Infinity);
  }

  async #keepSending(): Promise<void> {
    while (!this.#done) {
      let dialog: Dialog | undefined;
      try {
        dialog = await Dialog.open(this.#options.port);
        await dialog.say('EHLO client.test');
        while (!this.#done) await this.#sendOne(dialog);
      } catch {
        // The server was killed, or is not there yet.
        await sleep(10);
      }
      dialog?.vanish();
    }
  }

  async #sendOne(dialog: Dialog): Promise<void> {
    const { recipient = 'ann@example.com', run = 'm' } = this.#options;
    const id = `${run}${this.#next++}`;
    dialog.send(`MAIL FROM:<${id}@example.org>\r\nRCPT TO:<${recipient}>\r\nDATA\r\n`);
    let accepted = true;
    for (let step = 0; step < 3; step++) {
      const said = await dialog.hear();
      if (/^[23]/.test(said)) continue;
      if (accepted) this.refusals.push(said);
      accepted = false;
      // 421 ends the session, and the other two replies do not come.
      if (said.startsWith('421')) throw new Error(said);
    }
    if (!accepted) {
      await dialog.say('RSET');
      return;
    }
    this.sent.add(id);
    dialog.send(`X-Id: ${id}\r\nSubject: crash\r\n\r\n${this.#body}.\r\n`);
    const final = await dialog.hear();
    this.#answered++;
    if (final.startsWith('250')) this.acknowledged.add(id);
    else this.refusals.push(final);
  }
}
