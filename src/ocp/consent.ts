import { z } from 'zod';
import { escaped } from '../base/printable.ts';
import { CAPABILITIES, limitsSchema, READS, type Manifest } from './manifest.ts';
import { DEFAULT_LIMITS, type Limits } from './service.ts';
import { STAGES } from './stage.ts';

/**
 * What an operator has consented to when a package was shown: all that its manifest asks for. It is kept for each id, so
 * that another version which asks for more can be told from one that does not.
 */
export const consentSchema = z.strictObject({
  stages: z.array(z.enum(STAGES)),
  reads: z.enum(READS),
  parts: z.boolean().default(false),
  modifies: z.boolean(),
  capabilities: z.array(
    z.strictObject({
      name: z.enum(CAPABILITIES),
      args: z.record(z.string(), z.unknown()).optional(),
      required: z.boolean(),
    }),
  ),
  /** As the manifest says; what it does not say is what a service has by default. */
  limits: limitsSchema,
});

export type Consent = z.output<typeof consentSchema>;

/** What consenting to this package means. */
export function consentOf({ stages, reads, parts, modifies, capabilities, limits }: Manifest): Consent {
  const asked = (required: boolean): Consent['capabilities'] =>
    capabilities[required ? 'required' : 'optional'].map(({ name, args }) => ({
      name,
      ...(args !== undefined && { args }),
      required,
    }));
  return { stages, reads, parts, modifies, capabilities: [...asked(true), ...asked(false)], limits };
}

/** In what a package goes beyond a consent, in words that follow its name: "it also wants to be asked at rcpt". */
export function asksBeyond(manifest: Manifest, consent: Consent): string[] {
  return [
    ...stagesBeyond(manifest, consent),
    ...(READS.indexOf(manifest.reads) > READS.indexOf(consent.reads)
      ? [`it reads ${READING[manifest.reads]} now, ${READING[consent.reads]} until now`]
      : []),
    ...(manifest.parts && !consent.parts
      ? ["it also wants to be told the table of a message's parts: types, sizes and file names"]
      : []),
    ...(manifest.modifies && !consent.modifies ? ['it also modifies mail'] : []),
    ...capabilitiesBeyond(manifest, consent),
    ...limitsBeyond(manifest, consent),
  ];
}

const READING = { none: 'nothing of a message', headers: 'headers', body: 'bodies' } as const;

function stagesBeyond(manifest: Manifest, consent: Consent): string[] {
  const more = manifest.stages.filter((stage) => !consent.stages.includes(stage));
  return more.length === 0 ? [] : [`it also wants to be asked at ${more.join(', ')}`];
}

function capabilitiesBeyond({ capabilities }: Manifest, consent: Consent): string[] {
  const asked = [
    ...capabilities.required.map((one) => ({ ...one, isRequired: true })),
    ...capabilities.optional.map((one) => ({ ...one, isRequired: false })),
  ];
  return asked.flatMap(({ name, reason, args, isRequired }) => {
    const before = consent.capabilities.find((one) => one.name === name);
    const what = args === undefined ? name : `${name} ${shown(args)}`;
    if (before === undefined) return [`it also asks for ${what} (${reason})`];
    const lines: string[] = [];
    // What narrows and what widens only the capability knows, so any other arguments are shown to the operator.
    if (canonical(args) !== canonical(before.args)) {
      const until = before.args === undefined ? 'without arguments' : shown(before.args);
      lines.push(`it asks for ${what} (${reason}), ${until} until now`);
    }
    if (isRequired && !before.required) lines.push(`it requires ${name}, which was optional until now`);
    return lines;
  });
}

const LIMIT_WORDS: Readonly<Record<keyof Limits, { readonly what: string; readonly unit: string }>> = {
  memoryMiB: { what: 'memory', unit: ' MiB' },
  deadlineMs: { what: 'deadline', unit: ' ms' },
  outputBytes: { what: 'output', unit: ' octets' },
  logBytes: { what: 'log', unit: ' octets' },
  hostCalls: { what: 'number of host calls', unit: '' },
  addedBytes: { what: 'room for additions', unit: ' octets' },
};

function limitsBeyond(manifest: Manifest, consent: Consent): string[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of a record are its keys
  return (Object.keys(LIMIT_WORDS) as (keyof Limits)[]).flatMap((key) => {
    const before = consent.limits[key] ?? DEFAULT_LIMITS[key];
    const now = manifest.limits[key] ?? DEFAULT_LIMITS[key];
    const { what, unit } = LIMIT_WORDS[key];
    return now > before ? [`its ${what} rises from ${before}${unit} to ${now}${unit}`] : [];
  });
}

/** JSON as a line of text: nothing in it can steer a terminal. */
const shown = (value: unknown): string => escaped(JSON.stringify(value));

/** The same text for the same JSON value, whatever the order of its keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value ?? null, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([one], [other]) => (one < other ? -1 : 1)))
      : inner,
  );
}
