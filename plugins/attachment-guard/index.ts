import { Check, configured, decide, Decision, Message, Part, settings } from '../../sdk/assemblyscript';
import { ACTIONS, Policy } from './policy';
import { REAL_TYPES } from './real-type';
import { Finding, findIn, obscurity } from './finding';
export { ocp_smtp_abi_1 } from '../../sdk/assemblyscript';

/**
 * A security filter for attachments (RFC 4496 section 4.1): blocks by file name, declared type and what the octets
 * really are, and replaces, marks, quarantines or rejects. Settings: README.md.
 */
export function configure(): i32 {
  const check = Check.settings([
    'blockExtensions',
    'blockTypes',
    'blockRealTypes',
    'action',
    'replaceText',
    'subjectTag',
  ]);
  check.get('blockExtensions').texts(20);
  check.get('blockTypes').texts(200);
  check.get('blockRealTypes').anyOf(REAL_TYPES);
  check.get('replaceText').lines(4000);
  check.get('subjectTag').text(100);
  const action = check.get('action').anyOf(ACTIONS);
  const actions = action.value.texts();
  if (actions.includes('reject') && actions.length > 1) {
    action.refuse('but what is rejected goes nowhere: "reject" stands alone');
  }
  if (!action.value.isMissing && actions.length == 0) action.refuse('allowed are ' + ACTIONS.join(', '));
  return configured(check.problem);
}

/** Header fields that name a finding each; a message can hold thousands of parts. */
const HEADER_LIMIT: i32 = 20;

export function on_message(): i32 {
  const policy = new Policy(settings());
  const parts = Part.all();
  const obscure = obscurity(parts);
  const findings = findIn(parts, policy);
  const decision = new Decision();
  if (obscure.length > 0) {
    decision.reason('the message cannot be checked: ' + obscure).tag('attachment', 'unchecked');
    if (policy.does('reject')) {
      return decide(decision.reject(554, '5.6.0', 'Message cannot be checked: ' + obscure));
    }
    decision.quarantine();
  }
  if (findings.length == 0) return decide(decision);

  const first = findings[0];
  if (obscure.length == 0) {
    decision.reason(first.label + ': ' + first.reason).tag('attachment', policy.outcome);
  }
  if (policy.does('reject')) {
    return decide(
      decision.reject(554, '5.7.1', 'Attachment not accepted: ' + first.label + ': ' + first.reason),
    );
  }
  if (policy.does('quarantine')) decision.quarantine();
  if (policy.does('replace')) replaceAll(findings, policy);
  if (policy.does('mark')) markSubject(policy.subjectTag);
  if (policy.does('header')) addHeaders(findings, policy);
  return decide(decision);
}

function replaceAll(findings: Finding[], policy: Policy): void {
  for (let i = 0; i < findings.length; i++) {
    const finding = findings[i];
    const text = policy.replaceText
      .replaceAll('{name}', finding.label)
      .replaceAll('{reason}', finding.reason);
    finding.part.replace('text/plain; charset=utf-8', text);
  }
}

/** Before the old value: encoded words (RFC 2047) in it stay as they are. */
function markSubject(tag: string): void {
  const index = Message.headerFind('Subject');
  if (index < 0) return Message.headerAdd('Subject', tag);
  const subject = Message.headerValue(index);
  if (!subject.startsWith(tag)) Message.headerChange(index, tag + ' ' + subject);
}

function addHeaders(findings: Finding[], policy: Policy): void {
  for (let i = 0; i < min(findings.length, HEADER_LIMIT); i++) {
    const finding = findings[i];
    Message.headerAdd(
      'X-Postern-Attachment',
      policy.outcome + '; name="' + finding.label + '"; ' + finding.reason,
    );
  }
}
