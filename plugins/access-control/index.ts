import { Check, configured, decide, Decision, Facts, facts, settings } from '../../sdk/assemblyscript';
import { AT, checkRules } from './check';
import { readRules, Rule } from './rule';
export { ocp_smtp_abi_1 } from '../../sdk/assemblyscript';

/**
 * Access control by the values of the dialog (RFC 4496 sections 4.4 and 4.8): an ordered list of rules, the first
 * that matches at a command decides its reply. Settings: README.md.
 */
export function configure(): i32 {
  const check = Check.settings(['rules']);
  checkRules(check.get('rules'));
  return configured(check.problem);
}

export function on_connect(): i32 {
  return judge('connect');
}

export function on_helo(): i32 {
  return judge('helo');
}

export function on_starttls(): i32 {
  return judge('starttls');
}

export function on_auth(): i32 {
  return judge('auth');
}

export function on_mail(): i32 {
  return judge('mail');
}

export function on_rcpt(): i32 {
  return judge('rcpt');
}

/** Every recipient is judged apart: a rule about one of them must not cost the others their mail. */
export function on_data(): i32 {
  const now = facts();
  const rules = rulesAt('data');
  const decision = new Decision();
  const recipients = now.recipients;
  let first: Rule | null = null;
  if (recipients.length > 0) first = findRule(rules, now, recipients[0].normal);
  let same = true;
  for (let i = 1; i < recipients.length; i++) {
    if (findRule(rules, now, recipients[i].normal) !== first) same = false;
  }
  if (same) {
    if (first !== null) first.applyTo(decision);
    return decide(decision);
  }
  for (let i = 0; i < recipients.length; i++) {
    const rule = findRule(rules, now, recipients[i].normal);
    if (rule !== null) rule.applyToRecipient(decision, recipients[i].address);
  }
  return decide(decision);
}

function judge(stage: string): i32 {
  const now = facts();
  const decision = new Decision();
  const rule = findRule(rulesAt(stage), now, now.recipientNormal);
  if (rule !== null) rule.applyTo(decision);
  return decide(decision);
}

/**
 * The rules that are asked at a stage, in order: its own, and the `accept` rules of the stages before it, since a client
 * that was let in by address at `connect` must not be turned away at MAIL by a rule further down.
 */
function rulesAt(stage: string): Rule[] {
  const all = readRules(settings().get('rules'));
  const at = AT.indexOf(stage);
  const asked: Rule[] = [];
  for (let i = 0; i < all.length; i++) {
    if (all[i].at == at || (all[i].at < at && all[i].action == 'accept')) asked.push(all[i]);
  }
  return asked;
}

/** The recipient in its normal form. */
function findRule(rules: Rule[], now: Facts, recipient: string): Rule | null {
  for (let i = 0; i < rules.length; i++) {
    if (rules[i].matches(now, recipient)) return rules[i];
  }
  return null;
}
