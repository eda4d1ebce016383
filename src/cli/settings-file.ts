import { readFile } from 'node:fs/promises';
import { describeError } from '../base/errors.ts';
import { isRecord } from '../config/raw.ts';
import { readYaml } from '../config/yaml-source.ts';
import { CommandError, EXIT } from './exit.ts';

/** Reads the file of `--settings`, YAML or JSON. Throws a CommandError if it can't be read, or is no map. */
export async function readSettings(file: string): Promise<Readonly<Record<string, unknown>>> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new CommandError(EXIT.notFound, `Cannot read ${file}: ${describeError(error)}`);
  }
  const { value, problems } = readYaml(text);
  if (problems.length === 0 && isRecord(value)) return value;
  const [first] = problems;
  const fault = first === undefined ? 'found no map' : `line ${first.line}: ${first.message}`;
  throw new CommandError(
    EXIT.usage,
    `Cannot use ${file} as settings: ${fault}; it must be a map, as YAML or JSON`,
  );
}
