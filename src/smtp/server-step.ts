import { reply, type Reply } from '../mail/reply.ts';
import type { Answer } from './handler.ts';

/** What the session does next: says the replies, then goes on as told. */
export interface Step {
  readonly replies: readonly Reply[];
  readonly next: 'continue' | 'message' | 'tls' | 'close' | ChunkStep;
}

/** Takes the octets that BDAT announced: to the message, or for nothing if they are refused (RFC 3030 section 2). */
export type ChunkStep =
  | { readonly size: number; readonly last: boolean; readonly binary: boolean }
  | { readonly size: number; readonly refused: Step };

export const say = (code: number, enhanced: string | undefined, text: string): Step => ({
  replies: [reply(code, enhanced, text)],
  next: 'continue',
});

/** A 421 says that the connection closes, so it does (RFC 5321 section 3.8). */
export const disconnects = (answer: Answer): boolean =>
  answer.disconnect === true || answer.reply.code === 421;

export function stepOf(answer: Answer, next: Step['next'] = 'continue'): Step {
  return { replies: [answer.reply], next: disconnects(answer) ? 'close' : next };
}
