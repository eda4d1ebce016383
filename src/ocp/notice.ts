import { z } from 'zod';
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
/** Characters of a notice's text. */
const TEXT_LIMIT = 8000;
const FIELDS_LIMIT = 20;

/** By whole characters; a lone surrogate, which is none, is replaced. */
const cut = (text: string, limit: number): string =>
  Array.from(text.slice(0, 2 * limit))
    .slice(0, limit)
    .join('')
    .replace(/\p{Surrogate}/gu, '\ufffd');

const line = (limit: number) => z.string().transform((text) => cut(replaceControls(text, ' '), limit).trim());

const lines = z.string().transform((text) => {
  const kept = text.replace(/\r\n?/g, '\n').split('\n');
  return cut(kept.map((one) => replaceControls(one.replaceAll('\t', '    '), ' ')).join('\n'), TEXT_LIMIT);
});

/** A notice as it is asked for: its text comes after the line. */
const noticeRequest = z.strictObject({
  kind: z.literal('notice'),
  to: z.enum(NOTICE_TO),
  subject: line(200).refine((text) => text !== '', 'must not be empty'),
});

const incident = z.strictObject({
  kind: z.literal('incident'),
  severity: z.enum(SEVERITIES),
  /** What happened, as a program finds it: MSGID of RFC 5424. */
  event: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'must be 1 to 32 of a-z, 0-9 and "-"'),
  text: line(1000),
  /** Names as SD-NAME of RFC 5424 has them. */
  fields: z
    .record(z.string().regex(/^[A-Za-z][A-Za-z0-9_.-]{0,31}$/, 'must be a name'), line(500))
    .refine((fields) => Object.keys(fields).length <= FIELDS_LIMIT, `must be at most ${FIELDS_LIMIT}`)
    .default({}),
});

/** The line of a request (`sdk/ABI.md`). */
export const notifyRequestSchema = z.discriminatedUnion('kind', [noticeRequest, incident]);

export const notificationSchema = z.discriminatedUnion('kind', [
  noticeRequest.extend({ text: lines }),
  incident,
]);

export type Notification = z.output<typeof notificationSchema>;
export type Notice = Extract<Notification, { kind: 'notice' }>;
export type Incident = Extract<Notification, { kind: 'incident' }>;

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
