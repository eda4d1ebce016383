import {
  Dns,
  DnsAnswer,
  domainOf,
  facts,
  foldCase,
  globMatches,
  Json,
  log,
  settings,
} from '../../sdk/assemblyscript';
import { Content } from './content';
import { isAddress, registeredDomain } from './links';
import { Tally } from './tally';

/** What a list can be asked about. */
export const SUBJECTS: string[] = ['client', 'helo', 'sender', 'author', 'links'];
/** Answers that say "listed" where the settings do not name others: 127.0.0.1 and 127.255.255.* are what lists say to those whom they do not serve. */
const LISTED: string[] = ['127.0.*', '127.1.*'];
const REFUSED: string = '127.0.0.1';

/** Asks the lists that are published in DNS (RFC 5782). A list that gives no answer counts nothing, and is asked nothing more. */
export function askLists(content: Content, tally: Tally): void {
  const lists = settings().get('lists');
  if (lists.length > 0 && !Dns.isGranted()) {
    log.warn('the lists are not asked: dns is not granted');
    return;
  }
  for (let i = 0; i < lists.length; i++) {
    const list = lists.at(i);
    if (isListed(list, content)) tally.add(list.get('zone').text(), list.get('score').number());
  }
}

/** Once is enough, however many of its links are. */
function isListed(list: Json, content: Content): bool {
  const zone = list.get('zone').text();
  const subjects = list.get('of').texts();
  const asked: string[] = [];
  for (let i = 0; i < subjects.length; i++) addNames(subjects[i], content, asked);
  for (let i = 0; i < asked.length; i++) {
    const isClient = subjects.includes('client') && asked[i] == facts().clientAddress;
    const answer =
      isClient || isAddress(asked[i]) ? Dns.listed(asked[i], zone) : Dns.query('A', asked[i] + '.' + zone);
    // A name that DNS can't have is in no list.
    if (answer.error == 'INVALID') continue;
    if (answer.error != '') {
      log.warn('no answer from ' + zone + ': ' + answer.error);
      return false;
    }
    if (saysListed(list, answer)) return true;
  }
  return false;
}

function saysListed(list: Json, answer: DnsAnswer): bool {
  const records = answer.texts();
  const own = list.get('answers').texts();
  const patterns = own.length == 0 ? LISTED : own;
  for (let i = 0; i < records.length; i++) {
    for (let p = 0; p < patterns.length; p++) {
      if (globMatches(patterns[p], records[i]) && (own.length > 0 || records[i] != REFUSED)) return true;
    }
  }
  return false;
}

/** Of who has logged in, and of a server of our own (LMTP), neither address nor name says anything. */
function addNames(subject: string, content: Content, names: string[]): void {
  const isTrusted = facts().user != '' || facts().protocol == 'lmtp';
  if (subject == 'client' && !isTrusted) add(facts().clientAddress, names);
  if (subject == 'helo' && !isTrusted) add(foldCase(facts().helo), names);
  if (subject == 'sender') add(domainOf(facts().senderNormal), names);
  if (subject == 'author') add(content.author, names);
  for (let i = 0; subject == 'links' && i < content.hosts.length; i++) {
    const host = content.hosts[i];
    add(isAddress(host) ? host : registeredDomain(host), names);
  }
}

function add(name: string, names: string[]): void {
  const isName = name.includes('.') || name.includes(':');
  if (isName && !name.startsWith('[') && !names.includes(name)) names.push(name);
}
