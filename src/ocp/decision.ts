import { z } from 'zod';

/**
 * What a service proposes: the JSON that a plugin returns, checked here. Plugins propose, the operator's policy
 * combines (`combine.ts`). Anything that does not fit this schema is a failure of the service, never a decision.
 */
export const VERDICTS = ['accept', 'reject', 'tempfail', 'discard', 'quarantine', 'bounce'] as const;
export type Verdict = (typeof VERDICTS)[number];

// Printable text on one line: CR, LF, NUL and other controls could forge reply lines, headers and log lines.
const line = (max: number) =>
  z
    .string()
    .max(max)
    // oxlint-disable-next-line no-control-regex -- control characters are what this refuses
    .refine((text) => !/[\u0000-\u001f\u007f]/.test(text), 'must not contain control characters');

const address = line(1000);

const replySchema = z.strictObject({
  code: z.int().min(400).max(599),
  enhanced: z
    .string()
    .regex(/^[45]\.\d{1,3}\.\d{1,3}$/)
    .optional(),
  text: line(400).default(''),
});

const nextHop = line(300);
const folder = line(200);

const recipientDecision = z.strictObject({
  /** The recipient as the facts named it. One that does not exist makes the whole decision a failure. */
  address,
  verdict: z.enum(VERDICTS).optional(),
  reply: replySchema.optional(),
  /** Goes to these addresses instead; an empty list removes the recipient as `discard` does. */
  replace: z.array(address).max(100).optional(),
  /** Name of a configured downstream. */
  nextHop: nextHop.optional(),
  /** Advice for the store: the folder the message belongs in. */
  folder: folder.optional(),
});

export const decisionSchema = z.strictObject({
  /** For all recipients (or for the command, before there are any); absent means `accept`. */
  verdict: z.enum(VERDICTS).optional(),
  reply: replySchema.optional(),
  /** Skip the services after this one. */
  final: z.boolean().optional(),
  /** Close the session after the reply. */
  disconnect: z.boolean().optional(),
  /** At `helo`, `mail` and `rcpt`: the value to go on with instead of the client's. */
  rewrite: address.optional(),
  /** At `data` and `message`: another reverse-path; '' is the null one. */
  sender: address.optional(),
  recipients: z.array(recipientDecision).max(2000).optional(),
  /** At `data` and `message`: further recipients, not shown to the client. */
  addRecipients: z.array(address).max(100).optional(),
  nextHop: nextHop.optional(),
  folder: folder.optional(),
  tags: z.record(line(64), line(512)).optional(),
  score: z.number().optional(),
  /** Why, for the quarantine list and the log. */
  reason: line(400).optional(),
});

export type Decision = z.infer<typeof decisionSchema>;
export type DecisionReply = z.infer<typeof replySchema>;
