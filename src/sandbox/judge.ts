import { applySplices, isProblem, type MessageImage } from '../mail/image.ts';
import type { Facts } from '../ocp/facts.ts';
import type { Notification } from '../ocp/notice.ts';
import type { CalloutState, FailureKind, Service, ServiceOutcome } from '../ocp/service.ts';
import { readDecision } from './decision-reader.ts';
import type { Said } from './guest-call.ts';
import { cleanText, type LogLine } from './logbook.ts';

/** What one service's answer comes to. */
export interface Answer {
  readonly result: ServiceOutcome['result'];
  readonly logs: readonly LogLine[];
  /** Octets of memory that the instance had at its end; 0 where there was none. */
  readonly memoryBytes: number;
  /** Octets of the message that it was given. */
  readonly readBytes: number;
  /** The message, if it changed it and may. */
  readonly image?: MessageImage;
  /** It would have changed the message, if it were not in `monitor`. */
  readonly wouldModify?: true;
  /** The notices and incidents that it proposes, if any. */
  readonly notifications?: readonly Notification[];
  /** All of its state, if it set any. */
  readonly state?: CalloutState[string];
}

/** Makes of what a call left behind what counts: all of it, or a failure and nothing. */
export function judge(
  said: Said,
  about: {
    readonly service: Pick<Service, 'allowModify' | 'mode'>;
    readonly facts: Facts;
    readonly image: MessageImage | undefined;
    /** Why the message could not be read, if so. */
    readonly broken: string | undefined;
  },
): Answer {
  const { service, facts, image, broken } = about;
  const { fault, outage, logs, memoryBytes, splices, notifications, state } = said;
  const left = { logs, memoryBytes, readBytes: said.readBytes };
  // A plugin may well give up when what it was granted is out of order: that is no fault of its own.
  const fails = (cause: string): Answer =>
    outage === undefined
      ? failed('trap', { cause, ...left })
      : failed('capability', { cause: `${cause}; ${outage}`, ...left });
  // Ours first: what a plugin does after its message could not be read says nothing about the plugin.
  if (broken !== undefined) return failed('load', { cause: broken, ...left });
  if (fault !== undefined) return fails(fault);

  // Nothing waits for a report and nothing is done about it, so what is returned there has no meaning.
  const read =
    facts.stage === 'report'
      ? { decision: {} }
      : readDecision(said.output, { facts, allowModify: service.allowModify });
  if ('fault' in read) return fails(read.fault);

  const answer: Answer = {
    result: { kind: 'decision', decision: read.decision },
    ...left,
    ...(state && { state }),
    ...(notifications.length > 0 && { notifications }),
  };
  if (image === undefined || splices.length === 0) return answer;
  const edited = applySplices(image, splices);
  if (isProblem(edited)) return fails(`its edits don't fit together: ${edited.problem}`);
  if (edited === image) return answer;
  return service.mode === 'monitor' ? { ...answer, wouldModify: true } : { ...answer, image: edited };
}

/** What is wrong with the settings, '' if nothing is. */
export function complaintOf({ fault, output }: Pick<Said, 'fault' | 'output'>): string {
  return fault === undefined
    ? cleanText(output ?? new Uint8Array())
    : `its check of the settings failed: ${fault}`;
}

export function failed(
  failure: FailureKind,
  why: { cause: string; logs?: readonly LogLine[]; memoryBytes?: number; readBytes?: number },
): Answer {
  const { cause, logs = [], memoryBytes = 0, readBytes = 0 } = why;
  return { result: { kind: 'failure', failure, cause }, logs, memoryBytes, readBytes };
}
