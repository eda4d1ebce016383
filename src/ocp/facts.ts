import { normalAddress } from '../mail/address.ts';
import type { EsmtpParams } from '../mail/envelope.ts';
import type { CapabilityName, Grants } from './capability.ts';
import { CAPABILITIES } from './manifest.ts';
import type { PartTable } from './part-table.ts';
import type { Stage } from './stage.ts';

/**
 * What a service is told when it is asked: a few KB of JSON, never the message itself. `sdk/ABI.md` specifies it for
 * authors; a field that does not apply at the stage is absent.
 */
export interface Facts {
  readonly stage: Stage;
  /** Id of the session, then of the transaction from MAIL on. Both are in the log. */
  readonly session: string;
  readonly transaction?: string;
  /** Name of the service as the operator configured it. Filled in for each service. */
  readonly service: string;
  /** The capabilities that the service is granted; absent if there are none. Filled in for each service. */
  readonly grants?: readonly CapabilityName[];
  readonly listener: { readonly name: string; readonly protocol: 'smtp' | 'submission' | 'lmtp' };
  readonly client: {
    readonly address: string;
    readonly port: number;
    readonly helo?: { readonly verb: 'HELO' | 'EHLO' | 'LHLO'; readonly name: string };
    readonly tls?: { readonly version: string; readonly cipher: string };
    readonly user?: string;
  };
  /** At `mail` the one being asked about. */
  readonly sender?: { readonly address: string; readonly params: EsmtpParams };
  /** At `rcpt` exactly one: the one being asked about. From `data` on: the accepted ones that this service is asked about. */
  readonly recipients?: readonly RecipientFacts[];
  /** At `message` and `report`; with the table of parts where the service's manifest asks for it. */
  readonly message?: { readonly size: number } & Partial<PartTable>;
  /** What earlier services of the same transaction said with `tags` and `score`. */
  readonly tags?: Readonly<Record<string, string>>;
  readonly score?: number;
  /** At `report` only: what became of each recipient. */
  readonly outcomes?: readonly OutcomeFacts[];
}

export interface RecipientFacts {
  /** As it now is, after rewrites. */
  readonly address: string;
  /** As the client gave it; absent where it is the same. */
  readonly original?: string;
  readonly params: EsmtpParams;
}

/** The facts of a stage as they are for one service. */
export function factsFor(
  facts: Facts,
  one: { readonly name: string; readonly grants: Grants; readonly wantsParts: boolean },
): Facts {
  const { name, grants, wantsParts } = one;
  const { message } = facts;
  const granted = CAPABILITIES.filter((capability) => capability in grants);
  return {
    ...facts,
    service: name,
    ...(granted.length > 0 && { grants: granted }),
    ...(message && !wantsParts && { message: { size: message.size } }),
  };
}

/**
 * The facts as a service is told them: beside the address of the sender and of each recipient its normal form. A filter
 * that compares addresses compares these, or it is evaded by another spelling of the same mailbox.
 */
export function factsAsTold(facts: Facts): object {
  const { sender, recipients } = facts;
  return {
    ...facts,
    ...(sender && { sender: withNormal(sender) }),
    ...(recipients && { recipients: recipients.map(withNormal) }),
  };
}

function withNormal<T extends { readonly address: string }>(one: T): T & { readonly normal: string } {
  return { ...one, normal: normalAddress(one.address) };
}

export interface OutcomeFacts {
  readonly recipient: string;
  /** `deliver reject tempfail discard quarantine bounce` */
  readonly disposition: string;
  /** What the client was told, `250 2.0.0 …`. */
  readonly reply: string;
}
