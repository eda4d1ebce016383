import { configured, decide, Decision, facts, settings } from '../../sdk/assemblyscript';
import { problemWithSettings } from './check';
import { Entry, MAIL, MESSAGE, RCPT } from './entry';
import { ownListBlocks } from './own-list';
export { ocp_smtp_abi_1 } from '../../sdk/assemblyscript';

/**
 * Blocks mail while the dialog goes on (RFC 4496 section 4.8): each entry of the list is answered in reply to the command at which all that
 * it names is known, MAIL, RCPT, or the end of the message, there for single recipients. Settings: README.md.
 */
export function configure(): i32 {
  return configured(problemWithSettings());
}

export function on_mail(): i32 {
  const decision = new Decision();
  const entry = findEntry(MAIL, '');
  if (entry !== null) entry.refuse(decision);
  return decide(decision);
}

export function on_rcpt(): i32 {
  const decision = new Decision();
  const recipient = facts().recipientNormal;
  const entry = findEntry(RCPT, recipient);
  if (entry !== null) entry.refuse(decision);
  else if (ownListBlocks(recipient, facts().senderNormal)) {
    const reply = settings().get('ownListReply');
    decision
      .reject(
        reply.get('code').integer(550),
        reply.get('enhanced').text('5.7.1'),
        reply.get('text').text('The recipient does not accept mail from this sender'),
      )
      .reason('blocked by the list of ' + recipient);
  }
  return decide(decision);
}

/** Every recipient is judged apart: what one blocks must not cost the others their mail. */
export function on_message(): i32 {
  const decision = new Decision();
  const recipients = facts().recipients;
  for (let i = 0; i < recipients.length; i++) {
    const entry = findEntry(MESSAGE, recipients[i].normal);
    if (entry !== null) entry.refuseRecipient(decision, recipients[i].address);
  }
  return decide(decision);
}

/** The first entry that is asked there and blocks. */
function findEntry(at: i32, recipient: string): Entry | null {
  const list = settings().get('entries');
  for (let i = 0; i < list.length; i++) {
    const entry = new Entry(list.at(i));
    if (entry.at == at && entry.blocks(facts(), recipient)) return entry;
  }
  return null;
}
