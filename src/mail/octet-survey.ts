import type { Window } from './window.ts';

/** What octets of a message consist of, for who must carry them (RFC 2045 sections 2.7 to 2.9). */
export interface OctetSurvey {
  /** Some are above 127. */
  readonly is8Bit: boolean;
  /** There is a NUL, or a CR or LF that is not part of a CRLF. */
  readonly isBinary: boolean;
  /** Octets of the longest line without its end. */
  readonly longestLine: number;
}

const [NUL, LF, CR] = [0, 10, 13];
const STEP = 64 * 1024;

/** Goes over the octets from `start` up to `end`, front to back. */
export function surveyOctets(window: Window, range: { start: number; end: number }): OctetSurvey {
  let [is8Bit, isBinary, longestLine] = [false, false, 0];
  let before = -1;
  let lineStart = range.start;
  for (let at = range.start; at < range.end; at += STEP) {
    const octets = window.bytes(at, Math.min(STEP, range.end - at));
    for (let index = 0; index < octets.length; index++) {
      const octet = octets[index]!;
      if (octet > 127) is8Bit = true;
      else if (octet === LF) {
        if (before === CR) longestLine = Math.max(longestLine, at + index - 1 - lineStart);
        else isBinary = true;
        lineStart = at + index + 1;
      } else if (octet === NUL) isBinary = true;
      if (before === CR && octet !== LF) isBinary = true;
      before = octet;
    }
  }
  return {
    is8Bit,
    isBinary: isBinary || before === CR,
    longestLine: Math.max(longestLine, range.end - lineStart),
  };
}
