import { Answer, isGrantedHere, question } from './answer';
import { JsonObject } from './json-writer';
import { clock } from './ocp_smtp_v1';
import { must } from './result';

/** The time of day, as far as the operator grants it (capability `clock`). */
export namespace Clock {
  /** Whether the operator grants it; without that `now` ends the call. For what the manifest has as optional. */
  export function isGranted(): bool {
    return isGrantedHere('clock');
  }

  /** Milliseconds since the epoch. */
  export function now(): i64 {
    const octets = question(new JsonObject());
    return new Answer(must(clock(octets.dataStart, octets.length), 'tell the time')).integer('ms');
  }
}
