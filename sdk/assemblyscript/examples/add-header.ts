/** Adds a header field whose name and value are the operator's, and says in a tag what the mail is about. */
import { Check, configured, decide, Decision, Message, settings } from '../index';
export { ocp_smtp_abi_1 } from '../index';

export function configure(): i32 {
  const check = Check.settings(['name', 'value']);
  check.get('name').text(60);
  check.get('value').text(500);
  return configured(check.problem);
}

export function on_message(): i32 {
  const decision = new Decision();
  const name = settings().get('name').text('X-Scanned-By');
  Message.headerAdd(name, settings().get('value').text('Postern'));
  const subject = Message.header('Subject');
  if (subject !== null) decision.tag('subject', subject);
  return decide(decision);
}
