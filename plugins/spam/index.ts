import { configured, decide, Decision, facts, Part } from '../../sdk/assemblyscript';
import { act } from './actions';
import { problemWithSettings } from './check';
import { Content } from './content';
import { askLists } from './lists';
import { judgeResults } from './results';
import { applyRules } from './rules';
import { Tally } from './tally';
export { ocp_smtp_abi_1 } from '../../sdk/assemblyscript';

/**
 * Tells spam from other mail (RFC 4496 section 4.2): lists in DNS, the operator's rules, where the mail comes from; each
 * counts points, and so do services before this one. Settings: README.md.
 */
export function configure(): i32 {
  return configured(problemWithSettings());
}

export function on_message(): i32 {
  const decision = new Decision();
  const tally = new Tally(facts().score);
  const content = new Content(Part.all(), 0);
  applyRules(content, tally);
  judgeResults(tally);
  askLists(content, tally);
  act(tally, decision);
  const own = tally.total - facts().score;
  if (own != 0) decision.score(own);
  return decide(decision);
}
