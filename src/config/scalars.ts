import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { FilterParser } from 'ldapts';
import { z } from 'zod';
import { parseAddressPort } from '../base/address-port.ts';
import { addressProblem, isAscii } from '../mail/address.ts';

/**
 * The single values of the config file. The error text of each says what is allowed ("must be …"); what was found is
 * put before it by `issues.ts`.
 */

/** A whole number within a range. */
export function integer(min: number, max: number) {
  const rule = `must be an integer from ${min} to ${max}`;
  return z.int(rule).min(min, rule).max(max, rule);
}

const NAME_RULE = 'must be a name: a letter, then at most 63 letters, digits, "-" or "_"';
/** Names of listeners, downstreams, services and groups: they appear in logs, metrics and file names. */
export const name = z.string(NAME_RULE).regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/, NAME_RULE);

/** One of a few words. */
export const word = <const T extends readonly [string, ...string[]]>(...words: T) =>
  z.enum(words, `must be ${words.length === 1 ? '' : 'one of '}${words.join(', ')}`);

const PATH_RULE = 'must be a path';
// A NUL would end the path early in the system call.
export const filePath = z
  .string(PATH_RULE)
  .min(1, PATH_RULE)
  .max(4096, 'must be a path of at most 4096 characters')
  // oxlint-disable-next-line no-control-regex -- control characters are what this refuses
  .regex(/^[^\u0000-\u001f\u007f]*$/, 'must be a path without control characters');

const ADDRESS_RULE = 'must be an IPv4 or IPv6 address such as 127.0.0.1, 0.0.0.0 or ::';
/** Where to listen. A scope (`fe80::1%eth0`) is not offered: it is a name of this boot, not of the machine. */
export const ipAddress = z.string(ADDRESS_RULE).refine(isPlainIp, ADDRESS_RULE);

const NETWORK_RULE = 'must be an IP address or a CIDR network such as 192.0.2.0/24 or 2001:db8::/32';
export const network = z.string(NETWORK_RULE).refine(isNetwork, NETWORK_RULE);

const DOMAIN_RULE = 'must be a domain name such as example.com';
/** A mail domain, in lower case (RFC 5321 section 4.1.2, RFC 1035 section 2.3.1). */
export const domain = z
  .string(DOMAIN_RULE)
  .refine(isDomain, { error: ({ input }) => domainRule(input) })
  .transform((text) => text.toLowerCase());

const SELECTOR_RULE = 'must be a selector of DKIM such as s2026: labels of letters, digits and "-"';
/** RFC 6376 section 3.1. `_domainkey.` and a domain come after it. */
export const selector = z.string(SELECTOR_RULE).max(63, SELECTOR_RULE).refine(isSelector, SELECTOR_RULE);

const HOST_RULE = 'must be a host name or an IP address';
// Host names inside a container network often have underscores; they never appear in mail.
export const host = z
  .string(HOST_RULE)
  .refine((text) => isPlainIp(text) || isDomain(text.replaceAll('_', '-')), HOST_RULE);

const MAILBOX_RULE = 'must be a mail address such as ann@example.com';
export const mailbox = z.string(MAILBOX_RULE).refine(isMailbox, MAILBOX_RULE);

const ADDRESSES_RULE = 'must be a mail address or a domain name';
/** One mailbox, or all of a domain. */
export const mailboxOrDomain = z
  .string(ADDRESSES_RULE)
  .refine((text) => isDomain(text) || isMailbox(text), ADDRESSES_RULE)
  .transform((text) => (text.includes('@') ? text : text.toLowerCase()));

const SENDER_RULE = 'must be a mail address such as ann@example.com, or <> for the null sender';
/** '' is the null sender. */
export const senderAddress = z
  .string(SENDER_RULE)
  .refine((text) => text === '<>' || isMailbox(text), SENDER_RULE)
  .transform((text) => (text === '<>' ? '' : text));

const ORIGIN_RULE = 'must be an origin such as https://api.example.com or http://127.0.0.1:8080';
/** Scheme, host and port of a server, in the form in which origins compare (RFC 6454 section 6.1). */
export const httpOrigin = z
  .string(ORIGIN_RULE)
  .max(300, ORIGIN_RULE)
  .superRefine((text, context) => {
    const fault = originFault(text);
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
  })
  .transform((text) => urlOf(text)?.origin ?? text);

