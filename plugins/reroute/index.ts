import { configured, decide, Decision, facts, Message, settings, State } from '../../sdk/assemblyscript';
import { checked } from './check';
import { mapAddresses } from './map-addresses';
import { retarget, routeOf, senderTarget } from './route';
export { ocp_smtp_abi_1 } from '../../sdk/assemblyscript';

/**
 * Mail rerouting and address rewriting (RFC 4496 section 4.7): from recipients to other addresses or to the next server, by a table and by
 * a directory; from senders to other addresses; and on request the same in the header (RFC 4902 section 5.6). Settings: README.md.
 */
export function configure(): i32 {
  return configured(checked());
}

export function on_mail(): i32 {
  const decision = new Decision();
  const sender = facts().sender;
  const target = senderTarget(facts().senderNormal);
  if (sender.length == 0 || target.length == 0) return decide(decision);
  const rewritten = retarget(target, sender);
  if (rewritten == sender) return decide(decision);
  State.setText('sender', sender + '\n' + rewritten);
  decision.rewrite(rewritten);
  return decide(decision);
}

export function on_rcpt(): i32 {
  const recipient = facts().recipient;
  const decision = new Decision();
  const route = routeOf(facts().recipientNormal);
  const targets = route.to;
  for (let i = 0; i < targets.length; i++) targets[i] = retarget(targets[i], recipient);
  if (targets.length > 1) {
    const one = decision.recipient(recipient).replace(targets);
    if (route.nextHop.length > 0) one.nextHop(route.nextHop);
    return decide(decision);
  }
  if (targets.length == 1 && targets[0] != recipient) decision.rewrite(targets[0]);
  if (route.nextHop.length > 0) decision.nextHop(route.nextHop);
  return decide(decision);
}

const FIELDS = [
  'From',
  'Sender',
  'Reply-To',
  'To',
  'Cc',
  'Bcc',
  'Resent-From',
  'Resent-Sender',
  'Resent-To',
  'Resent-Cc',
  'Resent-Bcc',
  'Disposition-Notification-To',
];

export function on_message(): i32 {
  if (settings().get('headers').bool()) mapHeader(rewrites());
  return decide(new Decision());
}

/** Of this message: from an address as the client gave it to the one address that has taken its place. */
function rewrites(): Map<string, string> {
  const found = new Map<string, string>();
  const recipients = facts().recipients;
  for (let i = 0; i < recipients.length; i++) {
    const one = recipients[i];
    // One that has become several has no other name.
    const isOne = !found.has(one.original) || found.get(one.original) == one.address;
    found.set(one.original, isOne ? one.address : one.original);
  }
  const sender = State.getText('sender').split('\n');
  if (sender.length == 2) found.set(sender[0], sender[1]);
  return found;
}

function mapHeader(found: Map<string, string>): void {
  for (let i = 0; i < FIELDS.length; i++) {
    for (let nth = 0; ; nth++) {
      const index = Message.headerFind(FIELDS[i], nth);
      if (index < 0) break;
      const value = Message.headerValue(index);
      const mapped = mapAddresses(value, found);
      if (mapped != value) Message.headerChange(index, mapped);
    }
  }
}
