import { isUtf8 } from 'node:buffer';
import { reply, type Reply } from '../mail/reply.ts';

/**
 * The server's side of SASL in SMTP (RFC 4954), mechanisms PLAIN (RFC 4616) and LOGIN (obsolete, still widely used). Pure: a
 * step says what to send or what was found out; the session talks and asks the Authenticator.
 */
export const SASL_MECHANISMS = ['PLAIN', 'LOGIN'] as const;

export type SaslMechanism = (typeof SASL_MECHANISMS)[number];

export type SaslStep =
  /** Send `334 text`, give the client's next line to `next`. */
  | { readonly kind: 'challenge'; readonly text: string; next(line: string): SaslStep }
  | { readonly kind: 'credentials'; readonly user: string; readonly password: string }
  /** `user` where the name was told. */
  | { readonly kind: 'refused'; readonly reply: Reply; readonly user?: string };

/** Octets of a user name or password, once decoded. */
const MAX_FIELD = 1024;

/** Starts an exchange. `initial` is the initial response of the AUTH command, in base64; `=` stands for an empty one. */
export function beginSasl(mechanism: SaslMechanism, initial: string | undefined): SaslStep {
  const first = mechanism === 'PLAIN' ? plain : loginUser;
  if (initial !== undefined) return withDecoded(initial === '=' ? '' : initial, first);
  return challenge(mechanism === 'PLAIN' ? '' : 'Username:', first);
}

export function isSaslMechanism(name: string): name is SaslMechanism {
  return (SASL_MECHANISMS as readonly string[]).includes(name);
}

const BAD_BASE64 = refused(501, '5.5.2', 'Cannot decode the response: not base64');
const BAD_RESPONSE = refused(501, '5.5.2', 'Malformed response');
const TOO_LONG = refused(500, '5.5.6', `User name or password too long, at most ${MAX_FIELD} octets`);
const CANCELLED = refused(501, '5.7.0', 'Authentication cancelled');
/** RFC 4616 section 2: an identity that may not act for the one asked for is a failed authentication. */
const NOT_AUTHORIZED = refused(535, '5.7.8', 'Authentication credentials invalid');

function plain(octets: Buffer): SaslStep {
  const [authorize, user, password, ...more] = octets.toString('utf8').split('\0');
  if (user === undefined || password === undefined || more.length > 0) return BAD_RESPONSE;
  if (authorize !== '' && authorize !== user) return { ...NOT_AUTHORIZED, user };
  return credentials(user, password);
}

function loginUser(octets: Buffer): SaslStep {
  const user = octets.toString('utf8');
  return challenge('Password:', (password) => credentials(user, password.toString('utf8')));
}

function credentials(user: string, password: string): SaslStep {
  if (user === '' || password === '' || hasControl(user) || password.includes('\0')) return BAD_RESPONSE;
  if (Buffer.byteLength(user) > MAX_FIELD || Buffer.byteLength(password) > MAX_FIELD) return TOO_LONG;
  return { kind: 'credentials', user, password };
}

function challenge(text: string, next: (octets: Buffer) => SaslStep): SaslStep {
  return {
    kind: 'challenge',
    text: Buffer.from(text).toString('base64'),
    // RFC 4954 section 4: a line with a single `*` cancels the exchange.
    next: (line) => (line === '*' ? CANCELLED : withDecoded(line, next)),
  };
}

function withDecoded(text: string, next: (octets: Buffer) => SaslStep): SaslStep {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return BAD_BASE64;
  const octets = Buffer.from(text, 'base64');
  return isUtf8(octets) ? next(octets) : BAD_RESPONSE;
}

function refused(code: number, enhanced: string, text: string): Extract<SaslStep, { kind: 'refused' }> {
  return { kind: 'refused', reply: reply(code, enhanced, text) };
}

// oxlint-disable-next-line no-control-regex -- control characters are what this finds
const hasControl = (text: string): boolean => /[\u0000-\u001f\u007f-\u009f]/.test(text);
