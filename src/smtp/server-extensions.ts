import type { EsmtpParams } from '../mail/envelope.ts';
import { parseBypass } from '../mail/opes.ts';
import { reply, type Reply } from '../mail/reply.ts';
import { decodeXtext } from '../mail/xtext.ts';
import type { Offers } from './handler.ts';
import type { ListenerSettings } from './listener-options.ts';
import { SASL_MECHANISMS } from './sasl.ts';

/** What decides about offers, at this point of a session. */
export interface ExtensionContext {
  readonly settings: ListenerSettings;
  /** Inside TLS. */
  readonly secure: boolean;
  /** AUTH can be said now. */
  readonly offersAuth: boolean;
  readonly offers: Offers;
}

/** One service extension of SMTP (RFC 5321 section 2.2), as far as EHLO and the parameters of commands go. */
interface Extension {
  readonly keyword: string;
  /** What follows the keyword in the reply to EHLO, '' for nothing; undefined where it is not offered. */
  readonly offer: (context: ExtensionContext) => string | undefined;
  /** The parameters of MAIL that it defines, in upper case. */
  readonly mail?: Readonly<Record<string, Judge>>;
  /** Those of RCPT. */
  readonly rcpt?: Readonly<Record<string, Judge>>;
}

/** The reply that refuses a command for the value of a parameter, if it does. */
type Judge = (value: string, context: ExtensionContext) => Reply | undefined;

const bad = (text: string): Reply => reply(501, '5.5.4', text);

const noValue =
  (name: string): Judge =>
  (value) =>
    value === '' ? undefined : bad(`${name} takes no value`);

const offeredIf = (offered: boolean): string | undefined => (offered ? '' : undefined);

/**
 * All that the server knows, in the order in which EHLO names them. A parameter is known where its extension is offered, and nowhere else
 * (RFC 5321 section 4.1.1.11).
 */
const EXTENSIONS: readonly Extension[] = [
  { keyword: 'PIPELINING', offer: () => '' }, // RFC 2920
  {
    keyword: 'SIZE', // RFC 1870
    offer: ({ settings }) => String(settings.maxMessageSize),
    mail: {
      SIZE(value, { settings: { maxMessageSize } }) {
        if (!/^\d{1,20}$/.test(value)) return bad('SIZE must be 1 to 20 digits');
        return Number(value) > maxMessageSize
          ? reply(552, '5.3.4', `Message too large, at most ${maxMessageSize} octets`)
          : undefined;
      },
    },
  },
  {
    keyword: '8BITMIME', // RFC 6152
    offer: ({ offers }) => offeredIf(offers.eightBit),
    mail: {
      BODY(value, { offers }) {
        const allowed = ['7BIT', '8BITMIME', ...(offers.binary ? ['BINARYMIME'] : [])];
        return allowed.includes(value.toUpperCase())
          ? undefined
          : bad(`BODY must be one of ${allowed.join(', ')}`);
      },
    },
  },
  { keyword: 'CHUNKING', offer: () => '' }, // RFC 3030 section 2
  { keyword: 'BINARYMIME', offer: ({ offers }) => offeredIf(offers.binary) }, // RFC 3030 section 3: a value of BODY
  {
    keyword: 'SMTPUTF8', // RFC 6531
    offer: ({ offers }) => offeredIf(offers.utf8),
    mail: { SMTPUTF8: noValue('SMTPUTF8') },
  },
  { keyword: 'ENHANCEDSTATUSCODES', offer: () => '' }, // RFC 2034
  { keyword: 'STARTTLS', offer: ({ settings, secure }) => offeredIf(settings.offersTls && !secure) }, // RFC 3207
  {
    keyword: 'AUTH', // RFC 4954
    offer: ({ offersAuth }) => (offersAuth ? SASL_MECHANISMS.join(' ') : undefined),
    mail: { AUTH: (value) => (value === '' ? bad('AUTH needs a value') : undefined) },
  },
  // draft-hall-prdr-00
  { keyword: 'PRDR', offer: ({ offers }) => offeredIf(offers.prdr), mail: { PRDR: noValue('PRDR') } },
  {
    keyword: 'OPES-BYPASS', // docs/ocp-smtp-profile.md
    offer: ({ offers }) => offeredIf(offers.bypass),
    mail: {
      'OPES-BYPASS': (value) =>
        parseBypass(decodeXtext(value)) === undefined
          ? bad('OPES-BYPASS must be * or a list of URIs, as xtext')
          : undefined,
    },
  },
];

/** The lines of the reply to EHLO or LHLO after the first (RFC 5321 section 4.1.1.1). */
export function ehloLines(context: ExtensionContext): string[] {
  return EXTENSIONS.flatMap(({ keyword, offer }) => {
    const text = offer(context);
    if (text === undefined) return [];
    return [text === '' ? keyword : `${keyword} ${text}`];
  });
}

/** The reply that refuses MAIL or RCPT for its parameters, if any does. */
export async function refuseParams(
  command: 'mail' | 'rcpt',
  { params, contextOf }: { params: EsmtpParams; contextOf: () => Promise<ExtensionContext> },
): Promise<Reply | undefined> {
  const given = Object.entries(params);
  if (given.length === 0) return undefined;
  const context = await contextOf();
  for (const [name, value] of given) {
    const owner = EXTENSIONS.find((extension) => Object.hasOwn(extension[command] ?? {}, name));
    const refusal =
      owner === undefined || owner.offer(context) === undefined
        ? reply(555, '5.5.4', `Parameter ${name} is not supported`)
        : owner[command]![name]!(value, context);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}
