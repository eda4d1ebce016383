import {
  Check,
  configured,
  decide,
  Decision,
  encodeUtf8,
  Facts,
  facts,
  JsonList,
  JsonObject,
  log,
} from '../../sdk/assemblyscript';
export { ocp_smtp_abi_1 } from '../../sdk/assemblyscript';

/**
 * Logging and reporting (RFC 4496 section 4.3): one line of JSON for every transaction, from what the gate knows
 * anyway. It imports no call that reads the message, which the operator can see in its import section.
 */

/** Octets of outcomes and of parts in a line: a service's log limit is 16 KiB a call by default, and a cut line is no JSON. */
const OUTCOMES_LIMIT: i32 = 8_000;
const PARTS_LIMIT: i32 = 4_000;

export function configure(): i32 {
  return configured(Check.settings([]).problem);
}

export function on_report(): i32 {
  log.info(lineFor(facts()));
  return decide(new Decision());
}

function lineFor(now: Facts): string {
  const line = new JsonObject()
    .text('session', now.session)
    .text('transaction', now.transaction)
    .text('listener', now.listener)
    .text('protocol', now.protocol)
    .text('client', now.clientAddress)
    .text('helo', now.helo)
    .text('tls', now.tlsVersion)
    .text('user', now.user)
    .text('sender', now.sender)
    .integer('size', now.messageSize);
  addParts(line, now);
  addOutcomes(line, now);
  return line.json('tags', tagsOf(now)).toString();
}

/** The table that the host made: it is told without the message. */
function addParts(line: JsonObject, now: Facts): void {
  const parts = now.messageParts;
  const list = new JsonList();
  let length = 0;
  for (let i = 0; i < parts.length; i++) {
    const one = new JsonObject()
      .text('type', parts[i].type)
      .text('name', parts[i].name)
      .text('encoding', parts[i].encoding)
      .integer('size', parts[i].size)
      .toString();
    length += encodeUtf8(one).length;
    if (length > PARTS_LIMIT) break;
    list.json(one);
  }
  line.json('parts', list.toString()).integer('partCount', now.messagePartCount);
}

function addOutcomes(line: JsonObject, now: Facts): void {
  const outcomes = now.outcomes;
  const list = new JsonList();
  let length = 0;
  for (let i = 0; i < outcomes.length; i++) {
    const one = new JsonObject()
      .text('recipient', outcomes[i].recipient)
      .text('disposition', outcomes[i].disposition)
      .text('reply', outcomes[i].reply)
      .toString();
    length += encodeUtf8(one).length;
    if (length > OUTCOMES_LIMIT) break;
    list.json(one);
  }
  line.json('outcomes', list.toString()).integer('omitted', outcomes.length - list.length);
}

function tagsOf(now: Facts): string {
  const tags = now.json.get('tags');
  const list = new JsonObject();
  for (let i = 0; i < tags.length; i++) list.text(tags.nameAt(i), tags.at(i).text());
  return list.toString();
}
