import { isUtf8 } from 'node:buffer';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { stringify } from 'yaml';
import { z } from 'zod';
import { findingsOf } from '../config/issues.ts';
import { formatPath, formatProblem } from '../config/problem.ts';
import { word } from '../config/scalars.ts';
import { map } from '../config/schema-maps.ts';
import { readYaml } from '../config/yaml-source.ts';
import { CAPABILITIES } from '../ocp/manifest.ts';
import type { RecordedCall } from './recording.ts';

/**
 * `NAME.calls.yaml`: what a case asked of capabilities and what they answered, in order. Octets that are text are written as text, so
 * that a person can read and mend them; others as `{ base64: … }`.
 */
const octets = z.union(
  [
    z.string().transform((text): Uint8Array => Buffer.from(text)),
    map({ base64: z.base64('must be base64') }).transform(({ base64 }): Uint8Array =>
      Buffer.from(base64, 'base64'),
    ),
  ],
  'must be a text, or a map with the key base64',
);

const callsSchema = z.array(
  z.union(
    [
      map({ capability: word(...CAPABILITIES), request: octets, answer: octets }),
      map({
        capability: word(...CAPABILITIES),
        request: octets,
        refused: word('INVALID', 'NOT_FOUND', 'DENIED', 'LIMIT', 'UNAVAILABLE'),
        cause: z.string('must be a text').default(''),
      }),
    ],
    'must be a map with the keys capability, request, and answer or refused',
  ),
  'must be a list of calls',
);

type CallsRead = { readonly calls: readonly RecordedCall[] } | { readonly problems: readonly string[] };

/** No file is no calls. Everything that is wrong with it is a problem in words. */
export async function readCalls(file: string): Promise<CallsRead> {
  let content: string;
  try {
    content = await readFile(file, 'utf8');
  } catch {
    return { calls: [] };
  }
  const source = readYaml(content);
  const placed = (one: {
    line: number;
    column: number;
    path: readonly (string | number)[];
    message: string;
  }) => formatProblem({ ...one, file, path: formatPath(one.path) });
  if (source.problems.length > 0) return { problems: source.problems.map(placed) };
  const checked = callsSchema.safeParse(source.value);
  if (!checked.success) {
    const findings = findingsOf(checked.error.issues, source.value);
    return { problems: findings.map((finding) => placed({ ...finding, ...source.locate(finding) })) };
  }
  return {
    calls: checked.data.map((call) => ({
      capability: call.capability,
      request: call.request,
      answer:
        'answer' in call
          ? { kind: 'answer', octets: call.answer }
          : { kind: 'refused', error: call.refused, cause: call.cause },
    })),
  };
}

/** No calls is no file. */
export async function writeCalls(file: string, calls: readonly RecordedCall[]): Promise<void> {
  if (calls.length === 0) return rm(file, { force: true });
  const plain = calls.map(({ capability, request, answer }) => ({
    capability,
    request: written(request),
    ...(answer.kind === 'answer'
      ? { answer: written(answer.octets) }
      : { refused: answer.error, cause: answer.cause }),
  }));
  await writeFile(file, `# Recorded by postern plugin test --record.\n${stringify(plain)}`);
}

function written(value: Uint8Array): string | { base64: string } {
  const buffer = Buffer.from(value);
  const text = buffer.toString();
  return isUtf8(buffer) && !UNWRITABLE.test(text) ? text : { base64: buffer.toString('base64') };
}

// oxlint-disable-next-line no-control-regex -- control characters are what YAML can't hold as they are
const UNWRITABLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\ufeff]/;
