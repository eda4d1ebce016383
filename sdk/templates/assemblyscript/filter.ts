/** Refuses mail whose text says a word, and marks what it lets through. */
import { Check, configured, decide, Decision, encodeUtf8, foldCase } from 'postern-plugin-assemblyscript';
import { Message, Part, quote, settings } from 'postern-plugin-assemblyscript';
export { ocp_smtp_abi_1 } from 'postern-plugin-assemblyscript';

const CHUNK: i32 = 4096;

/** Asked once, when the service is loaded: what it says of the settings is what the operator reads. */
export function configure(): i32 {
  const check = Check.settings(['word']);
  check.get('word').required('required is a text').text(100);
  return configured(check.problem);
}

/** Asked about each message. */
export function on_message(): i32 {
  const decision = new Decision();
  const word = foldCase(settings().get('word').text());
  const octets = encodeUtf8(word);
  const buffer = new Uint8Array(CHUNK + octets.length);
  const parts = Part.all();
  for (let i = 0; i < parts.length; i++) {
    if (!parts[i].type.startsWith('text/') || !says(parts[i], octets, buffer)) continue;
    decision.reject(550, '5.7.1', 'no mail about ' + word + ' here');
    decision.reason('part ' + i.toString() + ' says ' + quote(word));
    return decide(decision);
  }
  Message.headerAdd('X-Checked-By', '{{name}}');
  return decide(decision);
}

function says(part: Part, word: Uint8Array, buffer: Uint8Array): bool {
  let kept = 0;
  let offset = 0;
  for (let size = read(part, 0, buffer, 0); size > 0; size = read(part, offset, buffer, kept)) {
    const end = kept + size;
    for (let i = kept; i < end; i++) {
      if (buffer[i] >= 0x41 && buffer[i] <= 0x5a) buffer[i] += 0x20;
    }
    if (includes(buffer, end, word)) return true;
    offset += size;
    // The word may straddle two reads: its length less one stays for the next.
    kept = min(word.length - 1, end);
    buffer.copyWithin(0, end - kept, end);
  }
  return false;
}

function read(part: Part, offset: i32, buffer: Uint8Array, kept: i32): i32 {
  return part.read(offset, buffer.subarray(kept, kept + CHUNK));
}

function includes(octets: Uint8Array, end: i32, word: Uint8Array): bool {
  for (let start = 0; start + word.length <= end; start++) {
    let same = 0;
    while (same < word.length && octets[start + same] == word[same]) same++;
    if (same == word.length) return true;
  }
  return false;
}
