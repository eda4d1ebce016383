import { z } from 'zod';
import type { CapabilityAnswer } from '../ocp/capability.ts';
import { CAPABILITIES } from '../ocp/manifest.ts';
import { notificationSchema } from '../ocp/notice-schema.ts';
import { NOTIFICATION_LIMIT, type NotifyLeave } from '../ocp/notice.ts';
import { EDIT_LIMIT } from './edits.ts';
import type { GuestService } from './instances.ts';

/**
 * What passes between Postern and a confined process (`process-main.ts`), in the order of its life. What the process says is judged by
 * these schemas: the code in it may have been taken over.
 *
 *     process: started         Postern: confine
 *     process: confined        Postern: load, with the module
 *     process: loaded          Postern: configure, prepare, or call, with input, beginning of the message, and values of the state
 *     process: read, …         Postern: octets (nothing for what it could not read)
 *     process: ask, …          Postern: answer
 *     process: configured, with the output; prepared; or said, with output, octets of the splices, and values of the state
 */
export interface ConfineMessage {
  readonly kind: 'confine';
  /** The user to become, where Postern is root. */
  readonly uid: number | undefined;
}

export interface LoadMessage {
  readonly kind: 'load';
  readonly service: GuestService;
  /** The capability `clock` is granted. */
  readonly knowsTime: boolean;
}

export interface CallMessage {
  readonly kind: 'call';
  readonly exportName: string;
  /** Octets of it. */
  readonly input: number;
  /** At `message`: its size, and how many octets from its beginning are here. */
  readonly message: { readonly size: number; readonly head: number } | undefined;
  readonly smtputf8: boolean;
  readonly notify: NotifyLeave | undefined;
  readonly state: readonly (readonly [key: string, length: number])[] | undefined;
  /** The call before has failed by what it said: its instance is to answer no other. */
  readonly discard: boolean;
}

/** Make an instance ahead of need. */
export interface PrepareMessage {
  readonly kind: 'prepare';
}

export interface ConfigureMessage {
  readonly kind: 'configure';
}

/** With the octets of the answer, unless it was refused. */
export interface AnswerMessage {
  readonly kind: 'answer';
  readonly refused: Omit<Extract<CapabilityAnswer, { kind: 'refused' }>, 'kind'> | undefined;
}

/** More of the message. */
export interface OctetsMessage {
  readonly kind: 'octets';
}

/** All that Postern says. */
export type Told =
  | ConfineMessage
  | LoadMessage
  | ConfigureMessage
  | PrepareMessage
  | CallMessage
  | OctetsMessage
  | AnswerMessage;

const length = z.int().min(0);

export const startedSchema = z.strictObject({ kind: z.literal('started') });
export const confinedSchema = z.strictObject({ kind: z.literal('confined') });
export const loadedSchema = z.strictObject({ kind: z.literal('loaded'), problem: z.string().optional() });
export const configuredSchema = z.strictObject({
  kind: z.literal('configured'),
  fault: z.string().optional(),
  output: length.optional(),
});
export const preparedSchema = z.strictObject({ kind: z.literal('prepared'), fault: z.string().optional() });
const readSchema = z.strictObject({ kind: z.literal('read'), offset: length, length });
const saidSchema = z.strictObject({
  kind: z.literal('said'),
  fault: z.string().optional(),
  output: length.optional(),
  logs: z.array(z.strictObject({ level: z.enum(['debug', 'info', 'warn', 'error']), text: z.string() })),
  memoryBytes: length,
  splices: z.array(z.tuple([length, length, length])).max(EDIT_LIMIT),
  notifications: z.array(notificationSchema).max(NOTIFICATION_LIMIT).optional(),
  state: z.array(z.tuple([z.string(), length])).optional(),
  /** An instance had better be made ahead of the next call. */
  lacking: z.boolean(),
});

const askSchema = z.strictObject({ kind: z.literal('ask'), capability: z.enum(CAPABILITIES) });
export const turnSchema = z.discriminatedUnion('kind', [readSchema, askSchema, saidSchema]);

export type SaidMessage = z.infer<typeof saidSchema>;
