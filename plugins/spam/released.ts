import { decodeUtf8, facts, Kv, log } from '../../sdk/assemblyscript';
import { learn } from './learning';

const DAYS: i32 = 86400;
/** How long the tokens of a message that is held are kept. */
const KEPT: i32 = 60 * DAYS;
/** Where Postern writes what people have let go: ids of transactions, one a line (`sdk/ABI.md`). */
const RELEASED: string = 'postern:released';

/** Keeps what a message would be learnt by, should somebody release it. */
export function keepForRelease(places: Uint16Array): void {
  const octets = Uint8Array.wrap(places.buffer, places.byteOffset, places.byteLength);
  const tried = Kv.tryPut('held:' + facts().transaction, octets, KEPT);
  if (tried.error != '')
    log.warn('if this is released, it is not learnt: the capability kv says ' + tried.error);
}

/** Learns what people have released since the last time: it was no spam. */
export function learnReleased(): void {
  const entry = Kv.entry(RELEASED);
  if (entry === null || entry.value.length == 0) return;
  // Another call may have taken them.
  if (!Kv.replace(RELEASED, new Uint8Array(0), entry.revision)) return;
  const ids = decodeUtf8(entry.value).split('\n');
  const messages: Uint16Array[] = [];
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] == '') continue;
    const octets = Kv.get('held:' + ids[i]);
    if (octets === null) continue;
    const places = new Uint16Array(octets.length >> 1);
    memory.copy(places.dataStart, octets.dataStart, places.byteLength);
    messages.push(places);
    Kv.remove('held:' + ids[i]);
  }
  if (messages.length > 0) learn(messages, false);
}
