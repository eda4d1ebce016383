import type { Log } from '../base/log.ts';
import type { Answered } from '../ocp/dispatch.ts';
import type { ServiceOutcome } from '../ocp/service.ts';
import type { Stage } from '../ocp/stage.ts';

/** One service's answer, as the transaction's log line shows it. */
export interface ServiceRecord {
  readonly service: string;
  readonly stage: Stage;
  readonly micros: number;
  readonly said: string;
}

/** For the log line: `accept`, `reject (reason)`, `failed: deadline (cause)` … */
export function recordOf(stage: Stage, outcome: ServiceOutcome): ServiceRecord {
  return { service: outcome.service, stage, micros: Math.round(outcome.micros), said: saidBy(outcome) };
}

function saidBy({ result, modified }: ServiceOutcome): string {
  if (result.kind === 'failure') return `failed: ${result.failure} (${result.cause})`;
  if (result.kind === 'notAsked') return 'not asked';
  const { verdict = 'accept', reason, recipients = [] } = result.decision;
  const singles = recipients.flatMap((single) =>
    single.verdict ? [`${single.address}: ${single.verdict}`] : [],
  );
  const parts = [verdict, ...singles, ...(reason ? [`(${reason})`] : []), ...(modified ? ['modified'] : [])];
  return parts.join(' ');
}

/** What plugins logged, under their service's name. */
export function logServiceLines(log: Log, ids: object, answered: Answered): void {
  for (const { service, logs } of answered.parts.flatMap(({ outcomes }) => outcomes)) {
    for (const { level, text } of logs) log[level]({ ...ids, service }, text);
  }
}
