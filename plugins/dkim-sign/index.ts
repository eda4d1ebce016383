import {
  Check,
  checkComparable,
  configured,
  decide,
  Decision,
  domainOf,
  Facts,
  facts,
  foldCase,
  Json,
  JsonObject,
  log,
  Message,
  settings,
  Signing,
} from '../../sdk/assemblyscript';
import { addressIn, signerOf } from './field';
export { ocp_smtp_abi_1 } from '../../sdk/assemblyscript';

/**
 * Signs mail by DKIM as it goes out (RFC 4496 section 4.5). The envelope decides who may: its sender's domain names the keys, and From
 * must be of that domain. Settings: README.md.
 */
const CANONICALIZATIONS: string[] = ['relaxed/relaxed', 'relaxed/simple', 'simple/relaxed', 'simple/simple'];

export function configure(): i32 {
  const check = Check.settings([
    'domains',
    'unauthenticated',
    'signed',
    'onMismatch',
    'onNoSignature',
    'canonicalization',
    'expires',
  ]);
  const domains = check.get('domains').required('allowed is a map from a domain to its keys').members();
  for (let i = 0; i < domains.value.length; i++) {
    checkComparable(domains.at(i).texts(64), '@' + domains.value.nameAt(i));
  }
  check.get('unauthenticated').bool();
  check.get('signed').oneOf(['add', 'skip', 'replace']);
  check.get('onMismatch').oneOf(['accept', 'reject']);
  check.get('onNoSignature').oneOf(['fail', 'accept']);
  check.get('canonicalization').oneOf(CANONICALIZATIONS);
  check.get('expires').integer(3600, 31622400);
  return configured(check.problem);
}

export function on_message(): i32 {
  const decision = new Decision();
  const keys = keysFor(facts());
  if (keys.length == 0) return decide(decision);
  const domain = foldCase(domainOf(facts().senderNormal));

  const author = Message.headerFind('From', 1) < 0 ? authorDomain() : '';
  if (author != domain && !author.endsWith('.' + domain)) {
    decision.reason('not signed: From is not of ' + domain).tag('dkim-sign', 'mismatch');
    if (settings().get('onMismatch').text() == 'reject') {
      decision.reject(550, '5.7.1', 'The author in From must be of your own domain, ' + domain);
    }
    return decide(decision);
  }
  const signed = settings().get('signed').text('add');
  if (isSignedBy(domain, signed == 'replace') && signed == 'skip') {
    return decide(decision.tag('dkim-sign', 'skipped'));
  }
  for (let i = 0; i < keys.length; i++) {
    const made = Signing.dkim(keys[i], options());
    if (made.error == '') Message.splice(0, 0, made.fields);
    else if (settings().get('onNoSignature').text() == 'accept')
      log.warn('not signed with ' + keys[i] + ': ' + made.error);
    else throw new Error('Cannot sign with the key ' + keys[i] + ': ' + made.error);
  }
  return decide(decision.tag('dkim-sign', domain));
}

/** Those of the envelope's sender, if it may sign. */
function keysFor(told: Facts): string[] {
  if (told.user == '' && !settings().get('unauthenticated').bool()) return [];
  const domain = foldCase(domainOf(told.senderNormal));
  const domains: Json = settings().get('domains');
  for (let i = 0; i < domains.length; i++) {
    if (foldCase(domains.nameAt(i)) == domain) return domains.at(i).texts();
  }
  return [];
}

function authorDomain(): string {
  const index = Message.headerFind('From');
  return index < 0 ? '' : foldCase(domainOf(addressIn(Message.headerValue(index))));
}

/** Whether there is a signature of the domain already; removes them if it is to be replaced. */
function isSignedBy(domain: string, remove: bool): bool {
  let found = false;
  let index = Message.headerFind('DKIM-Signature');
  for (let nth = 1; index >= 0; nth++) {
    if (signerOf(Message.headerValue(index)) == domain) {
      found = true;
      if (remove) Message.headerRemove(index);
    }
    index = Message.headerFind('DKIM-Signature', nth);
  }
  return found;
}

function options(): JsonObject {
  const options = new JsonObject();
  const how = settings().get('canonicalization').text();
  const expires = settings().get('expires').integer();
  if (how != '') options.text('canonicalization', how);
  if (expires > 0) options.integer('expires', expires);
  return options;
}
