import { describeError } from '../base/errors.ts';
import type { Answered, AnsweredPart } from '../ocp/dispatch.ts';
import type { Facts } from '../ocp/facts.ts';
import { incidentReports, type IncidentReport } from '../ocp/incident.ts';
import type { ProxyOptions } from './options.ts';

/** The incidents that services reported, each about the recipients that they were asked about. */
export function incidentsIn(
  parts: readonly AnsweredPart[],
  { facts, gate }: { facts: Omit<Facts, 'service'>; gate: string },
): IncidentReport[] {
  return parts.flatMap(({ combined, recipients }) => {
    const told = { ...facts, ...(facts.recipients && { recipients }) };
    return incidentReports(combined.notifications, { facts: told, gate, now: Date.now() });
  });
}

/** Has those of a stage stored that stores nothing else. Nobody waits for the disk. */
export function tellIncidents(
  { parts }: Answered,
  { facts, options }: { facts: Omit<Facts, 'service'>; options: ProxyOptions },
): void {
  const { hostname, forwarder, log, hold } = options;
  const incidents = incidentsIn(parts, { facts, gate: hostname });
  if (incidents.length === 0) return;
  const { session, transaction = '' } = facts;
  const release = hold();
  forwarder
    .store({ transaction, queue: [], quarantine: [], bounces: [], incidents })
    .catch((error: unknown) => {
      log.error({ session, cause: describeError(error) }, 'the store did not take an incident');
    })
    .finally(release);
}
