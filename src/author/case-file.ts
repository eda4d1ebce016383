import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { z } from 'zod';
import { describeError } from '../base/errors.ts';
import { findingsOf } from '../config/issues.ts';
import { formatPath, formatProblem, sortProblems } from '../config/problem.ts';
import { integer, ipAddress, word } from '../config/scalars.ts';
import type { ServiceConfig } from '../config/config.ts';
import { defined, grantsOf } from '../config/resolve.ts';
import { map } from '../config/schema-maps.ts';
import { service } from '../config/schema-services.ts';
import { readYaml } from '../config/yaml-source.ts';
import type { Facts } from '../ocp/facts.ts';
import { decisionSchema } from '../ocp/decision.ts';
import { notificationSchema } from '../ocp/notice-schema.ts';
import { DEFAULT_SERVICE } from '../ocp/service.ts';
import { STAGES } from '../ocp/stage.ts';

/**
 * What a test case says, in YAML: who asks what, under which settings and with what leave, and what must come of it. Beside `NAME.yaml` lie
 * `NAME.eml`, the message (at stage `message`; at `report` it may, for what the facts tell of it), and perhaps `NAME.expected.eml`, the whole message that must come out.
 *
 * Of a decision, all keys that `expect` names must be equal, and `verdict` must be `accept` where it is not named. `docs/plugin-author.md`
 * describes it for authors.
 */
const text = z.string('must be a text');
const flag = z.boolean('must be true or false');
const params = z.record(z.string(), text, 'must be a map of texts');
const texts = z.array(text, 'must be a list of texts');
const whole = integer(0, 2 ** 31);

const address = z.union(
  [
    text.transform((address) => ({ address, params: {} })),
    map({ address: text, params: params.default({}) }),
  ],
  'must be an address, or a map with the keys address, params',
);
const recipient = z.union(
  [
    text.transform((address) => ({ address, params: {} })),
    map({ address: text, original: text.optional(), params: params.default({}) }),
  ],
  'must be an address, or a map with the keys address, original, params',
);

const decision = decisionSchema.shape;

const expectSchema = map({
  verdict: decision.verdict,
  reply: map({
    code: integer(400, 599).optional(),
    enhanced: text.optional(),
    text: text.optional(),
  }).optional(),
  final: decision.final,
  disconnect: decision.disconnect,
  rewrite: decision.rewrite,
  sender: decision.sender,
  recipients: decision.recipients,
  addRecipients: decision.addRecipients,
  nextHop: decision.nextHop,
  folder: decision.folder,
  tags: decision.tags,
  score: decision.score,
  reason: decision.reason,
  /** Header fields, `Name: value` unfolded: all that were added, all that are gone. */
  headers: map({ added: texts.default([]), removed: texts.default([]) }).optional(),
  /** MIME parts of the message that comes out. */
  parts: z
    .array(map({ index: whole, type: text.optional(), contains: text.optional() }), 'must be a list of parts')
    .optional(),
  /** All notices and incidents, in order. */
  notifications: z.array(notificationSchema, 'must be a list of notices and incidents').optional(),
  modified: flag.optional(),
  /** What the transaction's state holds afterwards. */
  state: z.record(z.string(), text, 'must be a map of texts').optional(),
  /** Of lines that it must log: `level: text`. */
  logs: texts.optional(),
  failure: map({
    kind: word('load', 'trap', 'deadline', 'capability').optional(),
    cause: text.optional(),
  }).optional(),
  /** Text that the complaint about the settings must hold. */
  complaint: text.optional(),
});

const caseSchema = map({
  stage: z.enum(STAGES, `must be one of ${STAGES.join(', ')}`).default('message'),
  // As in a config, under `services.<name>`.
  settings: service.shape.settings,
  allowModify: service.shape.allowModify,
  limits: service.shape.limits,
  grants: service.shape.grants,
  listener: map({
    name: text.default('inbound'),
    protocol: word('smtp', 'submission', 'lmtp').default('smtp'),
  }).optional(),
  client: map({
    address: ipAddress.optional(),
    port: integer(0, 65_535).optional(),
    helo: map({ verb: word('HELO', 'EHLO', 'LHLO').default('EHLO'), name: text }).optional(),
    tls: map({ version: text, cipher: text }).optional(),
    user: text.optional(),
  }).optional(),
  sender: address.optional(),
  recipients: z.array(recipient, 'must be a list of addresses').optional(),
  tags: params.optional(),
  score: z.number('must be a number').optional(),
  outcomes: z
    .array(map({ recipient: text, disposition: text, reply: text }), 'must be a list of outcomes')
    .optional(),
  state: z.record(z.string(), text, 'must be a map of texts').default({}),
  expect: expectSchema.default({}),
});

export type CaseSetup = z.output<typeof caseSchema>;
export type Expectation = CaseSetup['expect'];

/** Reads `NAME.yaml`; everything that is wrong with it, with line and column, if there is anything. Never throws. */
export async function readCase(
  file: string,
): Promise<{ readonly setup: CaseSetup } | { readonly problems: readonly string[] }> {
  let content: string;
  try {
    content = await readFile(file, 'utf8');
  } catch (error) {
    return { problems: [`${file}: cannot read the file: ${describeError(error)}`] };
  }
  const source = readYaml(content);
  if (source.problems.length > 0) {
    return {
      problems: source.problems.map(({ path, ...rest }) =>
        formatProblem({ file, path: formatPath(path), ...rest }),
      ),
    };
  }
  const checked = caseSchema.safeParse(source.value ?? {});
  if (checked.success) return { setup: checked.data };
  const problems = findingsOf(checked.error.issues, source.value).map((finding) => ({
    file,
    ...source.locate(finding),
    path: formatPath(finding.path),
    message: finding.message,
  }));
  return { problems: sortProblems(problems).map(formatProblem) };
}

/** What the case says of the service: as a config with these keys would. Paths in it are relative to the case. */
export function serviceOf(
  name: string,
  { setup, folder }: { setup: CaseSetup; folder: string },
): ServiceConfig {
  const { settings, allowModify, limits, grants } = setup;
  return {
    ...DEFAULT_SERVICE,
    name,
    plugin: 'plugin',
    settings,
    allowModify,
    limits: defined(limits),
    grants: grantsOf(grants, (path) => resolve(folder, path)),
  };
}

/** What the case says of the facts. */
export function factsOf(setup: CaseSetup, example: Facts): Partial<Facts> {
  const { listener, client, sender, recipients, tags, score, outcomes } = setup;
  return {
    ...(listener && { listener }),
    ...(client && { client: { ...example.client, ...defined(client) } }),
    ...(sender && { sender }),
    ...(recipients && { recipients: recipients.map(defined) }),
    ...(tags && { tags }),
    ...(score !== undefined && { score }),
    ...(outcomes && { outcomes }),
  };
}
