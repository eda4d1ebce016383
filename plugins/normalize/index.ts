import { configured, decide, Decision, facts } from '../../sdk/assemblyscript';
import { normalizeMessage } from './body/normalize';
import { mendDomain } from './commands/domain-form';
import { mendHeloName } from './commands/helo-name';
import { problemWithLocalPart } from './commands/local-part';
import { actionOf, OFF, problemWithSettings, REJECT } from './policy';
export { ocp_smtp_abi_1 } from '../../sdk/assemblyscript';

/**
 * Brings mail into the form that the standards want (RFC 4496 section 4.6), by rules that each rewrite, refuse or do nothing: the
 * values of HELO, MAIL and RCPT, and the message. What can't be rewritten in a command is answered with an error. Settings: README.md.
 */
export function configure(): i32 {
  return configured(problemWithSettings());
}

export function on_helo(): i32 {
  const action = actionOf('heloName');
  if (action == OFF) return decide(new Decision());
  const name = facts().helo;
  const mended = mendHeloName(name);
  if (mended == name) return decide(new Decision());
  if (mended.length == 0 || action == REJECT) {
    return decide(refusal('5.5.4', 'heloName', 'The name is no domain and no address literal'));
  }
  return decide(rewritten(mended, 'heloName'));
}

export function on_mail(): i32 {
  return decide(judgeAddress(facts().sender, facts().senderNormal, '5.1.7'));
}

export function on_rcpt(): i32 {
  return decide(judgeAddress(facts().recipient, facts().recipientNormal, '5.1.3'));
}

export function on_message(): i32 {
  return decide(normalizeMessage());
}

/** `enhanced`: RFC 3463, bad address syntax of a sender (5.1.7) or of a recipient (5.1.3). */
function judgeAddress(address: string, normal: string, enhanced: string): Decision {
  const problem = problemWithLocalPart(address, facts().stage == 'rcpt');
  if (problem !== null) return refusal(enhanced, problem.rule, problem.text);
  const action = actionOf('domainForm');
  const mended = action == OFF ? address : mendDomain(address, normal);
  if (mended == address) return new Decision();
  return action == REJECT
    ? refusal(enhanced, 'domainForm', 'The domain is not in lower case and ASCII')
    : rewritten(mended, 'domainForm');
}

function refusal(enhanced: string, rule: string, text: string): Decision {
  return new Decision().reject(501, enhanced, text).reason(rule + ': ' + text);
}

function rewritten(value: string, rule: string): Decision {
  return new Decision().rewrite(value).tag('normalize', rule);
}
