import {
  Check,
  checkComparable,
  domainOf,
  facts,
  Finding,
  foldCase,
  Json,
  RecipientFacts,
  settings,
} from '../../sdk/assemblyscript';
import { Policy } from './policy';

/** The recipients of this message for whom one policy holds. */
export class Share {
  policy: Policy;
  /** As the facts have them. */
  recipients: string[] = [];
  findings: Finding[] = [];

  constructor(policy: Policy) {
    this.policy = policy;
  }
}

/**
 * Which policy holds for whom: of `policies` the first that matches the sender and the recipient, else the settings themselves. At least
 * one share; those in it have all recipients that this call is about.
 */
export function shares(): Share[] {
  const base = new Policy(settings());
  const list = settings().get('policies');
  const recipients = facts().recipients;
  const sender = facts().senderNormal;
  const found: Share[] = [];
  const places: i32[] = [];
  for (let i = 0; i < recipients.length; i++) {
    const place = placeOf(list, sender, recipients[i]);
    let at = places.indexOf(place);
    if (at < 0) {
      at = found.push(new Share(place < 0 ? base : new Policy(list.at(place), base))) - 1;
      places.push(place);
    }
    found[at].recipients.push(recipients[i].address);
  }
  if (found.length == 0) found.push(new Share(base));
  return found;
}

export function checkPolicies(check: Check): void {
  const list = check.get('policies').list();
  for (let i = 0; i < list.value.length; i++) {
    const policy = list.at(i);
    policy.object(Policy.keys.concat(['recipients', 'senders']));
    checkPatterns(policy.get('recipients'), false);
    checkPatterns(policy.get('senders'), true);
    Policy.check(policy);
  }
}

/** Its index, -1 if none matches. */
function placeOf(list: Json, sender: string, recipient: RecipientFacts): i32 {
  for (let i = 0; i < list.length; i++) {
    const policy = list.at(i);
    if (matches(policy.get('recipients'), recipient.normal) && matches(policy.get('senders'), sender))
      return i;
  }
  return -1;
}

/** An address, `@domain` for all of a domain, `<>` for the null sender; any if there are no patterns. */
function matches(patterns: Json, normal: string): bool {
  if (patterns.isMissing) return true;
  const texts = patterns.texts();
  for (let i = 0; i < texts.length; i++) {
    const pattern = foldCase(texts[i]);
    if (pattern == '<>' ? normal == '' : pattern == normal || pattern == '@' + domainOf(normal)) return true;
  }
  return false;
}

function checkPatterns(check: Check, hasNull: bool): void {
  const count = check.value.isList ? check.value.length : 1;
  check.texts(320);
  for (let i = 0; i < count; i++) {
    const one = check.value.isList ? check.at(i) : check;
    const text = one.value.text();
    if (!one.value.isText || (hasNull && text == '<>')) continue;
    const at = text.lastIndexOf('@');
    if (at < 0 || at == text.length - 1 || text.includes(' ')) {
      one.refuse(
        'allowed are addresses and domains such as ann@example.com and @example.com' +
          (hasNull ? ', and <>' : ''),
      );
    }
    checkComparable(one, text);
  }
}
