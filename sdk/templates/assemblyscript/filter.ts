/** Refuses mail whose text says a word, and marks what it lets through. */
import { Check, configured, decide, Decision, foldCase } from 'postern-plugin-assemblyscript';
import { Message, Part, quote, settings } from 'postern-plugin-assemblyscript';
export { ocp_smtp_abi_1 } from 'postern-plugin-assemblyscript';

/** Asked once, when the service is loaded: what it says of the settings is what the operator reads. */
export function configure(): i32 {
  const check = Check.settings(['word']);
  check.get('word').required('required is a text').text(100);
  return configured(check.problem);
}

/** Asked about each message. */
export function on_message(): i32 {
  const decision = new Decision();
  const word = foldCase(settings().get('word').text());
  const parts = Part.all();
  for (let i = 0; i < parts.length; i++) {
    if (!parts[i].type.startsWith('text/') || !parts[i].says(word)) continue;
    decision.reject(550, '5.7.1', 'no mail about ' + word + ' here');
    decision.reason('part ' + i.toString() + ' says ' + quote(word));
    return decide(decision);
  }
  Message.headerAdd('X-Checked-By', '{{name}}');
  return decide(decision);
}
