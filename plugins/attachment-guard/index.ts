import { Check, configured, decide, Decision, Part } from '../../sdk/assemblyscript';
import { editFor } from './edit';
import { findIn, obscurity } from './finding';
import { Policy } from './policy';
import { checkPolicies, Share, shares } from './sub-policies';
export { ocp_smtp_abi_1 } from '../../sdk/assemblyscript';

/**
 * A security filter for attachments (RFC 4496 section 4.1): blocks by file name, declared type, what the octets really are and what
 * lies in archives, by sub-policies for groups of senders and recipients, and does what that section lists. Settings: README.md.
 */
export function configure(): i32 {
  const check = Check.settings(Policy.keys.concat(['policies']));
  Policy.check(check);
  checkPolicies(check);
  return configured(check.problem);
}

export function on_message(): i32 {
  const parts = Part.all();
  const obscure = obscurity(parts);
  const all = shares();
  const decision = new Decision();
  for (let i = 0; i < all.length; i++) {
    const share = all[i];
    const actions = share.policy.actions;
    const findings = findIn(parts, share.policy);
    share.findings = findings;
    const only: string[] = all.length == 1 ? [] : share.recipients;
    if (obscure.length > 0) hold(share, obscure, decision, only);
    if (findings.length == 0) continue;
    if (obscure.length == 0) {
      decision.reason(findings[0].label + ': ' + findings[0].reason).tag('attachment', actions.outcome);
      actions.decide(findings, decision, only);
    }
    actions.report(findings);
  }
  editFor(all, parts);
  return decide(decision);
}

/** What can't be looked at is not harmless: refused where the policy refuses, else held. */
function hold(share: Share, obscure: string, decision: Decision, only: string[]): void {
  decision.reason('the message cannot be checked: ' + obscure).tag('attachment', 'unchecked');
  const isRefused = share.policy.actions.does('reject');
  const text = 'Message cannot be checked: ' + obscure;
  for (let i = 0; i < only.length; i++) {
    if (isRefused) decision.recipient(only[i]).reject(554, '5.6.0', text);
    else decision.recipient(only[i]).quarantine();
  }
  if (only.length > 0) return;
  if (isRefused) decision.reject(554, '5.6.0', text);
  else decision.quarantine();
}
