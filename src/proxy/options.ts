import type { Log } from '../base/log.ts';
import type { TransactionBlobs } from '../ocp/blob.ts';
import type { Dispatcher } from '../ocp/dispatch.ts';
import type { Requesters } from '../ocp/requesters.ts';
import type { Store } from '../store/store.ts';
import type { Forwarder } from './forwarder.ts';
import type { MixedVerdicts } from './plan.ts';

/** What the sessions of one listener go by. A reload makes new ones; a running transaction keeps its own. */
export interface ProxyOptions {
  readonly hostname: string;
  readonly listener: {
    readonly name: string;
    readonly protocol: 'smtp' | 'submission' | 'lmtp';
    /** Domains it takes mail for, in lower case; undefined: any (submission, and LMTP where none are named). */
    readonly domains: ReadonlySet<string> | undefined;
    readonly downstream: string;
    readonly mode: 'through' | 'queue';
    readonly mixedVerdicts: MixedVerdicts;
  };
  /** Undefined if the listener names no group. */
  readonly dispatcher: Dispatcher | undefined;
  readonly forwarder: Forwarder;
  /** The URI of our OPES system, and who may ask that its services be bypassed. */
  readonly opes: { readonly system: string; readonly requesters: Requesters };
  /** What releases from the quarantine let past services. */
  readonly bypasses: Pick<Store, 'findBypasses'>;
  /** Where it is kept which messages broke a service. */
  readonly breaks: Pick<Store, 'countBreak'>;
  /** What services put for people to fetch. */
  readonly blobs: TransactionBlobs;
  readonly log: Log;
  /** Keeps what these options refer to open until the returned function is called. */
  readonly hold: () => () => void;
}
