import { configured, decide, Decision, facts, Kv, log, Part, settings } from '../../sdk/assemblyscript';
import { act } from './actions';
import { likelihood } from './bayes';
import { problemWithSettings } from './check';
import { Content } from './content';
import { learntTable } from './learning';
import { askLists } from './lists';
import { keepForRelease, learnReleased } from './released';
import { judgeRecipient, takeReport } from './reports';
import { judgeResults } from './results';
import { applyRules } from './rules';
import { Tally } from './tally';
import { tokensOf } from './tokens';
export { ocp_smtp_abi_1 } from '../../sdk/assemblyscript';

/**
 * Tells spam from other mail (RFC 4496 section 4.2): lists in DNS, the operator's rules, where the mail comes from, and what was learnt from
 * people's reports and releases; each counts points, and so do services before this one. Settings: README.md.
 */
export function configure(): i32 {
  return configured(problemWithSettings());
}

export function on_rcpt(): i32 {
  const decision = new Decision();
  judgeRecipient(facts().recipientNormal, decision);
  return decide(decision);
}

export function on_message(): i32 {
  const decision = new Decision();
  if (takeReport(decision)) return decide(decision);
  const tally = new Tally(facts().score);
  const content = new Content(Part.all(), 0);
  applyRules(content, tally);
  judgeResults(tally);
  askLists(content, tally);
  const places = learns() ? tokensOf(content) : new Uint16Array(0);
  if (learns()) judgeByWords(places, tally);
  const isHeld = act(tally, decision);
  if (isHeld && learns()) keepForRelease(places);
  const own = tally.total - facts().score;
  if (own != 0) decision.score(own);
  return decide(decision);
}

/** Nothing waits for it. */
export function on_report(): i32 {
  if (learns()) learnReleased();
  return decide(new Decision());
}

function learns(): bool {
  return Kv.isGranted() && !settings().get('bayes').isMissing;
}

function judgeByWords(places: Uint16Array, tally: Tally): void {
  const bayes = settings().get('bayes');
  const likely = likelihood(learntTable(), places);
  const most = likely > 0.5 ? bayes.get('spam').number() : bayes.get('other').number();
  tally.add('BAYES', Math.round(most * Math.abs(likely - 0.5) * 20) / 10);
  log.debug('spam by its words with a likelihood of ' + likely.toString());
}
