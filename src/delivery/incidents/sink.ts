import type { IncidentReport } from '../../ocp/incident.ts';

/**
 * Where incidents go: syslog, a file, a webhook. A sink takes them in order, a batch at a time; what it did not take is given to it again, so
 * a tool may hear of one twice (`id` tells), and never of none.
 */
export interface IncidentSink {
  readonly name: 'syslog' | 'file' | 'webhook';
  /** Incidents in a batch at most. */
  readonly batch: number;
  /** Resolves when it has them all. Rejects if it did not take them, or some. */
  deliver(reports: readonly IncidentReport[], signal: AbortSignal): Promise<void>;
}
