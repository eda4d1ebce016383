import { Decision, facts, foldCase, Kv, Part, settings } from '../../sdk/assemblyscript';
import { attachedMessages, learn } from './learning';

/** `spam` or `other` if an address takes reports, else ''. */
function kindOf(address: string): string {
  const addresses = settings().get('learn');
  if (address == foldCase(addresses.get('spam').text())) return 'spam';
  return address == foldCase(addresses.get('other').text()) ? 'other' : '';
}

/** Whoever could report would decide what is spam. */
export function judgeRecipient(address: string, decision: Decision): void {
  if (kindOf(address) == '' || (facts().user != '' && Kv.isGranted())) return;
  decision.reject(550, '5.7.1', 'Reports are taken from users who have logged in');
}

/** Learns a message that is a report, which then has come where it should; false if it is none. */
export function takeReport(decision: Decision): bool {
  const recipients = facts().recipients;
  let kind = '';
  let isMixed = false;
  for (let i = 0; i < recipients.length; i++) {
    const one = kindOf(recipients[i].normal);
    if (i > 0 && one != kind) isMixed = true;
    if (one != '' || i == 0) kind = one;
  }
  if (kind == '') return false;
  if (facts().user == '' || !Kv.isGranted()) judgeRecipient(recipients[0].normal, decision);
  else if (isMixed) decision.reject(554, '5.5.4', 'A report goes to one address alone');
  else {
    const messages = attachedMessages(Part.all());
    if (messages.length == 0) {
      decision.reject(554, '5.6.1', 'Attach what you report: forward it as an attachment (message/rfc822)');
    } else {
      learn(messages, kind == 'spam');
      decision.discard().reason('learnt as ' + (kind == 'spam' ? 'spam' : 'other mail'));
    }
  }
  return true;
}
