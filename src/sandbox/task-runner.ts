import type { MessageImage } from '../mail/image.ts';
import { factsAsTold, factsFor, type Facts } from '../ocp/facts.ts';
import { factsAfter, goesOn } from '../ocp/group-rule.ts';
import { leaveAt } from '../ocp/notice.ts';
import type { CalloutState, ServiceOutcome } from '../ocp/service.ts';
import { exportOf } from '../ocp/stage.ts';
import { refused } from './breakers.ts';
import { callConfigure, callGuest } from './guest-call.ts';
import type { GuestRunner } from './guest.ts';
import type { HostLine } from './host-line.ts';
import { complaintOf, failed, judge, type Answer } from './judge.ts';
import { MessageView, TaskSpool } from './message-view.ts';
import { monotonicMs, type Progress } from './progress.ts';
import type { AskTask, ConfigureTask, LoadedService, PrepareTask, Report } from './wire.ts';

export interface TaskContext {
  readonly services: ReadonlyMap<string, LoadedService>;
  readonly guests: GuestRunner;
  readonly line: HostLine;
  readonly progress: Progress;
  readonly report: (report: Report) => void;
}

/**
 * Asks the services of one task in a worker thread, one after another, each in an instance of its own. Each outcome is reported
 * at once, so that what is done stays done if the thread is ended while the next service is at work.
 */
export async function runTask(task: AskTask, context: TaskContext): Promise<void> {
  const { services, progress, report } = context;
  let { facts } = task;
  const state = { ...task.state };
  let message: CurrentMessage | undefined;
  if (task.image !== undefined) {
    const spool = new TaskSpool(task.image.spool);
    message = { spool, image: task.image, view: new MessageView(spool, task.image) };
  }
  try {
    for (const [index, name] of task.services.entries()) {
      progress.begin(index);
      const startedMs = monotonicMs();
      const loaded = services.get(name);
      if (message !== undefined)
        facts = { ...facts, message: { ...facts.message, size: message.image.size } };
      const refusal = task.refusals?.[index];
      const answer =
        refusal === undefined
          ? await answerOf(loaded, {
              context,
              message,
              facts,
              state: state[name],
            })
          : { ...failed(refusal.failure, refusal), result: refused(refusal) };
      const outcome: ServiceOutcome = {
        service: name,
        micros: Math.round((monotonicMs() - startedMs) * 1000),
        result: answer.result,
        logs: answer.logs,
        modified: answer.image !== undefined,
        ...(answer.wouldModify && { wouldModify: true }),
        ...(answer.notifications && { notifications: answer.notifications }),
        ...(answer.readBytes > 0 && { readBytes: answer.readBytes }),
        memoryBytes: answer.memoryBytes,
      };
      const lacking = lackingIn(context);
      report({ kind: 'outcome', outcome, image: answer.image, state: answer.state, lacking });
      if (loaded === undefined || !goesOn(task.stage, { service: loaded.service, outcome })) return;
      facts = factsAfter(facts, { service: loaded.service, outcome });
      if (answer.state !== undefined) state[name] = answer.state;
      if (message !== undefined && answer.image !== undefined) {
        const { image } = answer;
        message = { spool: message.spool, image, view: new MessageView(message.spool, image) };
      }
    }
  } finally {
    message?.spool.close();
  }
}

/** The message at the time a service is asked. */
interface CurrentMessage {
  readonly image: MessageImage;
  readonly view: MessageView;
  readonly spool: TaskSpool;
}

async function answerOf(
  loaded: LoadedService | undefined,
  asked: {
    context: TaskContext;
    message: CurrentMessage | undefined;
    facts: Facts;
    state: CalloutState[string] | undefined;
  },
): Promise<Answer> {
  if (loaded === undefined) return failed('load', { cause: 'there is no such service' });
  const { service, plugin } = loaded;
  if ('reason' in plugin) return failed('load', { cause: plugin.reason });
  const { context, message, state } = asked;
  const facts = factsFor(asked.facts, { ...service, wantsParts: plugin.wantsParts });
  if (!plugin.stages.has(facts.stage))
    return { result: { kind: 'notAsked' }, logs: [], readBytes: 0, memoryBytes: 0 };
  const said = await callGuest(context.guests, {
    service,
    module: plugin.module,
    exportName: exportOf(facts.stage),
    input: Buffer.from(JSON.stringify(factsAsTold(facts))),
    view: message?.view,
    smtputf8: facts.sender?.params['SMTPUTF8'] !== undefined,
    state,
    line: context.line,
    knowsTime: service.grants.clock === true,
    notify: leaveAt(facts.stage, service.grants.notify),
  });
  const answer = judge(said, { service, facts, image: message?.image, broken: message?.spool.broken });
  // A call can fail by what it said alone.
  if (answer.result.kind === 'failure') context.guests.discard(service);
  return answer;
}

/** Lets a plugin that loaded check the settings of its service; reports what it says is wrong with them. */
export async function runConfigure(task: ConfigureTask, context: TaskContext): Promise<void> {
  const { services, guests, progress, report } = context;
  progress.begin(0);
  const { service, plugin } = services.get(task.service)!;
  const said =
    'reason' in plugin
      ? { fault: plugin.reason, output: undefined }
      : await callConfigure(guests, { service, module: plugin.module });
  report({ kind: 'configured', complaint: complaintOf(said) });
}

/** Makes an instance for the next call of a service, while nobody waits for it. */
export async function runPrepare(task: PrepareTask, context: TaskContext): Promise<void> {
  const { services, guests, progress, report } = context;
  progress.begin(0);
  const { service, plugin } = services.get(task.service)!;
  const fault = 'reason' in plugin ? plugin.reason : await guests.prepare({ service, module: plugin.module });
  report({ kind: 'prepared', service: task.service, fault, lacking: lackingIn(context) });
}

function lackingIn({ services, guests }: TaskContext): string[] {
  const { lacking } = guests;
  if (lacking.length === 0) return [];
  return [...services].flatMap(([name, { service }]) => (lacking.includes(service) ? name : []));
}
