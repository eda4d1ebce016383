import type { WhenRule } from './service.ts';
import { compileWhen, type WhenSubject } from './when.ts';

/** Who may ask that services be bypassed: whoever meets any of the operator's rules. */
export interface Requesters {
  includes(requester: WhenSubject): boolean;
  /** Whether some sender address would do: what can be told before MAIL. */
  mayInclude(client: Pick<WhenSubject, 'client' | 'user'>): boolean;
}

export type RequesterRule = Pick<WhenRule, 'sender' | 'senderDomain' | 'client' | 'authenticated'>;

export function compileRequesters(rules: readonly RequesterRule[]): Requesters {
  const whole = rules.map(compileWhen);
  const beforeMail = rules.map(({ sender: _sender, senderDomain: _domain, ...rule }) => compileWhen(rule));
  return {
    includes: (requester) => whole.some((holds) => holds(requester)),
    mayInclude: (client) => beforeMail.some((holds) => holds(client)),
  };
}
