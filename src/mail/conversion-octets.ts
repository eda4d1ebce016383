import type { SyncByteSource } from '../base/spool.ts';
import type { Edit, Recoding } from './conversion.ts';
import { createDecoder } from './part-decoder.ts';
import { createEncoder } from './part-encoder.ts';
import { Window } from './window.ts';

const STEP = 64 * 1024;

/** The message with the edits of `planConversion` made, front to back; a step of it is in memory at a time. */
export function* convertedOctets(source: SyncByteSource, edits: readonly Edit[]): Generator<Uint8Array> {
  const window = new Window(source);
  let position = 0;
  for (const edit of edits) {
    yield* octetsOf(window, { start: position, end: edit.offset });
    if ('bytes' in edit) yield edit.bytes;
    else yield* recoded(window, edit);
    position = edit.offset + edit.remove;
  }
  yield* octetsOf(window, { start: position, end: source.size });
}

/** What is given is valid until the next is asked for. */
function* octetsOf(window: Window, { start, end }: { start: number; end: number }): Generator<Buffer> {
  for (let at = start; at < end; at += STEP) yield window.bytes(at, Math.min(STEP, end - at));
}

function* recoded(window: Window, { offset, remove, lead, from, to }: Recoding): Generator<Uint8Array> {
  yield Buffer.from(lead);
  const decoder = createDecoder(from);
  const encode = to === 'ascii' ? toAscii : createEncoderOf(to);
  const end = offset + remove;
  let at = offset;
  for (const octets of octetsOf(window, { start: offset, end })) {
    at += octets.length;
    yield encode(decoder.decode(octets, at === end), at === end);
  }
}

function createEncoderOf(to: 'quoted-printable' | 'base64') {
  const encoder = createEncoder(to);
  return (octets: Uint8Array, last: boolean): Uint8Array => encoder.encode(octets, last);
}

const QUESTION_MARK = 63;

const toAscii = (octets: Uint8Array): Uint8Array =>
  octets.map((octet) => (octet > 127 ? QUESTION_MARK : octet));
