/** Rejects mail whose text has a word, in upper or lower case, wherever one read ends and the next begins. */
import { Check, configured, decide, Decision, foldCase, Part, quote, settings } from '../index';
export { ocp_smtp_abi_1 } from '../index';

export function configure(): i32 {
  const check = Check.settings(['word']);
  check.get('word').required('required is a text').text(100);
  return configured(check.problem);
}

export function on_message(): i32 {
  const decision = new Decision();
  const word = foldCase(settings().get('word').text());
  const parts = Part.all();
  for (let i = 0; i < parts.length; i++) {
    if (!parts[i].type.startsWith('text/') || !parts[i].says(word)) continue;
    decision.reject(550, '5.7.1', 'no mail about ' + word + ' here');
    decision.reason('part ' + i.toString() + ' says ' + quote(word));
    break;
  }
  return decide(decision);
}
