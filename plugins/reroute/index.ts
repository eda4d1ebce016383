import {
  Check,
  checkComparable,
  configured,
  decide,
  Decision,
  domainOf,
  facts,
  foldCase,
  Json,
  localPartOf,
  settings,
} from '../../sdk/assemblyscript';
export { ocp_smtp_abi_1 } from '../../sdk/assemblyscript';

/**
 * Mail rerouting and address rewriting (RFC 4496 section 4.7): a table from recipients to other addresses or to the
 * next server. Settings: README.md.
 */
export function configure(): i32 {
  const check = Check.settings(['table']);
  const table = check.get('table').required('required is an object of recipients').members();
  for (let i = 0; i < table.value.length; i++) {
    checkRoute(table.at(i), table.value.nameAt(i));
  }
  return configured(check.problem);
}

export function on_rcpt(): i32 {
  const recipient = facts().recipient;
  const decision = new Decision();
  const route = findRoute(settings().get('table'), facts().recipientNormal);
  const nextHop = route.get('nextHop').text();
  const targets = targetsFor(route, recipient);
  if (targets.length > 1) {
    const one = decision.recipient(recipient).replace(targets);
    if (nextHop.length > 0) one.nextHop(nextHop);
    return decide(decision);
  }
  if (targets.length == 1 && targets[0] != recipient) decision.rewrite(targets[0]);
  if (nextHop.length > 0) decision.nextHop(nextHop);
  return decide(decision);
}

/** The address itself, in its normal form, else its domain, else `*`. */
function findRoute(table: Json, normal: string): Json {
  const domain = '@' + domainOf(normal);
  let byDomain = new Json();
  let byDefault = new Json();
  for (let i = 0; i < table.length; i++) {
    const key = foldCase(table.nameAt(i));
    if (key == normal) return table.at(i);
    if (key == domain) byDomain = table.at(i);
    if (key == '*') byDefault = table.at(i);
  }
  return byDomain.isMissing ? byDefault : byDomain;
}

/** A target `@domain` keeps the recipient's local part. */
function targetsFor(route: Json, recipient: string): string[] {
  const targets = route.get('to').texts();
  for (let i = 0; i < targets.length; i++) {
    if (targets[i].startsWith('@')) targets[i] = localPartOf(recipient) + targets[i];
  }
  return targets;
}

function checkRoute(route: Check, key: string): void {
  if (key != '*' && domainOf(key).length == 0) {
    route.refuse('but the key must be an address, "@domain" or "*"');
  }
  checkComparable(route, key);
  if (!route.value.isObject) return route.refuse('allowed is an object with "to", "nextHop" or both');
  route.object(['to', 'nextHop']);
  route.get('nextHop').text(300);
  const to = route.get('to').texts(1000);
  const targets = to.value.texts();
  if (targets.length == 0 && route.value.get('nextHop').isMissing) {
    route.refuse('required is "to" with at least one address, or "nextHop"');
  }
  if (!to.value.isMissing && targets.length == 0) to.refuse('allowed is at least one address');
  if (targets.length > 100) to.refuse('allowed are at most 100 addresses');
  for (let i = 0; i < targets.length; i++) {
    if (domainOf(targets[i]).length == 0) {
      (to.value.isList ? to.at(i) : to).refuse('allowed is an address, or "@domain" to keep the local part');
    }
  }
}
