import { error_set } from '@extism/as-pdk/lib/env';
import { textToExtism } from './extism';

/**
 * Where a `throw`, a failed assertion or an index out of bounds ends: the reason goes to the host as Extism's error
 * text, then the call traps. The compiler calls it; see `--use abort=…` in build.mjs.
 */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  const reason = message === null ? 'aborted' : message;
  const place = file === null ? '' : ' (' + file + ':' + line.toString() + ':' + column.toString() + ')';
  error_set(textToExtism(reason + place));
  unreachable();
}
