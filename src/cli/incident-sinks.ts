import type { Config } from '../config/config.ts';
import { fileSink } from '../delivery/incidents/file.ts';
import type { IncidentSink } from '../delivery/incidents/sink.ts';
import { syslogSink } from '../delivery/incidents/syslog.ts';
import { webhookSink } from '../delivery/incidents/webhook.ts';

/** The sinks that the config names. */
export function incidentSinks({ incidents: { syslog, file, webhook } }: Config): IncidentSink[] {
  return [
    ...(syslog ? [syslogSink(syslog)] : []),
    ...(file ? [fileSink(file.path)] : []),
    ...(webhook ? [webhookSink(webhook)] : []),
  ];
}
