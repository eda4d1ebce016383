import { describeError } from '../base/errors.ts';
import { cleanText } from './logbook.ts';

/** Why a guest's call ended, from what was thrown out of it. */
export function causeOf(thrown: unknown): string {
  if (thrown instanceof WebAssembly.RuntimeError) return `it trapped: ${thrown.message}`;
  if (thrown instanceof RangeError && thrown.message.includes('call stack'))
    return 'it trapped: its stack overflowed';
  return `it ended with an exception: ${cleanText(Buffer.from(describeError(thrown))).slice(0, 300)}`;
}
