import type { Spool } from '../base/spool.ts';
import type { Recipient } from '../mail/envelope.ts';
import type { MessageImage } from '../mail/image.ts';
import { imageSource } from '../mail/image-reader.ts';
import type { AnsweredPart } from '../ocp/dispatch.ts';
import type { Variant } from './forwarder.ts';
import type { ProxyOptions } from './options.ts';
import { hiddenTarget } from './routing.ts';
import type { SessionFacts } from './session-facts.ts';
import { withTrace } from './trace.ts';
import type { Target, Transaction } from './transaction.ts';
import type { Unit } from './unit.ts';

/** Makes the forms in which a message goes on: one for each set of recipients that gets the same octets at the same downstream. */
export class Variants {
  readonly #given: VariantSource;

  constructor(given: VariantSource) {
    this.#given = given;
  }

  /** One variant for each message and downstream that recipients to deliver to have in common. */
  all(units: readonly Unit[], parts: readonly AnsweredPart[]): OwnedVariant[] {
    const { options } = this.#given;
    const groups = new Map<string, { part: AnsweredPart; downstream: string; owners: Owner[] }>();
    const add = (part: AnsweredPart, owner: Owner): void => {
      const key = `${parts.indexOf(part)} ${owner.target.downstream}`;
      const group = groups.get(key) ?? { part, downstream: owner.target.downstream, owners: [] };
      group.owners.push(owner);
      groups.set(key, group);
    };
    for (const unit of units) {
      if (unit.disposition.kind !== 'deliver') continue;
      for (const target of unit.accepted.targets) add(unit.part, { unit, target });
    }
    for (const part of parts) {
      if (!units.some((unit) => unit.part === part && unit.disposition.kind === 'deliver')) continue;
      const { nextHop, folder, addRecipients } = part.combined;
      const route = { downstream: nextHop ?? options.listener.downstream, folder };
      for (const address of addRecipients) {
        add(part, { unit: undefined, target: hiddenTarget(address, route) });
      }
    }
    for (const { target, beside } of this.#given.transaction.added) {
      const neighbour = units.find(
        ({ accepted, disposition }) => disposition.kind === 'deliver' && beside.includes(accepted),
      );
      if (neighbour !== undefined) add(neighbour.part, { unit: undefined, target });
    }
    return [...groups.values()].map(({ part, downstream, owners }) => ({
      owners,
      variant: this.one(
        part,
        owners.map(({ target }) => target.recipient),
        downstream,
      ),
    }));
  }

  /** The message for these recipients, traced; SIZE tells what it has become. */
  one(part: AnsweredPart, recipients: readonly Recipient[], downstream: string): Variant {
    const { transaction, spool } = this.#given;
    const image = this.#traced(part, recipients);
    const { sender } = transaction;
    const address = part.combined.sender ?? sender.address;
    const params = 'SIZE' in sender.params ? { ...sender.params, SIZE: String(image.size) } : sender.params;
    return { image, source: imageSource(spool, image), sender: { address, params }, recipients, downstream };
  }

  #traced(part: AnsweredPart, recipients: readonly Recipient[]): MessageImage {
    const { transaction, options, session } = this.#given;
    return withTrace(part.image ?? this.#given.arrived, {
      ...session,
      hostname: options.hostname,
      protocol: options.listener.protocol,
      transaction,
      recipients,
      opesSystem: options.opes.system,
      adaptedBy: part.outcomes.flatMap(({ service, modified }) => (modified ? [service] : [])),
    });
  }
}

export interface VariantSource {
  readonly transaction: Transaction;
  readonly spool: Spool;
  readonly options: ProxyOptions;
  readonly session: SessionFacts;
  /** The message as it arrived, before any service or trace field. */
  readonly arrived: MessageImage;
}

interface Owner {
  /** Undefined for a recipient that a service added. */
  readonly unit: Unit | undefined;
  readonly target: Target;
}

export interface OwnedVariant {
  readonly variant: Variant;
  /** One for each of the variant's recipients, in order. */
  readonly owners: readonly Owner[];
}
