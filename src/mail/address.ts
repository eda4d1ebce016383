import { isIPv4, isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';
import type { EsmtpParams, Recipient, Sender } from './envelope.ts';
import { reply, type Reply } from './reply.ts';
import { hasControl } from './text.ts';

/**
 * Mail addresses and the arguments of MAIL and RCPT (RFC 5321 sections 4.1.1.2, 4.1.1.3, 4.1.2 and 4.1.3; RFC 6531 section 3.3).
 *
 * The grammar is kept to the letter: no space after the colon, angle brackets required, no control characters, non-ASCII
 * only with SMTPUTF8. A source route is checked and dropped (RFC 5321 appendix C), and so are quotes that a local part does not
 * need: `"ann"` and `ann` are one mailbox, and the plain form is the one to pass on (section 4.1.2), so that no filter, table or
 * server behind us can be told apart by the spelling. Limits, in octets: a path 256 with its
 * brackets, a domain 255, a label 63. A local part may be longer than the 64 that section 4.5.3.1.1 names, since VERP
 * and SRS make such addresses and the same section asks not to refuse what can be handled; the path's limit bounds it.
 */
const PATH_LIMIT = 256;
const DOMAIN_LIMIT = 255;
const LABEL_LIMIT = 63;

export interface AddressOptions {
  /** Non-ASCII is allowed: the transaction has SMTPUTF8. */
  readonly smtputf8: boolean;
}

/** What a command's argument says, or the reply that refuses it. */
export type Parsed<T> = { readonly value: T } | { readonly refusal: Reply };

/**
 * The argument of MAIL, `FROM:<ann@example.com> SIZE=1000`, decoded from UTF-8. The null reverse-path gives the
 * address ''. Non-ASCII is allowed if SMTPUTF8 is among the parameters; whether it was offered is for the caller to check.
 */
export function parseMailArgument(argument: string): Parsed<Sender> {
  return parseArgument(argument, { keyword: 'FROM:', enhanced: '5.1.7' });
}

/** The argument of RCPT, `TO:<ann@example.com> NOTIFY=NEVER`, decoded from UTF-8. `<postmaster>` alone is allowed. */
export function parseRcptArgument(argument: string, options: AddressOptions): Parsed<Recipient> {
  return parseArgument(argument, { keyword: 'TO:', enhanced: '5.1.3', smtputf8: options.smtputf8 });
}

interface ArgumentRules {
  readonly keyword: 'FROM:' | 'TO:';
  /** RFC 3463: 5.1.7 bad sender's mailbox address syntax, 5.1.3 bad destination mailbox address syntax. */
  readonly enhanced: string;
  /** Absent for MAIL: its own parameters say. */
  readonly smtputf8?: boolean;
}

function parseArgument(argument: string, rules: ArgumentRules): Parsed<Sender> {
  const { keyword, enhanced } = rules;
  if (hasControl(argument)) return refuse(501, '5.5.2', 'Control characters are not allowed');
  const form = `${keyword}<address>`;
  if (argument.slice(0, keyword.length).toUpperCase() !== keyword) {
    return refuse(501, '5.5.4', `Syntax: ${form}`);
  }
  const rest = argument.slice(keyword.length);
  if (rest.startsWith(' ')) return refuse(501, '5.5.4', `No space is allowed after the colon in ${form}`);
  if (!rest.startsWith('<')) return refuse(501, '5.5.4', `Syntax: ${form}, angle brackets required`);
  const close = endOfPath(rest);
  if (close === -1) return refuse(501, '5.5.4', `Syntax: ${form}, closing angle bracket missing`);
  if (Buffer.byteLength(rest) > PATH_LIMIT && Buffer.byteLength(rest.slice(0, close + 1)) > PATH_LIMIT) {
    return refuse(501, enhanced, `Path too long, at most ${PATH_LIMIT} octets`);
  }

  const params = parseParams(rest.slice(close + 1));
  if (typeof params === 'string') return refuse(501, '5.5.4', params);
  const smtputf8 = rules.smtputf8 ?? 'SMTPUTF8' in params;
  const address = dropSourceRoute(rest.slice(1, close));
  if (address === undefined) return refuse(501, enhanced, 'Malformed source route');
  if (!smtputf8 && !isAscii(argument)) return refuse(553, '5.6.7', 'Non-ASCII address needs SMTPUTF8');
  if (address === '' && keyword === 'FROM:') return { value: { address, params } };
  if (keyword === 'TO:' && address.toLowerCase() === 'postmaster') return { value: { address, params } };
  const problem = addressProblem(address, { smtputf8 });
  return problem === undefined
    ? { value: { address: plainAddress(address), params } }
    : refuse(501, enhanced, problem);
}

const refuse = (code: number, enhanced: string, text: string): { refusal: Reply } => ({
  refusal: reply(code, enhanced, text),
});

/** Index of the `>` that ends the path, one inside a quoted string not counted; -1 if there is none. */
function endOfPath(text: string): number {
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (quoted && char === '\\') i++;
    else if (char === '"') quoted = !quoted;
    else if (char === '>' && !quoted) return i;
  }
  return -1;
}

function dropSourceRoute(path: string): string | undefined {
  if (!path.startsWith('@')) return path;
  const colon = path.indexOf(':');
  if (colon === -1) return undefined;
  const hops = path.slice(0, colon).split(',');
  return hops.every((hop) => hop.startsWith('@') && domainProblem(hop.slice(1)) === undefined)
    ? path.slice(colon + 1)
    : undefined;
}

