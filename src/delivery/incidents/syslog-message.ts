import { isAscii } from '../../mail/address.ts';
import type { IncidentReport } from '../../ocp/incident.ts';
import type { Severity } from '../../ocp/notice.ts';

/** RFC 5424 section 6.2.1. */
const SEVERITY: Readonly<Record<Severity, number>> = {
  critical: 2,
  error: 3,
  warning: 4,
  notice: 5,
  info: 6,
};
const FACILITY_MAIL = 2;
/** Private enterprise number of examples (RFC 5612), until there is one of ours. */
const ENTERPRISE = 32473;

/**
 * An incident as a message of syslog (RFC 5424): MSGID is the event, what Postern knows is in the structured data `postern`, what the service
 * said beside its text in `fields`.
 */
export function syslogMessage(report: IncidentReport): Buffer {
  const { at, severity, event, text, gate, fields, recipients, recipientCount, ...known } = report;
  const told = {
    id: known.id,
    service: known.service,
    stage: known.stage,
    listener: known.listener,
    client: known.client,
    session: known.session,
    transaction: known.transaction,
    sender: known.sender,
    recipients: recipients?.join(','),
    recipientCount: recipientCount?.toString(),
  };
  const header = `<${FACILITY_MAIL * 8 + SEVERITY[severity]}>1 ${at} ${headerText(gate)} postern - ${event}`;
  const data = element('postern', told) + element('fields', fields);
  // Section 6.4: a text that is more than ASCII begins with a BOM.
  return Buffer.from(`${header} ${data} ${isAscii(text) ? '' : '\ufeff'}${text}`);
}

/** Section 6.3. */
function element(name: string, values: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  if (given.length === 0) return '';
  return `[${name}@${ENTERPRISE}${given.map(([key, value]) => ` ${key}="${escaped(value!)}"`).join('')}]`;
}

/** Section 6.3.3: these three and no others. */
const escaped = (value: string): string => value.replace(/["\\\]]/g, '\\$&');

/** Section 6: printable ASCII, at most 255. */
const headerText = (text: string): string => text.replace(/[^!-~]/g, '').slice(0, 255) || '-';
