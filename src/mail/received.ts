import { formatDate } from './date.ts';
import { replaceControls } from './text.ts';

/** What the trace fields of a message tell about how it came (RFC 5321 section 4.4). */
export interface ReceivedFacts {
  /** As the client said it; '' if it said nothing. It is written so that it can't forge anything. */
  readonly helo: string;
  /** The client's, IPv4 or IPv6. */
  readonly address: string;
  /** Ours. */
  readonly hostname: string;
  readonly protocol: 'SMTP' | 'ESMTP' | 'LMTP';
  readonly tls: boolean;
  readonly authenticated: boolean;
  readonly smtputf8: boolean;
  /** Of the transaction. */
  readonly id: string;
  /** Named only if the message has this one recipient: the others must not learn of each other. */
  readonly recipient?: string;
  readonly date: Date;
}

/** The Received field, folded, with its CRLFs. */
export function composeReceived(facts: ReceivedFacts): Uint8Array {
  const { hostname, id, recipient } = facts;
  const from = `Received: from ${hostToken(facts.helo)} (${addressLiteral(facts.address)})`;
  const by = `\tby ${hostToken(hostname)} with ${protocolKeyword(facts)} id ${hostToken(id)}`;
  const lines =
    recipient === undefined ? [from, `${by};`] : [from, by, `\tfor <${replaceControls(recipient, '?')}>;`];
  return Buffer.from([...lines, `\t${formatDate(facts.date)}`, ''].join('\r\n'));
}

/** The Return-Path field, with its CRLF: only for final delivery (RFC 5321 section 4.4). '' is the null reverse-path. */
export function composeReturnPath(sender: string): Uint8Array {
  return Buffer.from(`Return-Path: <${replaceControls(sender, '?')}>\r\n`);
}

/** The registered WITH keywords (RFC 3848, RFC 6531 section 4.3). */
function protocolKeyword({ protocol, tls, authenticated, smtputf8 }: ReceivedFacts): string {
  if (protocol === 'SMTP') return 'SMTP';
  const base = smtputf8 ? { ESMTP: 'UTF8SMTP', LMTP: 'UTF8LMTP' }[protocol] : protocol;
  return `${base}${tls ? 'S' : ''}${authenticated ? 'A' : ''}`;
}

const addressLiteral = (address: string): string => {
  const clean = address.replace(/[^0-9A-Fa-f.:]/g, '?');
  return clean.includes(':') ? `[IPv6:${clean}]` : `[${clean}]`;
};

// What a host name or an address literal has; anything else could end the clause, or open a comment.
function hostToken(text: string): string {
  return text.slice(0, 255).replace(/[^\w.:[\]-]/g, '?') || 'unknown';
}
