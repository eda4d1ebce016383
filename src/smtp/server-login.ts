import { reply, type Reply } from '../mail/reply.ts';
import type { Authenticator } from './handler.ts';
import { beginSasl, isSaslMechanism, SASL_MECHANISMS, type SaslStep } from './sasl.ts';

/** How far a login has come. */
export type LoginStep =
  | { readonly kind: 'challenge'; readonly reply: Reply }
  /** `user` where the credentials were what was wrong. */
  | { readonly kind: 'refused'; readonly reply: Reply; readonly user?: string }
  /** The authenticator failed; nothing is known about the credentials. */
  | { readonly kind: 'failed'; readonly cause: unknown }
  | { readonly kind: 'good'; readonly user: string; readonly mechanism: string };

/** One AUTH command and the lines that belong to it (RFC 4954 section 4). Whether it may be said is not judged here. */
export class Login {
  readonly #authenticator: Authenticator;
  readonly mechanism: string;
  #next: ((line: string) => SaslStep) | undefined;

  private constructor(authenticator: Authenticator, mechanism: string) {
    this.#authenticator = authenticator;
    this.mechanism = mechanism;
  }

  /** Starts with the argument of AUTH. `login` is there as long as it takes another line. */
  static async begin(
    argument: string,
    authenticator: Authenticator,
  ): Promise<{ step: LoginStep; login: Login }> {
    const [name = '', initial, ...more] = argument.split(' ');
    const mechanism = name.toUpperCase();
    const login = new Login(authenticator, mechanism);
    if (!isSaslMechanism(mechanism)) return { step: { kind: 'refused', reply: UNKNOWN_MECHANISM }, login };
    if (more.length > 0) return { step: { kind: 'refused', reply: BAD_SYNTAX }, login };
    return { step: await login.#judge(beginSasl(mechanism, initial)), login };
  }

  /** The client's answer to a challenge. */
  async resume(line: string): Promise<LoginStep> {
    const next = this.#next;
    if (next === undefined) throw new Error('Cannot go on with a login: no challenge was given');
    this.#next = undefined;
    return await this.#judge(next(line));
  }

  async #judge(step: SaslStep): Promise<LoginStep> {
    if (step.kind === 'refused') return step;
    if (step.kind === 'challenge') {
      this.#next = (line) => step.next(line);
      return { kind: 'challenge', reply: reply(334, undefined, step.text) };
    }
    const { user, password } = step;
    try {
      return (await this.#authenticator({ user, password }))
        ? { kind: 'good', user, mechanism: this.mechanism }
        : { kind: 'refused', reply: BAD_CREDENTIALS, user };
    } catch (cause) {
      return { kind: 'failed', cause };
    }
  }
}

const UNKNOWN_MECHANISM = reply(504, '5.5.4', `Mechanism not supported, use ${SASL_MECHANISMS.join(' or ')}`);
const BAD_SYNTAX = reply(501, '5.5.4', 'Syntax: AUTH mechanism [initial-response]');
const BAD_CREDENTIALS = reply(535, '5.7.8', 'Authentication credentials invalid');
