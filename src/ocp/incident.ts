import { newId } from '../base/ids.ts';
import type { Facts } from './facts.ts';
import type { Incident, ServiceNotification, Severity } from './notice.ts';

/**
 * An incident as other tools are told of it: what the service said, and what Postern itself knows. Plain data; the webhook's body and a
 * line of the incident file are this object.
 */
export interface IncidentReport {
  readonly id: string;
  /** RFC 3339, in UTC. */
  readonly at: string;
  readonly severity: Severity;
  readonly event: string;
  readonly text: string;
  /** What else the service says. */
  readonly fields: Readonly<Record<string, string>>;
  readonly service: string;
  readonly stage: string;
  /** Our own name. */
  readonly gate: string;
  readonly listener: string;
  readonly client: string;
  readonly session: string;
  readonly transaction?: string;
  readonly sender?: string;
  /** At most 20 of those that the service was asked about, and how many there were. */
  readonly recipients?: readonly string[];
  readonly recipientCount?: number;
}

const RECIPIENTS_SHOWN = 20;

/** The incidents among what services proposed at a stage. */
export function incidentReports(
  proposed: readonly ServiceNotification[],
  about: { readonly facts: Omit<Facts, 'service'>; readonly gate: string; readonly now: number },
): IncidentReport[] {
  const { facts, gate, now } = about;
  const { stage, session, transaction, sender, recipients, client, listener } = facts;
  return proposed.flatMap(({ service, notification }) =>
    notification.kind === 'notice'
      ? []
      : {
          id: newId(),
          at: new Date(now).toISOString(),
          ...saidIn(notification),
          service,
          stage,
          gate,
          listener: listener.name,
          client: client.address,
          session,
          ...(transaction !== undefined && { transaction }),
          ...(sender && { sender: sender.address }),
          ...(recipients && {
            recipients: recipients.slice(0, RECIPIENTS_SHOWN).map(({ address }) => address),
            recipientCount: recipients.length,
          }),
        },
  );
}

const saidIn = ({ kind: _kind, ...said }: Incident): Omit<Incident, 'kind'> => said;
