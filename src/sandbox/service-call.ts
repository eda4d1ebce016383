import { applySplices, isProblem, type MessageImage } from '../mail/image.ts';
import { factsAsTold, type Facts } from '../ocp/facts.ts';
import type { CalloutState, FailureKind, Service, ServiceOutcome } from '../ocp/service.ts';
import { exportOf } from '../ocp/stage.ts';
import { Call } from './call.ts';
import { readDecision } from './decision-reader.ts';
import { Edits } from './edits.ts';
import type { GuestRunner } from './guest.ts';
import type { LogLine } from './logbook.ts';
import type { MessageView, TaskSpool } from './message-view.ts';
import type { PluginModule } from './plugin-module.ts';
import { StateDraft } from './state-draft.ts';

/** The message at the time a service is asked. */
export interface CurrentMessage {
  readonly image: MessageImage;
  readonly view: MessageView;
  readonly spool: TaskSpool;
}

/** What one service's answer comes to. */
export interface Answer {
  readonly result: ServiceOutcome['result'];
  readonly logs: readonly LogLine[];
  /** Octets of memory that the instance had at its end; 0 where there was none. */
  readonly memoryBytes: number;
  /** The message, if it changed it and may. */
  readonly image?: MessageImage;
  /** All of its state, if it set any. */
  readonly state?: CalloutState[string];
}

/** Asks one service at one stage. Nothing that a plugin does makes this throw. */
export async function callService(
  guests: GuestRunner,
  asked: {
    readonly service: Service;
    readonly plugin: PluginModule;
    readonly facts: Facts;
    readonly message: CurrentMessage | undefined;
    readonly state: CalloutState[string] | undefined;
  },
): Promise<Answer> {
  const { service, plugin, facts, message } = asked;
  if (!plugin.stages.has(facts.stage)) return { result: { kind: 'notAsked' }, logs: [], memoryBytes: 0 };

  const edits =
    message !== undefined && service.allowModify ? new Edits(service.limits.addedBytes) : undefined;
  const state = new StateDraft(asked.state);
  const call = new Call({
    limits: service.limits,
    settings: Buffer.from(JSON.stringify(service.settings)),
    input: Buffer.from(JSON.stringify(factsAsTold(facts))),
    ...(message && { view: message.view }),
    ...(edits && { edits }),
    smtputf8: facts.sender?.params['SMTPUTF8'] !== undefined,
    state,
  });
  const fault = await guests.run(plugin.module, { exportName: exportOf(facts.stage), call });
  const said = { logs: call.log.lines(), memoryBytes: call.memoryBytes };
  // Ours first: what a plugin does after its message could not be read says nothing about the plugin.
  if (message?.spool.broken !== undefined) return failed('load', { cause: message.spool.broken, ...said });
  if (fault !== undefined) return failed('trap', { cause: fault, ...said });

  // Nothing waits for a report and nothing is done about it, so what is returned there has no meaning.
  const read =
    facts.stage === 'report'
      ? { decision: {} }
      : readDecision(call.output, { facts, allowModify: service.allowModify });
  if ('fault' in read) return failed('trap', { cause: read.fault, ...said });

  const { changed } = state;
  const answer: Answer = {
    result: { kind: 'decision', decision: read.decision },
    ...said,
    ...(changed && { state: changed }),
  };
  if (message === undefined || edits === undefined || edits.splices.length === 0) return answer;
  const image = applySplices(message.image, edits.splices);
  if (isProblem(image))
    return failed('trap', { cause: `its edits don't fit together: ${image.problem}`, ...said });
  return service.mode === 'monitor' || image === message.image ? answer : { ...answer, image };
}

export function failed(
  failure: FailureKind,
  why: { cause: string; logs?: readonly LogLine[]; memoryBytes?: number },
): Answer {
  const { cause, logs = [], memoryBytes = 0 } = why;
  return { result: { kind: 'failure', failure, cause }, logs, memoryBytes };
}
