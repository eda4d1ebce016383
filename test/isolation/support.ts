import { found } from '../interop/support/servers.ts';

/** Why nothing can be confined here, for the name of a test; '' if it can. Where it is required (`.ci/run`) that is an error. */
export const unconfinable = ((): string => {
  const missing = ['bwrap', 'prlimit'].filter((program) => found(program) === undefined);
  if (missing.length === 0) return '';
  const reason = `needs ${missing.join(', ')}`;
  if (process.env['POSTERN_REQUIRE_SERVERS'] !== undefined)
    throw new Error(`Cannot test isolation: ${reason}`);
  return ` (skipped: ${reason})`;
})();
