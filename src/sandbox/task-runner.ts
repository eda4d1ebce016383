import type { ServiceOutcome } from '../ocp/service.ts';
import { Call } from './call.ts';
import { factsAfter, goesOn } from './group-rule.ts';
import type { GuestRunner } from './guest.ts';
import { cleanText } from './logbook.ts';
import { MessageView, TaskSpool } from './message-view.ts';
import { monotonicMs, type Progress } from './progress.ts';
import { callService, failed, type Answer, type CurrentMessage } from './service-call.ts';
import type { AskTask, ConfigureTask, LoadedService, Report } from './wire.ts';

export interface TaskContext {
  readonly services: ReadonlyMap<string, LoadedService>;
  readonly guests: GuestRunner;
  readonly progress: Progress;
  readonly report: (report: Report) => void;
}

/**
 * Asks the services of one task in a worker thread, one after another, each in a fresh instance. Each outcome is reported
 * at once, so that what is done stays done if the thread is ended while the next service is at work.
 */
export async function runTask(task: AskTask, context: TaskContext): Promise<void> {
  const { services, guests, progress, report } = context;
  let { facts } = task;
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
      if (message !== undefined) facts = { ...facts, message: { size: message.image.size } };
      const refusal = task.refusals?.[index];
      const answer =
        refusal === undefined
          ? await answerOf(loaded, { guests, task, message, facts: { ...facts, service: name } })
          : failed(refusal.failure, refusal);
      const outcome: ServiceOutcome = {
        service: name,
        micros: Math.round((monotonicMs() - startedMs) * 1000),
        result: answer.result,
        logs: answer.logs,
        modified: answer.image !== undefined,
        memoryBytes: answer.memoryBytes,
      };
      report({ kind: 'outcome', outcome, image: answer.image, state: answer.state });
      if (loaded === undefined || !goesOn(task.stage, { service: loaded.service, outcome })) return;
      facts = factsAfter(facts, { service: loaded.service, outcome });
      if (message !== undefined && answer.image !== undefined) {
        const { image } = answer;
        message = { spool: message.spool, image, view: new MessageView(message.spool, image) };
      }
    }
  } finally {
    message?.spool.close();
  }
}

async function answerOf(
  loaded: LoadedService | undefined,
  asked: { guests: GuestRunner; task: AskTask; message: CurrentMessage | undefined; facts: AskTask['facts'] },
): Promise<Answer> {
  if (loaded === undefined) return failed('load', { cause: 'there is no such service' });
  const { service, plugin } = loaded;
  if ('reason' in plugin) return failed('load', { cause: plugin.reason });
  const { guests, task, message, facts } = asked;
  return callService(guests, { service, plugin, facts, message, state: task.state[service.name] });
}

/** Lets a plugin that loaded check the settings of its service; reports what it says is wrong with them. */
export async function runConfigure(task: ConfigureTask, context: TaskContext): Promise<void> {
  const { services, guests, progress, report } = context;
  progress.begin(0);
  const { service, plugin } = services.get(task.service)!;
  const settings = Buffer.from(JSON.stringify(service.settings));
  const call = new Call({ limits: service.limits, settings, input: settings, smtputf8: false });
  const fault =
    'reason' in plugin ? plugin.reason : await guests.run(plugin.module, { exportName: 'configure', call });
  const complaint =
    fault === undefined
      ? cleanText(call.output ?? new Uint8Array())
      : `its check of the settings failed: ${fault}`;
  report({ kind: 'configured', complaint });
}
