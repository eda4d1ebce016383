import { Kv, log, Part } from '../../sdk/assemblyscript';
import { Content } from './content';
import { Table } from './table';
import { tokensOf } from './tokens';

const KEY: string = 'bayes';
/** For two that learn at a time. */
const ATTEMPTS: i32 = 10;

export function learntTable(): Table {
  return new Table(Kv.get(KEY));
}

/** Learns these messages, each by its tokens. */
export function learn(messages: Uint16Array[], isSpam: bool): void {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const entry = Kv.entry(KEY);
    const table = new Table(entry === null ? null : entry.value);
    for (let i = 0; i < messages.length; i++) table.learn(messages[i], isSpam);
    if (!Kv.replace(KEY, table.octets, entry === null ? 0 : entry.revision)) continue;
    log.info('learnt ' + messages.length.toString() + (isSpam ? ' of spam' : ' of other mail'));
    return;
  }
  throw new Error('Cannot learn: others learnt each time in between');
}

/** The tokens of each message that is attached to this one. */
export function attachedMessages(parts: Part[]): Uint16Array[] {
  const found: Uint16Array[] = [];
  for (let i = 1; i < parts.length; i++) {
    const holder = parts[parts[i].parent];
    const isMessage = holder.type == 'message/rfc822' || holder.type == 'message/global';
    if (isMessage && !isBelowMessage(holder, parts)) found.push(tokensOf(new Content(parts, i)));
  }
  return found;
}

/** What is attached to what was reported belongs to that. */
function isBelowMessage(part: Part, parts: Part[]): bool {
  for (let at = part.parent; at >= 0; at = parts[at].parent) {
    if (parts[at].type.startsWith('message/')) return true;
  }
  return false;
}
