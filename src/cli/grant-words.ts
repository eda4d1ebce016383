import type { z } from 'zod';
import { isRecord } from '../config/raw.ts';
import { grants as grantsSchema } from '../config/schema-grants.ts';
import { suggest } from '../config/suggest.ts';
import { readYaml } from '../config/yaml-source.ts';
import { CommandError, EXIT } from './exit.ts';

/**
 * Grants on a command line: a capability's name, and in YAML what the config has below `services.<name>.grants.<capability>`, as in
 * `'http={targets: [https://api.example.com], timeout: 3s}'`. Without a value it is granted with the schema's defaults. What the value
 * says is the schema's to judge; here it is only read.
 */
export type GrantValues = Readonly<Record<string, unknown>>;

const CAPABILITIES: Readonly<Record<string, z.ZodType>> = grantsSchema.shape;

/** All that can be granted. */
export const GRANT_NAMES: readonly string[] = Object.keys(CAPABILITIES);

/** What `--grant` says in the help of each command that takes it. */
export const GRANT_OPTION = '--grant <capability[=value]>';
export const GRANT_HELP = `${GRANT_NAMES.join(', ')}, with a value in YAML ('kv={keys: 100}'); may be given again`;

/** `grants` as the config has it, from the words after `--grant`. Ends the command where they can't be understood. */
export function grantsFrom(words: readonly string[]): GrantValues {
  const values: Record<string, unknown> = {};
  for (const word of words) {
    const at = word.indexOf('=');
    const name = at < 0 ? word : word.slice(0, at);
    const value = grantValue(name, at < 0 ? undefined : word.slice(at + 1));
    if (name in values) throw new CommandError(EXIT.usage, `Cannot grant ${name}: it is given twice`);
    values[name] = value;
  }
  return values;
}

/** What the config is to have below `grants.<name>`. Ends the command if there is no such capability, or the text is no YAML. */
export function grantValue(name: string, text: string | undefined): unknown {
  if (!GRANT_NAMES.includes(name)) {
    throw new CommandError(EXIT.usage, `Cannot grant ${name}: ${suggest(name, [...GRANT_NAMES, 'modify'])}`);
  }
  if (text === undefined) return withDefaults(name);
  const { value, problems } = readYaml(text);
  const [problem] = problems;
  // A value that is in the place of a map may be a secret that somebody gave, so it is not shown.
  const fault = problem?.message ?? (isRecord(value) || value === true ? undefined : 'found no map');
  if (fault === undefined) return value;
  const form = formOf(name);
  const wanted = form === '{}' ? 'a map, {key: value}, or left out' : form;
  throw new CommandError(EXIT.usage, `Cannot grant ${name}: its value: ${fault}; it must be ${wanted}`);
}

/** The word after `--grant`, or those after `postern plugin grant SERVICE`, for one that has to be granted. */
export function grantExample(name: string, between: '=' | ' '): string {
  const form = formOf(name);
  if (!form.includes('…')) return name;
  return between === '=' ? `'${name}=${form}'` : `${name} '${form}'`;
}

/** A value with all the keys that have no default: `{targets: …}`. */
function formOf(name: string): string {
  const whole = withDefaults(name);
  const judged = CAPABILITIES[name]!.safeParse(whole);
  const missing = judged.success ? [] : judged.error.issues.map(({ path }) => `${String(path[0])}: …`);
  return whole === true ? 'true' : `{${missing.join(', ')}}`;
}

const withDefaults = (name: string): unknown => (CAPABILITIES[name]!.safeParse(true).success ? true : {});
