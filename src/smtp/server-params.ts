import type { Recipient, Sender } from '../mail/envelope.ts';
import { parseBypass } from '../mail/opes.ts';
import { reply, type Reply } from '../mail/reply.ts';
import { decodeXtext } from '../mail/xtext.ts';
import type { Offers } from './handler.ts';

/** What the session knows when it judges the parameters of MAIL. */
export interface ParamRules {
  /** Octets. */
  readonly maxMessageSize: number;
  /** AUTH was offered, so MAIL may have its parameter (RFC 4954 section 5). */
  readonly authOffered: boolean;
  readonly offers: Offers;
}

/**
 * The reply that refuses MAIL for its parameters, if any does: SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531), AUTH
 * (RFC 4954), PRDR, OPES-BYPASS. A parameter of an extension that was not offered is a 555 (RFC 5321 section 4.1.1.11).
 */
export function refuseMailParams(sender: Sender, rules: ParamRules): Reply | undefined {
  for (const [name, value] of Object.entries(sender.params)) {
    const refusal = refuseMailParam(name, value, rules);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function refuseMailParam(name: string, value: string, rules: ParamRules): Reply | undefined {
  switch (name) {
    case 'SIZE':
      if (!/^\d{1,20}$/.test(value)) return reply(501, '5.5.4', 'SIZE must be 1 to 20 digits');
      return Number(value) > rules.maxMessageSize
        ? reply(552, '5.3.4', `Message too large, at most ${rules.maxMessageSize} octets`)
        : undefined;
    case 'BODY':
      return /^(?:7BIT|8BITMIME)$/i.test(value)
        ? undefined
        : reply(501, '5.5.4', 'BODY must be 7BIT or 8BITMIME');
    case 'SMTPUTF8':
      return value === '' ? undefined : reply(501, '5.5.4', 'SMTPUTF8 takes no value');
    case 'AUTH':
      if (!rules.authOffered) return unknownParam(name);
      return value === '' ? reply(501, '5.5.4', 'AUTH needs a value') : undefined;
    case 'PRDR':
      if (!rules.offers.prdr) return unknownParam(name);
      return value === '' ? undefined : reply(501, '5.5.4', 'PRDR takes no value');
    case 'OPES-BYPASS':
      if (!rules.offers.bypass) return unknownParam(name);
      return parseBypass(decodeXtext(value)) === undefined
        ? reply(501, '5.5.4', 'OPES-BYPASS must be * or a list of URIs, as xtext')
        : undefined;
    default:
      return unknownParam(name);
  }
}

/** The reply that refuses RCPT for its parameters: no extension that defines one is offered. */
export function refuseRcptParams(recipient: Recipient): Reply | undefined {
  const [name] = Object.keys(recipient.params);
  return name === undefined ? undefined : unknownParam(name);
}

const unknownParam = (name: string): Reply => reply(555, '5.5.4', `Parameter ${name} is not supported`);
