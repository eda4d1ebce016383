import type { Splice } from '../mail/image.ts';

/** Edits that one call may propose. */
export const EDIT_LIMIT = 10_000;

const CR = 13;
const LF = 10;

/** What reading an octet at an offset gives: -1 outside the message. */
export type OctetAt = (offset: number) => number;

/**
 * The edits that one call proposes, as splices of the message it sees. Nothing is applied here: that is done with all of them,
 * once the call has succeeded.
 */
export class Edits {
  readonly splices: Splice[] = [];
  #roomLeft: number;

  constructor(addedBytes: number) {
    this.#roomLeft = addedBytes;
  }

  /** Keeps copies of the splices, all or none; false if that would pass a limit. */
  add(splices: readonly Splice[]): boolean {
    let added = 0;
    for (const { bytes } of splices) added += bytes.length;
    if (added > this.#roomLeft || this.splices.length + splices.length > EDIT_LIMIT) return false;
    this.#roomLeft -= added;
    for (const splice of splices) this.splices.push({ ...splice, bytes: new Uint8Array(splice.bytes) });
    return true;
  }
}

/**
 * Whether a splice leaves every CR before an LF and every LF after a CR, in a message where that holds (SMTP smuggling
 * lives off bare ones).
 *
 * Any place in the message is either between a CR and its LF or not. If what is put in begins and ends so that both edges of
 * the range stay what they were, the message stays sound, whatever other splices do at other ranges. So each can be
 * judged alone.
 */
export function keepsLineEndings(splice: Splice, octetAt: OctetAt): boolean {
  return keepsEdges(splice, octetAt) && hasWholeLineEndings(splice.bytes);
}

/** Of `keepsLineEndings`, what is about the edges of what is put in. */
export function keepsEdges({ offset, remove, bytes }: Splice, octetAt: OctetAt): boolean {
  const splitsLineEnd = (place: number): boolean => octetAt(place - 1) === CR && octetAt(place) === LF;
  const before = splitsLineEnd(offset);
  const after = remove === 0 ? before : splitsLineEnd(offset + remove);
  if (bytes.length === 0) return before === after;
  return (bytes[0] === LF) === before && (bytes.at(-1) === CR) === after;
}

/**
 * Whether inside these octets every CR comes before an LF and every LF after a CR; the edges are not judged. One plain loop: a
 * search for each line end costs several times as much where lines are short.
 */
export function hasWholeLineEndings(bytes: Uint8Array): boolean {
  let isAfterCr = bytes[0] === CR;
  for (let at = 1; at < bytes.length; at++) {
    const octet = bytes[at];
    if ((octet === LF) !== isAfterCr) return false;
    isAfterCr = octet === CR;
  }
  return true;
}
