import { z } from 'zod';
import { VERDICTS } from './decision.ts';
import { STAGES } from './stage.ts';

/** What `meter.ts` has counted of one service, as it crosses to whoever asks for it. Durations are in microseconds. */

/** `overload` and `unasked` are failures in which the service had no part: there was no thread for it; its breaker was open. */
export const COUNTED_FAILURES = ['load', 'trap', 'deadline', 'capability', 'overload', 'unasked'] as const;

/** What a service in `monitor` would have made of mail in `enforce`, where something else was made of it. */
export const DISAGREEMENTS = [...VERDICTS, 'change', 'disconnect', 'notify'] as const;
export type Disagreement = (typeof DISAGREEMENTS)[number];

const count = z.int().nonnegative();

const latency = z.object({
  calls: count,
  p50: z.number(),
  p99: z.number(),
  max: z.number(),
});

export const disagreementExample = z.object({
  /** Milliseconds since the epoch. */
  at: z.number(),
  session: z.string(),
  /** Absent before MAIL. */
  transaction: z.string().optional(),
  stage: z.enum(STAGES),
  /** What it would have done. */
  would: z.array(z.enum(DISAGREEMENTS)).readonly(),
  /** What was done, by the other services: each verdict that some recipient got at this stage. */
  done: z.array(z.enum(VERDICTS)).readonly(),
});
export type DisagreementExample = z.infer<typeof disagreementExample>;

export const meterReading = z.object({
  /** When counting began, in milliseconds since the epoch. */
  since: z.number(),
  /** Of all calls, instance included. Failures of kind `load` and those without its part are no calls. */
  ...latency.shape,
  stages: z.array(z.object({ stage: z.enum(STAGES), ...latency.shape })).readonly(),
  failures: z.record(z.enum(COUNTED_FAILURES), count),
  /** Each by the strongest verdict in it. */
  decisions: z.record(z.enum(VERDICTS), count),
  /** Messages that it changed. */
  modified: count,
  /** How many decisions gave each tag; past some number of tags the rest is under `…`. */
  tags: z.array(z.object({ tag: z.string(), count })).readonly(),
  /** Octets, the most that a call had at its end. */
  memoryPeak: count,
  disagreements: z.object({
    /** Answers of which anything would have made a difference. */
    answers: count,
    kinds: z.record(z.enum(DISAGREEMENTS), count),
    /** The last few, oldest first. */
    examples: z.array(disagreementExample).readonly(),
  }),
});
export type MeterReading = z.infer<typeof meterReading>;
