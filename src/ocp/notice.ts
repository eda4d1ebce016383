import type { Problem } from '../mail/image.ts';
import { replaceControls } from '../mail/text.ts';
import type { NotifyGrant } from './capability.ts';
import type { Stage } from './stage.ts';

/**
 * What a service has Postern tell others of a transaction (RFC 4496 section 4.1): a notice, by mail, or an incident, for the tools of
 * whoever runs the gate. Both are proposed like an edit: nothing comes of them unless the call succeeds and its service is in `enforce`.
 * What becomes of them then is in `docs/flow.md`.
 *
 * Much of what they say comes from the mail itself, so it is made fit here and not refused: a control character becomes a
 * space, and what is too long is cut.
 */
export const NOTICE_TO = ['sender', 'recipients', 'postmaster'] as const;
export type NoticeTo = (typeof NOTICE_TO)[number];

export const SEVERITIES = ['info', 'notice', 'warning', 'error', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** That one call may propose. */
export const NOTIFICATION_LIMIT = 20;
// In characters.
const SUBJECT_LIMIT = 200;
const TEXT_LIMIT = 8000;
const INCIDENT_LIMIT = 1000;
const FIELD_LIMIT = 500;
const FIELDS_LIMIT = 20;
const EVENT_FORM = /^[a-z][a-z0-9-]{0,31}$/;
const FIELD_FORM = /^[A-Za-z][A-Za-z0-9_.-]{0,31}$/;

/** By whole characters; a lone surrogate, which is none, is replaced. */
const cut = (text: string, limit: number): string =>
  Array.from(text.slice(0, 2 * limit))
    .slice(0, limit)
    .join('')
    .replace(/\p{Surrogate}/gu, '\ufffd');

const line = (text: string, limit: number): string => cut(replaceControls(text, ' '), limit).trim();

function lines(text: string): string {
  const kept = text.replace(/\r\n?/g, '\n').split('\n');
  return cut(kept.map((one) => replaceControls(one.replaceAll('\t', '    '), ' ')).join('\n'), TEXT_LIMIT);
}

export interface Notice {
  readonly kind: 'notice';
  readonly to: NoticeTo;
  readonly subject: string;
  /** Lines end in LF. */
  readonly text: string;
}

export interface Incident {
  readonly kind: 'incident';
  readonly severity: Severity;
  /** What happened, as a program finds it: MSGID of RFC 5424. */
  readonly event: string;
  readonly text: string;
  /** Names as SD-NAME of RFC 5424 has them. */
  readonly fields: Readonly<Record<string, string>>;
}

export type Notification = Notice | Incident;

/** A notice about mail that was taken, as the proxy has delivery send it. */
export interface NoticeOrder {
  readonly service: string;
  readonly notice: Notice;
  /** Its service's grant. */
  readonly perHour: number;
  /** Of the message, as the client gave it. */
  readonly sender: string;
  /** Those that it is about, with the downstream that their mail goes to. */
  readonly recipients: readonly { readonly address: string; readonly downstream: string }[];
  /** Header of the message as it arrived. */
  readonly headers: Uint8Array;
}

/**
 * What is proposed, made fit, or what is wrong with it. No schema of a library: this runs in confined processes too, where there is
 * none, and again in the main program on what they say.
 */
export function readNotification(value: unknown): Notification | Problem {
  if (!isRecord(value)) return { problem: 'it must be an object' };
  const { kind } = value;
  if (kind === 'notice') return readNotice(value);
  return kind === 'incident' ? readIncident(value) : { problem: 'kind must be notice or incident' };
}

function readNotice({ kind: _kind, to, subject, text, ...others }: Fields): Notice | Problem {
  const reader = NOTICE_TO.find((one) => one === to);
  if (reader === undefined) return { problem: `to must be one of ${NOTICE_TO.join(', ')}` };
  if (typeof subject !== 'string' || line(subject, SUBJECT_LIMIT) === '')
    return { problem: 'subject must be a text that is not empty' };
  if (typeof text !== 'string') return { problem: 'text must be a text' };
  return (
    unknownKey(others) ?? {
      kind: 'notice',
      to: reader,
      subject: line(subject, SUBJECT_LIMIT),
      text: lines(text),
    }
  );
}

function readIncident({ kind: _kind, severity, event, text, fields, ...others }: Fields): Incident | Problem {
  const known = SEVERITIES.find((one) => one === severity);
  if (known === undefined) return { problem: `severity must be one of ${SEVERITIES.join(', ')}` };
  if (typeof event !== 'string' || !EVENT_FORM.test(event))
    return { problem: 'event must be 1 to 32 of a-z, 0-9 and "-", beginning with a letter' };
  if (typeof text !== 'string') return { problem: 'text must be a text' };
  const given = fields === undefined ? [] : isRecord(fields) ? Object.entries(fields) : undefined;
  if (given === undefined || given.length > FIELDS_LIMIT)
    return { problem: `fields must be an object of at most ${FIELDS_LIMIT} texts` };
  const said: Record<string, string> = {};
  for (const [name, value] of given) {
    if (!FIELD_FORM.test(name))
      return { problem: 'fields must have names of letters, digits, "_", "." and "-"' };
    if (typeof value !== 'string') return { problem: `fields.${name} must be a text` };
    said[name] = line(value, FIELD_LIMIT);
  }
  return (
    unknownKey(others) ?? {
      kind: 'incident',
      severity: known,
      event,
      text: line(text, INCIDENT_LIMIT),
      fields: said,
    }
  );
}

type Fields = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function unknownKey(others: Fields): Problem | undefined {
  const [key] = Object.keys(others);
  return key === undefined ? undefined : { problem: `unknown key ${JSON.stringify(key.slice(0, 100))}` };
}

/** With the service whose it is. */
export interface ServiceNotification {
  readonly service: string;
  /** Of its grant. */
  readonly perHour: number;
  readonly notification: Notification;
}

/** What a call may propose. */
export interface NotifyLeave {
  readonly to: readonly NoticeTo[];
  readonly incidents: boolean;
}

/** The leave that a grant comes to at a stage: without a message there is nothing to give notice of. */
export function leaveAt(stage: Stage, grant: NotifyGrant | undefined): NotifyLeave | undefined {
  return grant && { to: stage === 'message' ? grant.to : [], incidents: grant.incidents };
}

/** Why it may not be proposed; undefined if it may. */
export function notifyRefusal(
  notification: Notification,
  { to, incidents }: NotifyLeave,
): string | undefined {
  if (notification.kind === 'incident') return incidents ? undefined : 'incidents are not granted';
  return to.includes(notification.to)
    ? undefined
    : `a notice to ${notification.to} is not granted, or it is not the stage message`;
}
