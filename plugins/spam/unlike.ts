import { domainOf, facts, foldCase, Message } from '../../sdk/assemblyscript';
import { Content } from './content';
import { registeredDomain } from './links';

/** What of the envelope can be compared with what people see. */
export const UNLIKE: string[] = ['sender', 'recipients'];

/** Whether any of these is another in the envelope than in the header. */
export function isUnlike(subjects: string[], content: Content): bool {
  if (subjects.includes('sender') && hasOtherSender(content)) return true;
  return subjects.includes('recipients') && hasUnseenRecipients();
}

/** A bounce has no sender, and a message without From no author: that says nothing. */
function hasOtherSender(content: Content): bool {
  const sender = domainOf(facts().senderNormal);
  if (sender == '' || content.author == '') return false;
  return registeredDomain(sender) != registeredDomain(content.author);
}

/** None of the recipients is in To or Cc, as they are now or as the client gave them. */
function hasUnseenRecipients(): bool {
  const seen = foldCase(fieldsOf('To') + ' ' + fieldsOf('Cc'));
  const recipients = facts().recipients;
  for (let i = 0; i < recipients.length; i++) {
    const one = recipients[i];
    if (seen.includes(one.normal) || seen.includes(foldCase(one.original))) return false;
  }
  return true;
}

function fieldsOf(name: string): string {
  let values = '';
  let nth = 0;
  for (let index = Message.headerFind(name); index >= 0; index = Message.headerFind(name, ++nth)) {
    values += Message.headerValue(index) + ' ';
  }
  return values;
}
