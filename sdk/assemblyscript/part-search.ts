import { part_read } from './ocp_smtp_v1';
import { must } from './result';

const CHUNK: i32 = 4096;

/** The word, and after it what was read. Kept for the next search, whatever part that is in: nothing is ever collected. */
let room = new Uint8Array(0);

/** Whether the decoded body of the part has the word, ASCII letters in either case. */
export function partSays(index: i32, word: string): bool {
  const size = String.UTF8.byteLength(word);
  if (size == 0) return false;
  if (room.length < 2 * size + CHUNK) room = new Uint8Array(2 * size + CHUNK);
  const wanted = room.dataStart;
  String.UTF8.encodeUnsafe(
    changetype<usize>(word),
    word.length,
    wanted,
    false,
    String.UTF8.ErrorMode.REPLACE,
  );
  fold(wanted, wanted + size);
  const start = wanted + size;
  let kept = 0;
  let offset = 0;
  let read = 0;
  do {
    read = must(part_read(index, offset, start + kept, CHUNK), 'read a part');
    offset += read;
    const end = start + kept + read;
    fold(start + kept, end);
    for (let at = start; at + size <= end; at++) {
      if (load<u8>(at) == load<u8>(wanted) && memory.compare(at, wanted, size) == 0) return true;
    }
    // The word may straddle two reads: its length less one stays for the next.
    kept = min(size - 1, <i32>(end - start));
    memory.copy(start, end - kept, kept);
  } while (read > 0);
  return false;
}

/** ASCII letters to lower case, in place. */
function fold(from: usize, end: usize): void {
  for (let at = from; at < end; at++) {
    const octet = load<u8>(at);
    if (octet >= 0x41 && octet <= 0x5a) store<u8>(at, octet + 0x20);
  }
}
