import {
  anyAddressMatches,
  Decision,
  Facts,
  foldCase,
  Json,
  globMatches,
  inNetworks,
} from '../../sdk/assemblyscript';
import { AT, CONDITIONS, neededAt, USER } from './check';

/** One rule, with its default reply filled in. */
export class Rule {
  at: i32 = 0;
  action: string = '';
  private code: i32 = 0;
  private enhanced: string = '';
  private text: string = '';
  private disconnect: bool = false;
  private json: Json;

  constructor(json: Json) {
    this.json = json;
    this.at = neededAt(json);
    this.action = json.get('action').text();
    this.disconnect = json.get('disconnect').bool();
    const reply = json.get('reply');
    const rejects = this.action == 'reject';
    this.code = reply.get('code').integer(defaultCode(this.at, rejects));
    const generic = this.code >= 500 ? '5.7.1' : '4.7.1';
    this.enhanced = reply.get('enhanced').text(generic);
    this.text = reply
      .get('text')
      .text(rejects ? 'Not accepted by local policy' : 'Not accepted at present, try again later');
  }

  /** Every condition that is given must hold; of its list, any entry. `recipient` is in its normal form. */
  matches(now: Facts, recipient: string): bool {
    return allHold(this.json, now, recipient) && noneHolds(this.json.get('not'), now, recipient);
  }

  applyTo(decision: Decision): void {
    if (this.action == 'reject') decision.reject(this.code, this.enhanced, this.text);
    else if (this.action == 'tempfail') decision.tempfail(this.code, this.enhanced, this.text);
    else if (this.action == 'quarantine') decision.quarantine();
    else if (this.action == 'discard') decision.discard();
    if (this.disconnect) decision.disconnect();
  }

  applyToRecipient(decision: Decision, address: string): void {
    if (this.action == 'accept') return;
    const one = decision.recipient(address);
    if (this.action == 'reject') one.reject(this.code, this.enhanced, this.text);
    else if (this.action == 'tempfail') one.tempfail(this.code, this.enhanced, this.text);
    else if (this.action == 'quarantine') one.quarantine();
    else one.discard();
  }
}

function allHold(conditions: Json, now: Facts, recipient: string): bool {
  for (let i = 0; i < CONDITIONS.length; i++) {
    const wanted = conditions.get(CONDITIONS[i]);
    if (!wanted.isMissing && !holds(CONDITIONS[i], wanted.texts(), now, recipient)) return false;
  }
  return true;
}

function noneHolds(conditions: Json, now: Facts, recipient: string): bool {
  for (let i = 0; i < CONDITIONS.length; i++) {
    const unwanted = conditions.get(CONDITIONS[i]);
    if (!unwanted.isMissing && holds(CONDITIONS[i], unwanted.texts(), now, recipient)) return false;
  }
  return true;
}

function holds(name: string, entries: string[], now: Facts, recipient: string): bool {
  if (name == 'client') return inNetworks(entries, now.clientAddress);
  if (name == 'tls') return anyGlob(entries, now.tlsVersion);
  if (name == 'cipher') return anyGlob(entries, now.tlsCipher);
  if (name == 'helo') return anyGlob(entries, now.helo);
  if (name == 'user') return anyGlob(entries, now.user);
  if (name == 'sender') return anyAddressMatches(withUser(entries, now.user), now.senderNormal);
  return anyAddressMatches(entries, recipient);
}

/** The patterns with the name of the user. One whose name would be a pattern is nobody's sender. */
function withUser(patterns: string[], user: string): string[] {
  const isPlain = user.length > 0 && !user.includes('*') && !user.includes('?');
  const filled: string[] = [];
  for (let i = 0; i < patterns.length; i++) {
    if (!patterns[i].includes(USER)) filled.push(patterns[i]);
    else if (isPlain) filled.push(patterns[i].replaceAll(USER, user));
  }
  return filled;
}

/** RFC 5321 section 3.1 for the greeting (and STARTTLS, after which the connection is closed, too), RFC 4954 section 6 for AUTH, RFC 5321 section 4.2.2 for the others. */
function defaultCode(at: i32, rejects: bool): i32 {
  const stage = AT[at];
  if (stage == 'connect' || stage == 'starttls') return rejects ? 554 : 421;
  if (stage == 'auth') return rejects ? 535 : 454;
  return rejects ? 550 : 450;
}

export function readRules(json: Json): Rule[] {
  const rules: Rule[] = [];
  for (let i = 0; i < json.length; i++) rules.push(new Rule(json.at(i)));
  return rules;
}

function anyGlob(patterns: string[], value: string): bool {
  // Nobody has authenticated, or has said HELO, or there is no TLS: no pattern holds, not even `*`.
  if (value.length == 0) return false;
  for (let i = 0; i < patterns.length; i++) {
    if (globMatches(foldCase(patterns[i]), foldCase(value))) return true;
  }
  return false;
}
