import type { ServiceOutcome } from '../ocp/service.ts';

export type LogLine = ServiceOutcome['logs'][number];
export type LogLevel = LogLine['level'];

/** What an empty line counts, so that no flood of empty lines is free. */
const LINE_OVERHEAD = 16;

/**
 * The log lines of one call, at most `limit` octets. What is over is dropped, and a last line says how much that was.
 * Control characters become spaces: one call, one line.
 */
export class Logbook {
  readonly #lines: LogLine[] = [];
  #left: number;
  #dropped = 0;

  constructor(limit: number) {
    this.#left = limit;
  }

  add(level: LogLevel, octets: Uint8Array): void {
    const room = Math.min(octets.length, this.#left - LINE_OVERHEAD);
    if (room < 0 || (room === 0 && octets.length > 0)) {
      this.#dropped += octets.length;
      return;
    }
    this.#left -= room + LINE_OVERHEAD;
    this.#dropped += octets.length - room;
    this.#lines.push({ level, text: cleanText(octets.subarray(0, room)) });
  }

  lines(): LogLine[] {
    if (this.#dropped === 0) return this.#lines;
    return [...this.#lines, { level: 'warn', text: `${this.#dropped} more octets of log were dropped` }];
  }
}

const DECODER = new TextDecoder();

/** Text of a guest that may be shown on one line of a log. */
export function cleanText(octets: Uint8Array): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what this removes
  return DECODER.decode(octets).replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ');
}