const PARAM = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:=([^\s=]+))?$/u;

/** The parameters, or what is wrong with them. */
function parseParams(text: string): EsmtpParams | string {
  const params: Record<string, string> = {};
  if (text === '') return params;
  if (!text.startsWith(' ')) return 'A space must follow the closing angle bracket';
  for (const word of text.split(' ')) {
    if (word === '') continue;
    const match = PARAM.exec(word);
    if (match === null) return 'Malformed parameter';
    const name = match[1]!.toUpperCase();
    if (Object.hasOwn(params, name)) return `Parameter ${name} given twice`;
    params[name] = match[2] ?? '';
  }
  return params;
}

/** What is wrong with `local@domain` (without angle brackets), as a sentence that a peer may read; undefined if nothing is. */
export function addressProblem(address: string, options: AddressOptions): string | undefined {
  if (hasControl(address)) return 'Control characters are not allowed';
  if (!options.smtputf8 && !isAscii(address)) return 'Non-ASCII address needs SMTPUTF8';
  if (Buffer.byteLength(address) > PATH_LIMIT - 2)
    return `Address too long, at most ${PATH_LIMIT - 2} octets`;
  const at = address.lastIndexOf('@');
  if (at === -1) return 'The address has no domain';
  if (!LOCAL_PART.test(address.slice(0, at))) return 'Malformed local part';
  return domainProblem(address.slice(at + 1));
}

// Non-ASCII characters that may stand in an address: anything assigned but controls, separators and stand-ins for broken UTF-8.
const UTF8 = String.raw`[^\p{ASCII}\p{C}\p{Z}\uFFFD]`;
const ATOM = String.raw`(?:[A-Za-z0-9!#$%&'*+/=?^_\x60{|}~-]|${UTF8})+`;
const QUOTED = String.raw`"(?:[ !#-\[\]-~]|\\[ -~]|${UTF8})*"`;
const LOCAL_PART = new RegExp(`^(?:${ATOM}(?:\\.${ATOM})*|${QUOTED})$`, 'u');
const DOT_STRING = new RegExp(`^${ATOM}(?:\\.${ATOM})*$`, 'u');
const LABEL = /^[\p{L}\p{M}\p{N}](?:[\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}])?$/u;

function domainProblem(domain: string): string | undefined {
  if (domain.startsWith('[')) return isAddressLiteral(domain) ? undefined : 'Malformed address literal';
  const ascii = asciiDomain(domain);
  if (ascii === '' || !domain.split('.').every((label) => LABEL.test(label))) return 'Malformed domain';
  if (ascii.length > DOMAIN_LIMIT) return `Domain too long, at most ${DOMAIN_LIMIT} octets`;
  return ascii.split('.').every((label) => label.length <= LABEL_LIMIT)
    ? undefined
    : `Domain label too long, at most ${LABEL_LIMIT} octets`;
}

/** RFC 5321 section 4.1.3; no tag but IPv6 was ever registered. */
function isAddressLiteral(text: string): boolean {
  if (!text.endsWith(']')) return false;
  const inner = text.slice(1, -1);
  if (!/^ipv6:/i.test(inner)) return isIPv4(inner);
  return isIPv6(inner.slice(5)) && !inner.includes('%');
}

/** The A-label form, '' if there is none. ASCII passes untouched: `domainToASCII` would read `0x7f.1` as an IPv4 address. */
const asciiDomain = (domain: string): string => (isAscii(domain) ? domain : domainToASCII(domain));

/** The domain as written, '' if there is none: for `postmaster` and for the null reverse-path. */
export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1 || address.length);
}

/** A domain as it compares: lower case, in A-labels. */
export function normalDomain(domain: string): string {
  return (asciiDomain(domain) || domain).toLowerCase();
}

/** The address with its local part quoted only if it has to be. */
export function plainAddress(address: string): string {
  const at = address.lastIndexOf('@');
  return plainLocalPart(address.slice(0, at)) + address.slice(at);
}

/**
 * An address as it compares: lower case (RFC 5321 section 2.4 lets only the receiving host tell the cases of a local part apart,
 * and none in use does), the local part unquoted where that is possible, the domain in A-labels.
 */
export function normalAddress(address: string): string {
  const at = address.lastIndexOf('@');
  const local = at === -1 ? address : address.slice(0, at);
  const plain = plainLocalPart(local.normalize('NFC')).toLowerCase();
  return at === -1 ? plain : `${plain}@${normalDomain(address.slice(at + 1))}`;
}

function plainLocalPart(local: string): string {
  if (!local.startsWith('"') || !local.endsWith('"') || local.length < 2) return local;
  const content = local.slice(1, -1).replace(/\\(.)/gu, '$1');
  return DOT_STRING.test(content) ? content : `"${content.replace(/["\\]/g, '\\$&')}"`;
}

/** Whether mail to both goes to one mailbox, as far as the syntax tells. */
export const sameAddress = (a: string, b: string): boolean => normalAddress(a) === normalAddress(b);

// oxlint-disable-next-line no-control-regex -- all of ASCII
export const isAscii = (text: string): boolean => /^[\u0000-\u007f]*$/.test(text);
