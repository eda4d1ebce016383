import { Check, Json } from '../../sdk/assemblyscript';

/** The stages at which rules are asked, in the order of a session: after STARTTLS a client says HELO anew (RFC 3207 section 4.2). */
export const AT: string[] = ['connect', 'starttls', 'helo', 'auth', 'mail', 'rcpt', 'data'];

export const CONDITIONS: string[] = ['client', 'tls', 'cipher', 'helo', 'user', 'sender', 'recipient'];
/** From which stage on each of them is known, as an index in AT. */
const KNOWN: i32[] = [0, 1, 1, 2, 3, 4, 5];
/** The same in `not`: that a client uses no TLS, or does not authenticate, is known when it says MAIL. */
const KNOWN_NOT: i32[] = [0, 4, 4, 2, 4, 4, 5];
const ACTIONS: string[] = ['reject', 'tempfail', 'discard', 'quarantine', 'accept'];
const KEYS: string[] = CONDITIONS.concat(['not', 'at', 'action', 'reply', 'disconnect']);

/** In a pattern for senders: the name of the user. */
export const USER: string = '{user}';

/** The stage of a rule, as an index in AT: what it says, else where the last of its conditions is known. */
export function neededAt(rule: Json): i32 {
  const at = AT.indexOf(rule.get('at').text());
  return at >= 0 ? at : lastKnownAt(rule);
}

export function checkRules(rules: Check): void {
  rules.required('required is a list of rules').list();
  for (let i = 0; i < rules.value.length; i++) checkRule(rules.at(i));
}

function checkRule(rule: Check): void {
  rule.object(KEYS);
  if (!rule.value.isObject) return rule.refuse('allowed is an object');
  rule.get('at').oneOf(AT);
  rule
    .get('action')
    .required('required is one of ' + ACTIONS.join(', '))
    .oneOf(ACTIONS);
  rule.get('disconnect').bool();
  checkConditions(rule);
  const not = rule.get('not');
  not.object(CONDITIONS);
  if (not.value.isObject && not.value.length == 0) {
    not.refuse('required is at least one of ' + CONDITIONS.join(', '));
  }
  checkConditions(not);

  const needed = lastKnownAt(rule.value);
  if (needed < 0) rule.get('at').required('required in a rule without conditions are ' + AT.join(', '));
  else if (neededAt(rule.value) < needed) {
    rule.get('at').refuse('allowed are ' + AT.slice(needed).join(', ') + ', where its conditions are known');
  }
  checkReply(rule);
}

function checkConditions(conditions: Check): void {
  if (!conditions.value.isObject) return;
  for (let i = 0; i < CONDITIONS.length; i++) conditions.get(CONDITIONS[i]).texts(1000);
  conditions.get('client').networks(1000);
  // Patterns are held against normal forms: one that no normal form can match would silently let mail pass.
  conditions.get('sender').addresses(1000);
  conditions.get('recipient').addresses(1000);
}

function checkReply(rule: Check): void {
  const reply = rule.get('reply');
  reply.object(['code', 'enhanced', 'text']);
  if (reply.value.isMissing) return;
  const action = rule.value.get('action').text();
  const rejects = action == 'reject';
  if (!rejects && action != 'tempfail') return reply.refuse('allowed only with reject and tempfail');
  reply.get('code').integer(rejects ? 500 : 400, rejects ? 599 : 499);
  reply.get('text').text(400);
  reply.get('enhanced').enhanced(rejects ? '5' : '4');
}

function lastKnownAt(rule: Json): i32 {
  return max(lastOf(rule, KNOWN), lastOf(rule.get('not'), KNOWN_NOT));
}

function lastOf(conditions: Json, known: i32[]): i32 {
  let last = -1;
  for (let i = 0; i < CONDITIONS.length; i++) {
    if (!conditions.get(CONDITIONS[i]).isMissing) last = max(last, known[i]);
  }
  return last;
}
