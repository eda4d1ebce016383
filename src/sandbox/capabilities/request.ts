import type { z } from 'zod';
import type { CapabilityAnswer } from '../../ocp/capability.ts';
import { strictJson } from '../../ocp/strict-json.ts';

/**
 * The form that all requests and answers have (`sdk/ABI.md`): one line of JSON, an object; then, after a LF, octets as they are. So
 * values and bodies never pass through JSON.
 */
export interface RequestRead<Fields> {
  readonly fields: Fields;
  readonly body: Uint8Array;
}

/** Octets of a request's line. */
const LINE_LIMIT = 64 * 1024;
const LF = 0x0a;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What is asked, or the refusal of what can't be understood. */
export function readRequest<Schema extends z.ZodType>(
  octets: Uint8Array,
  schema: Schema,
): RequestRead<z.output<Schema>> | Refused {
  const split = splitRequest(octets);
  if (!('fields' in split)) return split;
  const parsed = schema.safeParse(split.fields);
  if (parsed.success) return { fields: parsed.data, body: split.body };
  const [issue] = parsed.error.issues;
  const where = issue!.path.length === 0 ? '' : ` at ${issue!.path.join('.')}`;
  return refused('INVALID', `the request is wrong${where}: ${issue!.message}`.slice(0, 300));
}

/** The same before anything is known of what the line says. */
export function splitRequest(octets: Uint8Array): RequestRead<unknown> | Refused {
  const end = octets.indexOf(LF);
  const line = end < 0 ? octets : octets.subarray(0, end);
  if (line.length > LINE_LIMIT) {
    return refused(
      'LIMIT',
      `the request's line has ${line.length} octets, at most ${LINE_LIMIT} are allowed`,
    );
  }
  let text: string;
  try {
    text = UTF8.decode(line);
  } catch {
    return refused('INVALID', "the request's line is not UTF-8");
  }
  const json = strictJson(text);
  if ('fault' in json) return refused('INVALID', `the request's line ${json.fault}`);
  return { fields: json.value, body: octets.subarray(line.length + 1) };
}

type Refused = Extract<CapabilityAnswer, { kind: 'refused' }>;

/** `cause` is shown to the operator; it must not have secrets in it. */
export function refused(error: Refused['error'], cause: string): Refused {
  return { kind: 'refused', error, cause };
}

export function answered(fields: Readonly<Record<string, unknown>>, body?: Uint8Array): CapabilityAnswer {
  const line = Buffer.from(JSON.stringify(fields));
  return {
    kind: 'answer',
    octets: body === undefined ? line : Buffer.concat([line, Uint8Array.of(LF), body]),
  };
}
