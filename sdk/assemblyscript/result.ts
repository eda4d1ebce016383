export const INVALID: i32 = -1;
export const NOT_FOUND: i32 = -2;
export const DENIED: i32 = -3;
export const LIMIT: i32 = -4;
export const UNAVAILABLE: i32 = -5;

/**
 * Gives a host call's result on, or ends the call: what the host refuses is a mistake of the plugin or of its
 * configuration, and a filter that went on as if nothing had happened would let through what it should have changed.
 */
export function must(result: i32, what: string): i32 {
  if (result >= 0) return result;
  throw new Error('Cannot ' + what + ': ' + reasonOf(result));
}

function reasonOf(result: i32): string {
  if (result == INVALID) return 'the host found the index, the range or the text invalid';
  if (result == NOT_FOUND) return 'there is no such thing';
  if (result == DENIED) return 'not allowed by the operator (allowModify, a grant), or not at this stage';
  if (result == LIMIT) return 'a limit of the service, or of a grant, would be passed';
  if (result == UNAVAILABLE) return 'what was granted is out of order';
  return 'the host gave an unknown result';
}

/** An error by its name in `sdk/ABI.md`. */
export function nameOf(result: i32): string {
  if (result == NOT_FOUND) return 'NOT_FOUND';
  if (result == DENIED) return 'DENIED';
  if (result == LIMIT) return 'LIMIT';
  return result == UNAVAILABLE ? 'UNAVAILABLE' : 'INVALID';
}
