import type { AnsweredPart } from '../ocp/dispatch.ts';
import type { DownstreamReply } from '../smtp/transaction.ts';
import type { Variant } from './forwarder.ts';
import type { Disposition } from './plan.ts';
import type { AcceptedRecipient, Target } from './transaction.ts';

/** One recipient on its way through the disposal. */
export interface Unit {
  readonly accepted: AcceptedRecipient;
  readonly part: AnsweredPart;
  readonly disposition: Disposition;
  /** What each target came to. */
  readonly results: TargetResult[];
}

/** What the downstream said about one target. */
export interface TargetResult {
  readonly target: Target;
  readonly variant: Variant;
  readonly reply: DownstreamReply;
}

/** Those that the downstream refused. */
export const failed = (results: readonly TargetResult[]): TargetResult[] =>
  results.filter(({ reply: said }) => said.code >= 400);
