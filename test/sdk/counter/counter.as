/** Counts its calls in a variable, for `reuse.test.ts`; traps, or answers nonsense, for clients that say so. */
import { decide, Decision, facts, log, settings } from 'sdk';
export { ocp_smtp_abi_1 } from 'sdk';

let calls = 0;

export function on_helo(): i32 {
  calls += 1;
  if (facts().helo == 'trap') unreachable();
  if (facts().helo == 'nothing') return 0;
  log.info(calls.toString() + ' ' + facts().helo + ' ' + settings().get('name').text());
  return decide(new Decision());
}
