import { isPrintable, printable } from '../base/printable.ts';
import { z } from 'zod';
import { ID_FORM, VERSION_FORM, VERSION_LIMIT } from './package-name.ts';
import { strictJson } from './strict-json.ts';
import { STAGES } from './stage.ts';

/**
 * A package's manifest: what a plugin is, when it is asked, what it reads and changes, and what it wants to be granted.
 * Strict JSON of at most 256 KiB. It says in words that an operator reads before anything of the plugin runs, so whatever
 * the module itself shows must agree with it (`sandbox/audit.ts`).
 */
export const MANIFEST_SIZE_LIMIT = 256 * 1024;

/** What a plugin may ask for that lies outside the sandbox. */
export const CAPABILITIES = [
  'dns',
  'http',
  'kv',
  'directory',
  'blob',
  'key',
  'auth',
  'scan',
  'clock',
  'notify',
] as const;

/** How much of a message a plugin reads; each includes the one before it. */
export const READS = ['none', 'headers', 'body'] as const;

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const line = (longest: number) =>
  z
    .string()
    .min(1, 'must not be empty')
    .max(longest, `must have at most ${longest} characters`)
    .refine((text) => isPrintable(text), 'must be printable text on one line');

const distinct = (items: readonly string[]): boolean => new Set(items).size === items.length;

const capabilitySchema = z.strictObject({
  name: z.enum(CAPABILITIES),
  /** Why, for the operator who grants it. */
  reason: line(400),
  /** What it is wanted for in particular: which hosts, how much. */
  args: z.record(z.string(), z.unknown()).optional(),
});

const MiB = 1024 * 1024;
const whole = (least: number, most: number) => z.int().min(least).max(most).optional();

/** What one call needs at most. The ranges are those that an operator may set (`services.<name>.limits`). */
export const limitsSchema = z.strictObject({
  memoryMiB: whole(1, 1024),
  deadlineMs: whole(10, 60_000),
  outputBytes: whole(1024, MiB),
  logBytes: whole(0, MiB),
  hostCalls: whole(100, 100_000_000),
  addedBytes: whole(0, 256 * MiB),
});

export const manifestSchema = z
  .strictObject({
    /** Vendor and name: the vendor is the namespace that keys are trusted for. */
    id: z.string().regex(ID_FORM, 'must be vendor/name, of a-z, 0-9 and -'),
    version: z.string().max(VERSION_LIMIT).regex(VERSION_FORM, 'must be a semantic version such as 1.2.3'),
    abi: z.literal(1),
    title: line(80),
    description: line(1000),
    stages: z.array(z.enum(STAGES)).min(1).refine(distinct, 'must name each stage once'),
    reads: z.enum(READS),
    /** Whether it is told the table of the message's parts (`part-table.ts`): types, sizes and file names, without reading it. */
    parts: z.boolean().default(false),
    /** Whether it changes the message, the envelope, a command's value or the next hop. */
    modifies: z.boolean(),
    capabilities: z
      .strictObject({
        required: z.array(capabilitySchema).default([]),
        optional: z.array(capabilitySchema).default([]),
      })
      .refine(
        ({ required, optional }) => distinct([...required, ...optional].map(({ name }) => name)),
        'must name each capability once',
      )
      .prefault({}),
    /** JSON Schema of the settings. */
    settings: z.record(z.string(), z.unknown()).optional(),
    limits: limitsSchema.default({}),
    /** Whether a sender or recipient may be let past it (RFC 4902 section 4.2), if the operator allows that. */
    bypassable: z.boolean().default(false),
    homepage: z
      .url({ protocol: /^https$/, error: 'must be an https URL' })
      .max(300)
      .refine((text) => isPrintable(text), 'must be printable text on one line')
      .optional(),
    license: line(100).optional(),
  })
  .refine(({ reads, stages }) => reads === 'none' || stages.includes('message'), {
    path: ['reads'],
    message: 'must be none without the stage message, which alone has a message',
  })
  .refine(({ parts, stages }) => !parts || stages.includes('message') || stages.includes('report'), {
    path: ['parts'],
    message: 'must be false without the stages message and report, whose facts have the table',
  });

export type Manifest = z.output<typeof manifestSchema>;

export type ManifestRead = { readonly manifest: Manifest } | { readonly reasons: readonly string[] };

/** Reads a manifest. Everything that is wrong with it is a reason in words; never throws. */
export function readManifest(octets: Uint8Array): ManifestRead {
  if (octets.length > MANIFEST_SIZE_LIMIT) {
    return {
      reasons: [`its manifest has ${octets.length} octets, at most ${MANIFEST_SIZE_LIMIT} are allowed`],
    };
  }
  let text: string;
  try {
    text = UTF8.decode(octets);
  } catch {
    return { reasons: ['its manifest is not UTF-8'] };
  }
  const json = strictJson(text);
  if ('fault' in json) return { reasons: [`its manifest ${json.fault}`] };
  const parsed = manifestSchema.safeParse(json.value);
  if (parsed.success) return { manifest: parsed.data };
  return {
    reasons: parsed.error.issues.map(({ path, message }) => {
      const where = path.length === 0 ? '' : ` at ${path.join('.')}`;
      return printable(`its manifest is wrong${where}: ${message}`);
    }),
  };
}
