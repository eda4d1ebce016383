import type { Log } from '../../base/log.ts';
import type { IncidentReport } from '../../ocp/incident.ts';
import type { Severity } from '../../ocp/notice.ts';

const LEVELS: Readonly<Record<Severity, keyof Log>> = {
  info: 'info',
  notice: 'info',
  warning: 'warn',
  error: 'error',
  critical: 'error',
};

/** The incident in Postern's own log: that one is always there, whatever becomes of store and sinks. */
export function incidentLine({ at: _at, ...report }: IncidentReport, log: Log): void {
  log[LEVELS[report.severity]]({ ...report }, 'incident');
}
