import { z } from 'zod';
import { name } from './scalars.ts';
import { suggest } from './suggest.ts';

/** The forms that the parts of the schema have in common. Error texts are as in `scalars.ts`. */

/**
 * A map with exactly these keys. Its message for unknown keys has one line for each, in zod's order; `issues.ts` gives
 * every line to the key that it is about.
 */
export function map<Shape extends z.ZodRawShape>(shape: Shape) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => `unknown key, ${suggest(key, known)}`).join('\n')
        : `must be a map with the keys ${known.join(', ')}`,
  });
}

/** From names to values of one kind. */
export const named = <Value extends z.ZodType>(value: Value, what: string) =>
  z.record(name, value, `must be a map from a name to its ${what}`);

/** One value, or a list of them that is not empty. */
export function oneOrMore<Item extends z.ZodType>(item: Item) {
  return z
    .union([item, z.array(item).min(1, 'must not be an empty list')], 'must be a text or a list of texts')
    .transform((value) => (Array.isArray(value) ? value : [value]) as z.output<Item>[]);
}

/** What a map must be that is one of several kinds, by its `protocol` or `type`. */
export function protocolRule(code: string | undefined, protocols: readonly string[]): string {
  return code === 'invalid_type' ? 'must be a map' : `must be one of ${protocols.join(', ')}`;
}