const SERVER_RULE =
  'must be an IP address, with a port if it is not 53: 127.0.0.1, 127.0.0.1:5353 or [::1]:5353';
export const dnsServer = z.string(SERVER_RULE).transform((text, context) => {
  const server = text.includes('%') ? undefined : parseAddressPort(text, { port: 53 });
  if (server !== undefined) return server;
  context.addIssue({ code: 'custom', message: SERVER_RULE });
  return z.NEVER;
});

const DNS_NAMES_RULE = 'must be a name such as example.org, or *.example.org for all names below it';
/** In lower case. Names in DNS may have underscores. */
export const dnsNames = z
  .string(DNS_NAMES_RULE)
  .max(255, DNS_NAMES_RULE)
  .regex(/^(?:\*\.)?[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*$/, DNS_NAMES_RULE)
  .transform((text) => text.toLowerCase());

const URL_RULE = 'must be a URL such as https://alerts.example.com/hook';
/** Where something is sent to. A user and password would be seen in logs of proxies and servers. */
export const httpUrl = z
  .string(URL_RULE)
  .max(2000, URL_RULE)
  .refine((text) => {
    const url = urlOf(text);
    const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:';
    return isWeb && url.username === '' && url.password === '' && url.hash === '';
  }, `${URL_RULE}; the scheme must be https or http, without user, password and fragment`);

const LDAP_URL_RULE =
  'must be the URL of an LDAP server such as ldaps://ldap.example.com or ldap://127.0.0.1:389';
/** Host and port, nothing more. */
export const ldapUrl = z
  .string(LDAP_URL_RULE)
  .max(300, LDAP_URL_RULE)
  .regex(/^ldaps?:\/\/(?:[A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?$/, LDAP_URL_RULE)
  .refine((text) => URL.canParse(text), LDAP_URL_RULE);

const FILTER_RULE =
  'must be an LDAP filter (RFC 4515) with {key}, or {local} and {domain} of an address, such as (mail={key})';
export const ldapFilter = z
  .string(FILTER_RULE)
  .max(4096, FILTER_RULE)
  .refine((text) => /\{(?:key|local|domain)\}/.test(text) && isLdapFilter(text), FILTER_RULE);

function isLdapFilter(text: string): boolean {
  try {
    FilterParser.parseString(text.replaceAll(/\{(?:key|local|domain)\}/g, 'x'));
    return true;
  } catch {
    return false;
  }
}

const WEB_RULE = 'must be a URL such as https://files.example.com, where people reach this web server';
/** Without a slash at its end. */
export const webUrl = z
  .string(WEB_RULE)
  .max(200, WEB_RULE)
  .refine((text) => {
    const url = urlOf(text);
    const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:';
    return isWeb && url.username === '' && url.password === '' && url.hash === '' && url.search === '';
  }, `${WEB_RULE}; the scheme must be https or http, without user, password, query and fragment`)
  .transform((text) => (urlOf(text)?.href ?? text).replace(/\/+$/, ''));

const HEADER_RULE = 'must be the name of a header field such as Authorization';
// What the host itself writes, or what would let one request be read as two.
const OWN_HEADERS =
  /^(?:host|connection|content-length|transfer-encoding|te|trailer|upgrade|expect|keep-alive|proxy-.*)$/i;
/** A field name (RFC 9110 section 5.1) that a secret may be put under. */
export const headerName = z
  .string(HEADER_RULE)
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/, HEADER_RULE)
  .refine((text) => !OWN_HEADERS.test(text), `${HEADER_RULE}; this one is Postern's own`);

const URI_RULE = 'must be an absolute URI such as https://mx.example.com/opes, without "," ";" and "#"';
/** Without what separates the entries of a trace (RFC 4236 section 4). */
export const opesUri = z
  .string(URI_RULE)
  .regex(/^[A-Za-z][A-Za-z0-9+.-]{0,30}:[A-Za-z0-9._~:/?@!$&'()*+=%[\]-]{1,200}$/, URI_RULE);

const SIZE_UNITS = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };
const SIZE_FORM = /^(\d{1,15}) ?(B|kB|MB|GB|KiB|MiB|GiB)$/;

/** Octets: `26214400` or `25MiB`. The bounds are written as in the file. */
export function size(min: string, max: string) {
  const rule = `must be a size from ${min} to ${max} such as 25MiB, or a number of octets`;
  return quantity({ form: SIZE_FORM, units: SIZE_UNITS, bareUnit: 1, min, max, rule });
}

const DURATION_UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DURATION_FORM = /^(\d{1,12}) ?(ms|s|m|h|d)$/;

/** Milliseconds, from `90` (seconds), `30s`, `10m`, `4h` or `5d`. The bounds are written as in the file. */
export function duration(min: string, max: string) {
  const rule = `must be a duration from ${min} to ${max} such as 30s, 10m, 4h or 5d`;
  return quantity({ form: DURATION_FORM, units: DURATION_UNITS, bareUnit: 1000, min, max, rule });
}

function quantity(kind: {
  form: RegExp;
  units: Readonly<Record<string, number>>;
  bareUnit: number;
  min: string;
  max: string;
  rule: string;
}) {
  const parse = (text: string): number => {
    const [, digits = '', unit = ''] = kind.form.exec(text)!;
    return Number(digits) * kind.units[unit]!;
  };
  const [least, most] = [parse(kind.min), parse(kind.max)];
  return z
    .union([z.int(kind.rule), z.string(kind.rule).regex(kind.form, kind.rule)], kind.rule)
    .transform((value) => (typeof value === 'number' ? value * kind.bareUnit : parse(value)))
    .refine((value) => value >= least && value <= most, kind.rule);
}

function isPlainIp(text: string): boolean {
  return isIP(text) !== 0 && !text.includes('%');
}

function isNetwork(text: string): boolean {
  const [address = '', prefix, ...more] = text.split('/');
  if (!isPlainIp(address) || more.length > 0) return false;
  if (prefix === undefined) return true;
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= (isIP(address) === 4 ? 32 : 128);
}

function isDomain(text: string): boolean {
  if (text.length > 253) return false;
  const labels = text.split('.');
  // A last label of digits alone would make it an IPv4 address.
  return (
    labels.every((label) => /^(?!-)[A-Za-z0-9-]{1,63}(?<!-)$/.test(label)) && !/^\d+$/.test(labels.at(-1)!)
  );
}

function isSelector(text: string): boolean {
  return text.split('.').every((label) => /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$/.test(label));
}

function domainRule(input: unknown): string {
  if (typeof input !== 'string') return DOMAIN_RULE;
  if (input.includes('*')) return `${DOMAIN_RULE}; each domain is named, there is no wildcard`;
  const ascii = isAscii(input) ? '' : domainToASCII(input);
  return isDomain(ascii) ? `${DOMAIN_RULE}; write it as ${ascii}` : DOMAIN_RULE;
}

function isMailbox(text: string): boolean {
  return addressProblem(text, { smtputf8: true }) === undefined;
}

function originFault(text: string): string | undefined {
  const url = urlOf(text);
  if (!text.includes('://')) return `${ORIGIN_RULE}; the scheme is missing`;
  if (url === undefined) return ORIGIN_RULE;
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return `${ORIGIN_RULE}; the scheme must be https or http`;
  if (url.username !== '' || url.password !== '')
    return `${ORIGIN_RULE}; a user and password belong into secrets`;
  if (url.hostname.includes('*')) return `${ORIGIN_RULE}; each host is named, there is no wildcard`;
  const port = url.port === '' ? `:${url.protocol === 'https:' ? 443 : 80}` : '';
  const written = text.toLowerCase();
  if (written === url.origin || written === `${url.origin}${port}`) return undefined;
  const more = url.pathname !== '/' || url.search !== '' || url.hash !== '';
  return `${ORIGIN_RULE}; ${more ? 'all paths of it are granted, so none is named: ' : ''}write it as ${url.origin}`;
}

const urlOf = (text: string): URL | undefined => (URL.canParse(text) ? new URL(text) : undefined);
