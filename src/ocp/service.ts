import type { MessageImage } from '../mail/image.ts';
import type { Grants } from './capability.ts';
import type { Decision } from './decision.ts';
import type { Facts } from './facts.ts';
import type { PartTable } from './part-table.ts';
import type { Notification } from './notice.ts';
import type { Stage } from './stage.ts';

/** A service: a plugin with its settings, limits and failure policy, as the operator configured it. */
export interface Service {
  readonly name: string;
  /** `vendor/name@version` of an installed package, a name in the plugin directory, or the path of a `.wasm`. */
  readonly plugin: string;
  /** False: it is not loaded, and mail goes on as if no group named it. */
  readonly enabled: boolean;
  /** Given to the plugin as JSON. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** In `monitor` the service is asked and logged, and nothing it says is done. */
  readonly mode: 'enforce' | 'monitor';
  /**
   * May it change the message, the envelope or a command's value? A change that it proposes without leave is a failure. In `monitor`
   * none is made, and this says whether it may propose any.
   */
  readonly allowModify: boolean;
  readonly onFailure: Readonly<Record<FailureKind, FailurePolicy>>;
  readonly limits: Limits;
  /** What it may reach outside the sandbox. */
  readonly grants: Grants;
  /** Where it runs: in a worker thread of this process, or in a confined process of its own (`docs/security.md`). */
  readonly isolation: 'thread' | 'process';
  /**
   * Calls that one instance answers before it is thrown away. With more than 1, what the plugin keeps in its memory from one
   * message it has at the next, whoever's mail that is.
   */
  readonly callsPerInstance: number;
  /** May requests to bypass services leave it out (RFC 4902 section 3.2)? Its manifest has to agree. */
  readonly bypassable: boolean;
}

/**
 * How a service can fail. `load`: missing, truncated or refused. `trap`: trap, non-zero return, no or malformed output,
 * a limit passed. `deadline`: too slow. `capability`: something it was granted is out of order.
 */
export type FailureKind = 'load' | 'trap' | 'deadline' | 'capability';

/**
 * What an outcome can say of a service. `overload`: there was no thread for it in time, which is no fault of the service, so
 * its `onFailure` has nothing to say: the mail is deferred.
 */
export type OutcomeFailure = FailureKind | 'overload';

/** What happens to the mail then. `accept` goes on as if the service had not been asked. */
export type FailurePolicy = 'tempfail' | 'accept' | 'reject' | 'quarantine';

/** What one call may use. */
export interface Limits {
  /** Linear memory, in MiB. */
  readonly memoryMiB: number;
  /** After this many milliseconds the worker is terminated. */
  readonly deadlineMs: number;
  /** Octets of decision. */
  readonly outputBytes: number;
  /** Octets of log a call; what is over is dropped and counted. */
  readonly logBytes: number;
  /** Host calls of any kind a call. */
  readonly hostCalls: number;
  /** Octets that the splices of one call may add. */
  readonly addedBytes: number;
}

/** What happens to the mail if this service, in `enforce`, failed like this. */
export function policyOn(failure: OutcomeFailure, service: Service): FailurePolicy {
  return failure === 'overload' ? 'tempfail' : service.onFailure[failure];
}

export const DEFAULT_LIMITS: Limits = {
  memoryMiB: 64,
  deadlineMs: 5000,
  outputBytes: 64 * 1024,
  logBytes: 16 * 1024,
  hostCalls: 2_000_000,
  addedBytes: 32 * 1024 * 1024,
};

/** What a service is unless its operator says otherwise. */
export const DEFAULT_SERVICE = {
  settings: {},
  enabled: true,
  mode: 'enforce',
  allowModify: false,
  onFailure: { load: 'tempfail', trap: 'tempfail', deadline: 'tempfail', capability: 'tempfail' },
  limits: DEFAULT_LIMITS,
  grants: {},
  isolation: 'thread',
  callsPerInstance: 1,
  bypassable: false,
} as const satisfies Omit<Service, 'name' | 'plugin'>;

