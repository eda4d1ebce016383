import { readConfig, writeOutput } from './extism';
import { Json, parseJson } from './json';

let parsed: Json | null = null;

/** The service's settings as the operator wrote them. Readable in every call, `configure` included. */
export function settings(): Json {
  const known = parsed;
  if (known !== null) return known;
  const octets = readConfig('settings');
  const json = octets.length == 0 ? new Json() : parseJson(octets);
  if (json === null) throw new Error('Cannot read the settings: not JSON, or nested deeper than 64');
  parsed = json;
  return json;
}

/** Ends `configure`: '' says that the settings are good, anything else is shown to the operator. */
export function configured(problem: string): i32 {
  if (problem.length > 0) writeOutput(problem);
  return 0;
}
