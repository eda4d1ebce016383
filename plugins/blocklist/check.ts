import { Check, checkComparable, domainOf } from '../../sdk/assemblyscript';

const CONDITIONS: string[] = ['client', 'sender', 'recipient', 'subject', 'header'];

/** '' if the settings are good. */
export function problemWithSettings(): string {
  const check = Check.settings(['entries', 'recipients', 'ownListReply']);
  const entries = check.get('entries').list();
  for (let i = 0; entries.value.isList && i < entries.value.length; i++) checkEntry(entries.at(i));
  const recipients = check.get('recipients').members();
  for (let i = 0; recipients.value.isObject && i < recipients.value.length; i++) {
    const own = recipients.at(i);
    const key = recipients.value.nameAt(i);
    if (domainOf(key).length == 0) own.refuse('but the key must be an address or "@domain"');
    checkComparable(own, key);
    if (!own.value.isObject) own.refuse('allowed is an object with "block", "allow" or both');
    own.object(['block', 'allow']);
    own.get('block').addresses(1000);
    own.get('allow').addresses(1000);
  }
  checkReply(check.get('ownListReply'));
  return check.problem;
}

function checkEntry(entry: Check): void {
  if (!entry.value.isObject) return entry.refuse('allowed is an object');
  entry.object(CONDITIONS.concat(['reply']));
  let conditions = 0;
  for (let i = 0; i < CONDITIONS.length; i++) {
    if (!entry.value.get(CONDITIONS[i]).isMissing) conditions++;
  }
  if (conditions == 0) entry.refuse('required is at least one of ' + CONDITIONS.join(', '));
  entry.get('client').networks(1000);
  entry.get('sender').addresses(1000);
  entry.get('recipient').addresses(1000);
  entry.get('subject').texts(1000);
  const header = entry.get('header').members();
  for (let i = 0; header.value.isObject && i < header.value.length; i++) {
    if (!header.at(i).value.isText && !header.at(i).value.isList) {
      header.at(i).refuse('allowed are patterns');
    }
    header.at(i).texts(1000);
  }
  checkReply(entry.get('reply'));
}

function checkReply(reply: Check): void {
  reply.object(['code', 'enhanced', 'text']);
  reply.get('code').integer(500, 599);
  reply.get('enhanced').enhanced('5');
  reply.get('text').text(400);
}