/** One question to several services in a row, answered in one hop to a worker. */
export interface CalloutJob {
  readonly stage: Stage;
  /** Names of the services, in order. Each sees what the ones before it changed. */
  readonly services: readonly string[];
  /** `service` is filled in for each. */
  readonly facts: Facts;
  /** At `message`, and at no other stage. */
  readonly image?: MessageImage;
  /** What `state_get` finds: each service's own keys, kept for the transaction. */
  readonly state: CalloutState;
}

/** Service name → key → value. Plain data. */
export type CalloutState = Readonly<Record<string, Readonly<Record<string, Uint8Array>>>>;

/** What one service answered. */
export interface ServiceOutcome {
  readonly service: string;
  /** Microseconds that the call took, instance included. */
  readonly micros: number;
  readonly result:
    | { readonly kind: 'decision'; readonly decision: Decision }
    /** It has no export for this stage. */
    | { readonly kind: 'notAsked' }
    | {
        readonly kind: 'failure';
        readonly failure: OutcomeFailure;
        readonly cause: string;
        /** It was not asked: its breaker is open, or nothing could be asked. */
        readonly unasked?: true;
        /** Its breaker was open, and this call was to see whether it works again. */
        readonly probe?: true;
      };
  /** Lines that it logged, already cut to the limit. */
  readonly logs: readonly { readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly text: string }[];
  /** Its splices changed the message (and it is in `enforce` with `allowModify`). */
  readonly modified: boolean;
  /** Its splices would have changed the message, if it were not in `monitor`. */
  readonly wouldModify?: true;
  /** Notices and incidents that it proposes; absent if there are none. */
  readonly notifications?: readonly Notification[];
  /** Octets of the message that it was given; absent if it read none. */
  readonly readBytes?: number;
  /** Octets of memory that the instance had at the end, linear and host's; 0 where there was no instance. */
  readonly memoryBytes: number;
}

export interface CalloutResult {
  /** In the order asked; a service that was skipped because an earlier one ended the matter is absent. */
  readonly outcomes: readonly ServiceOutcome[];
  /** The message after all splices; the same object as in the job if nothing changed it. */
  readonly image?: MessageImage;
  readonly state: CalloutState;
}

/** Whatever answers callouts. The sandbox is one; dispatch knows no WebAssembly. */
export interface CalloutService {
  /** Never throws for anything a plugin does: that is an outcome of kind `failure`. */
  run(job: CalloutJob): Promise<CalloutResult>;
  /** Whether the service has something to say at this stage: its plugin exports `on_<stage>`. */
  answers(service: string, stage: Stage): boolean;
  /** Whether the service is to be told the table of parts. */
  wantsParts(service: string): boolean;
  /** The table of a message, without making the event loop wait; undefined if it could not be made in time. */
  partTable(image: MessageImage): Promise<PartTable | undefined>;
  /** Those that are open now. */
  openBreakers(): readonly OpenBreaker[];
  /** Ends all workers. Jobs under way end as failures of kind `load`. */
  close(): Promise<void>;
}

/** A service that is not asked at a stage for a while, since it failed there again and again. */
export interface OpenBreaker {
  readonly service: string;
  readonly stage: Stage;
  /** In a row. */
  readonly failures: number;
  /** How the last of them failed. */
  readonly failure: FailureKind;
  readonly cause: string;
  /** Milliseconds since it opened. */
  readonly openMs: number;
  /** Milliseconds until the next call goes through as a probe; 0: the next one does, or is on its way. */
  readonly probeInMs: number;
}

/** An ordered list of services with the rule for each; a listener names one. */
export interface ServiceGroup {
  readonly name: string;
  readonly entries: readonly GroupEntry[];
}

export interface GroupEntry {
  readonly service: string;
  readonly when?: WhenRule;
}

/** All that are given must hold; of a list, any. Domains and addresses compare in their normal form (`mail/address.ts`). */
export interface WhenRule {
  readonly recipientDomain?: readonly string[];
  readonly recipient?: readonly string[];
  readonly senderDomain?: readonly string[];
  readonly sender?: readonly string[];
  /** Addresses or CIDR networks. */
  readonly client?: readonly string[];
  readonly authenticated?: boolean;
}
