import { isAscii } from '../mail/address.ts';
import type { EsmtpParams, Recipient, Sender } from '../mail/envelope.ts';
import type { LocalReplies } from './client-replies.ts';
import type { DownstreamReply } from './transaction.ts';

/** A command line without its CRLF, or the reply that we give because it must not be sent. */
export type Command = { readonly line: string } | { readonly refusal: DownstreamReply };

/** What a command is composed for: what the downstream offers, and our words if it can't be said. */
export interface CommandContext {
  readonly extensions: ReadonlyMap<string, string>;
  readonly locals: LocalReplies;
}

/**
 * MAIL (RFC 5321 section 4.1.1.2) with those parameters that the downstream offers. The rest is dropped: it asks
 * for services that the next hop does not have. SMTPUTF8 alone can't be dropped (RFC 6531 section 3.6).
 */
export function mailCommand(sender: Sender, context: CommandContext): Command {
  const { address, params } = sender;
  if (!isSafePath(address)) return { refusal: context.locals.badSender() };
  const needsUtf8 = 'SMTPUTF8' in params || !isAscii(address);
  if (needsUtf8 && !context.extensions.has('SMTPUTF8')) return { refusal: context.locals.noSmtpUtf8() };
  const asked = needsUtf8 ? { ...params, SMTPUTF8: '' } : params;
  return { line: `MAIL FROM:<${address}>${formatParams(asked, context.extensions)}` };
}

/** RCPT (RFC 5321 section 4.1.1.3). */
export function rcptCommand({ address, params }: Recipient, context: CommandContext): Command {
  if (address === '' || !isSafePath(address)) return { refusal: context.locals.badRecipient() };
  if (!isAscii(address) && !context.extensions.has('SMTPUTF8'))
    return { refusal: context.locals.noSmtpUtf8() };
  return { line: `RCPT TO:<${address}>${formatParams(params, context.extensions)}` };
}

/** The EHLO keyword that offers a parameter, where it is not the parameter's own name. */
const OFFERED_BY: Readonly<Record<string, string>> = {
  BODY: '8BITMIME', // RFC 6152
  RET: 'DSN', // RFC 3461
  ENVID: 'DSN',
  NOTIFY: 'DSN',
  ORCPT: 'DSN',
  HOLDFOR: 'FUTURERELEASE', // RFC 4865
  HOLDUNTIL: 'FUTURERELEASE',
  BY: 'DELIVERBY', // RFC 2852
};

function formatParams(params: EsmtpParams, extensions: ReadonlyMap<string, string>): string {
  let text = '';
  for (const [name, value] of Object.entries(params)) {
    const offer = name === 'BODY' && value.toUpperCase() === 'BINARYMIME' ? 'BINARYMIME' : OFFERED_BY[name];
    if (!extensions.has(offer ?? name)) continue;
    // oxlint-disable-next-line no-control-regex -- control characters are what this refuses
    if (!/^[A-Z0-9][A-Z0-9-]*$/.test(name) || !/^[^\s=\u0000-\u001f\u007f]*$/.test(value)) continue;
    text += value === '' ? ` ${name}` : ` ${name}=${value}`;
  }
  return text;
}

/** Longer than any address that works (RFC 5321 section 4.5.3.1.3), short enough for any server's command line. */
const ADDRESS_LIMIT = 1000;

/**
 * An address that stays between its angle brackets. Addresses reach us checked; this holds also for those that a
 * service proposed, since a CR or `>` in one would be a command or a parameter of its own.
 */
function isSafePath(address: string): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are what this refuses
  if (address.length > ADDRESS_LIMIT || /[\u0000-\u001f\u007f]/.test(address)) return false;
  const bare = address.replace(/"(?:[^"\\]|\\.)*"/g, '');
  return !/[<>\s"]/.test(bare);
}
