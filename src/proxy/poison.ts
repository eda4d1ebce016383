import { createHash } from 'node:crypto';
import { chunksOf } from '../base/bytes.ts';
import { describeError } from '../base/errors.ts';
import type { Spool } from '../base/spool.ts';
import type { Break } from '../ocp/break.ts';
import type { AnsweredPart, Dispatcher } from '../ocp/dispatch.ts';
import type { ProxyOptions } from './options.ts';
import type { Transaction } from './transaction.ts';
import type { Unit } from './unit.ts';

/**
 * The poison guard. A message that breaks a service (a trap, or past the deadline) is deferred, and its client sends it again: to break
 * it again, for days. At the third time its mail is held in the quarantine instead, and the client gets its 250.
 *
 * The message is known again by a SHA-256 over service, sender and the octets as they arrived: a client that tries again sends the
 * same. So a message that breaks two services is counted for each by itself, and a transaction counts once for each. The counts are in
 * the store; if it can't be asked the mail is deferred, as it would be without a guard.
 */
export class PoisonGuard {
  readonly #given: Guarded;
  readonly #poisons: Poison[] = [];

  constructor(given: Guarded) {
    this.#given = given;
  }

  /** The answers at `message`, with the mail held that has broken a service too often. */
  async check(parts: readonly AnsweredPart[], dispatcher: Dispatcher): Promise<readonly AnsweredPart[]> {
    const breaks = new Map(parts.flatMap(({ broken }) => (broken ? [[broken.service, broken]] : [])));
    if (breaks.size === 0) return parts;
    try {
      const message = await digestOf(this.#given.spool);
      for (const broken of breaks.values()) {
        const times = await this.#count(broken, message);
        const reason = `it has broken the service ${broken.service} ${times} times (${broken.failure})`;
        if (times >= MOST_TIMES) this.#poisons.push({ ...broken, times, reason });
      }
    } catch (error) {
      this.#given.options.log.error(
        { transaction: this.#given.transaction.id, cause: describeError(error) },
        'a message has broken a service, and that could not be counted',
      );
    }
    return parts.map((part) => {
      const poison = this.#poisons.find(({ service }) => service === part.broken?.service);
      return poison === undefined ? part : dispatcher.hold(part, poison);
    });
  }

  /** For the log, once it is in the quarantine: something else may have been stronger. */
  logHeld(units: readonly Unit[]): void {
    const { transaction, options } = this.#given;
    for (const { reason, ...poison } of this.#poisons) {
      const isHeld = units.some(
        ({ disposition }) => disposition.kind === 'quarantine' && disposition.proposal.reason === reason,
      );
      if (!isHeld) continue;
      options.log.warn(
        { transaction: transaction.id, ...poison },
        'a message that has broken a service again and again is held in the quarantine',
      );
    }
  }

  #count({ service }: Break, message: string): Promise<number> {
    const { transaction, options } = this.#given;
    const identity = JSON.stringify([service, transaction.originalSender.address, message]);
    const fingerprint = createHash('sha256').update(identity).digest('hex');
    return options.breaks.countBreak({ fingerprint, now: Date.now() });
  }
}

export interface Guarded {
  readonly transaction: Transaction;
  readonly spool: Spool;
  readonly options: ProxyOptions;
}

interface Poison extends Break {
  readonly times: number;
  readonly reason: string;
}

const MOST_TIMES = 3;

async function digestOf(spool: Spool): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of chunksOf(spool)) hash.update(chunk);
  return hash.digest('hex');
}
