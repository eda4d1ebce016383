import { Check, checkComparable, domainOf, parseNetwork } from '../../sdk/assemblyscript';

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
    checkAddresses(own.get('block'));
    checkAddresses(own.get('allow'));
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
  checkNetworks(entry.get('client').texts(1000));
  checkAddresses(entry.get('sender'));
  checkAddresses(entry.get('recipient'));
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

function checkAddresses(patterns: Check): void {
  patterns.texts(1000);
  if (patterns.value.isText) checkComparable(patterns, patterns.value.text());
  for (let i = 0; patterns.value.isList && i < patterns.value.length; i++) {
    checkComparable(patterns.at(i), patterns.value.at(i).text());
  }
}

function checkNetworks(client: Check): void {
  const allowed = 'allowed are IP addresses and CIDR networks such as 192.0.2.0/24 or 2001:db8::/32';
  if (client.value.isText && parseNetwork(client.value.text()) === null) client.refuse(allowed);
  for (let i = 0; client.value.isList && i < client.value.length; i++) {
    if (parseNetwork(client.value.at(i).text()) === null) client.at(i).refuse(allowed);
  }
}

function checkReply(reply: Check): void {
  reply.object(['code', 'enhanced', 'text']);
  reply.get('code').integer(500, 599);
  reply.get('enhanced').enhanced('5');
  reply.get('text').text(400);
}
