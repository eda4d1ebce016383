import { addressProblem, domainOf, normalDomain } from './address.ts';
import { hasControl } from './text.ts';

/**
 * One mailbox, as From has it: `ann@example.com`, `Ann <ann@example.com>`, `ann@example.com (Ann)` (RFC 5322 section 3.4).
 *
 * Readers mend what is malformed each in their own way, and then show another address than the one that was judged. So this is the
 * grammar to the letter, with no more of its obsolete forms (section 4.4) than real mail has: dots, commas, brackets and octets beyond ASCII in an
 * unquoted name, comments before and behind. What a name says in quotes or in an encoded word is a name. An address without quotes
 * in it, or in a comment, is the author's to some readers, so it has to be of the same domain.
 */
export type ReadMailbox = { readonly address: string } | { readonly fault: string };

/** Reads an unfolded value. A domain with a dot at its end is a fault, too, and so is an address literal. */
export function readMailbox(value: string): ReadMailbox {
  const text = value.replaceAll('\t', ' ');
  if (hasControl(text)) return { fault: 'it has control characters' };
  const tokens = tokensOf(text);
  if (typeof tokens === 'string') return { fault: tokens };
  const commas = tokens.filter(({ kind }) => kind === ',').length;
  if (commas > commasInName(tokens)) return { fault: 'it has several addresses' };
  // RFC 6854 lets From have groups; they don't say who the author is.
  if (tokens.some(({ kind }) => kind === ':' || kind === ';')) return { fault: 'it has a group' };
  if (hasStrayBrackets(tokens))
    return { fault: 'its name has brackets that readers may take for an address' };
  const split = splitAtAngles(tokens);
  if (split === undefined) return { fault: 'it has stray angle brackets, or something follows the address' };
  const address = addressOf(split.spec);
  if (address === undefined) return { fault: 'it has no address that is well-formed' };
  if (namesOtherDomain(split.beside, normalDomain(domainOf(address))))
    return { fault: 'its name holds an address of another domain' };
  return { address };
}

/** Many senders leave out the quotes of `Smith, Ann <ann@example.com>`. Readers that see two there can't take the other for an address. */
function commasInName(tokens: readonly Token[]): number {
  const name = nameIn(tokens);
  const isPlain = name.every(({ kind }) => kind === 'word' || kind === 'space' || kind === ',');
  const between = name.filter(({ kind }) => kind !== 'space').map(({ kind }) => kind === ',');
  // None at the beginning or the end, no two together.
  const isList = between.every(
    (comma, index) => !comma || (between[index - 1] === false && between[index + 1] === false),
  );
  return isPlain && isList ? between.filter(Boolean).length : 0;
}

/**
 * Brackets without quotes, as `[List] Ann <ann@example.com>` has them: in pairs, beside words. To readers that begin an address literal there,
 * what is in quotes or encoded beside them may be an address.
 */
function hasStrayBrackets(tokens: readonly Token[]): boolean {
  const name = nameIn(tokens);
  const words = name.flatMap(({ kind, text }) => (kind === 'word' ? [text] : []));
  if (!words.some((word) => /[[\]]/.test(word))) return false;
  const rest = words.join(' ').replaceAll(/\[[^[\]]+\]/g, '');
  return (
    /[[\]]/.test(rest) ||
    rest.trim() === '' ||
    name.some(({ kind }) => kind === 'quoted' || kind === 'encoded')
  );
}

/** What stands before the address in angle brackets; none where it stands alone. */
const nameIn = (tokens: readonly Token[]): readonly Token[] =>
  tokens.slice(0, Math.max(0, tokens.findIndex(isAngle)));

type Kind = 'space' | 'comment' | 'quoted' | 'encoded' | 'word' | '<' | '>' | '@' | ',' | ':' | ';';

interface Token {
  readonly kind: Kind;
  readonly text: string;
}

const TOKENS: readonly (readonly [Kind, RegExp])[] = [
  ['space', / +/y],
  ['quoted', /"(?:[^"\\]|\\.)*"/y],
  // Some senders leave in it what should not be there (RFC 2047 section 5): commas, an at sign.
  ['encoded', /=\?[^?\s]+\?[bq]\?[^?\s"()\\]*\?=/iy],
  ['word', /(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~.[\]-]|\P{ASCII})+/uy],
  ...(['<', '>', '@', ',', ':', ';'] as const).map((char) => [char, new RegExp(char, 'y')] as const),
];

/** All of the text, or what is wrong with it. */
function tokensOf(text: string): Token[] | string {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length;) {
    const token = text[at] === '(' ? commentAt(text, at) : tokenAt(text, at);
    if (token === undefined) return `it has a stray ${NAMES[text[at]!] ?? 'character'}`;
    tokens.push(token);
    at += token.text.length;
  }
  return tokens;
}

const NAMES: Readonly<Record<string, string>> = {
  '"': 'quote',
  '\\': 'backslash',
  '(': 'parenthesis',
  ')': 'parenthesis',
};

function tokenAt(text: string, at: number): Token | undefined {
  for (const [kind, pattern] of TOKENS) {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found !== undefined) return { kind, text: found };
  }
  return undefined;
}

/** Comments nest (RFC 5322 section 3.2.2). */
function commentAt(text: string, start: number): Token | undefined {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const char = text[at];
    if (char === '\\') at++;
    else if (char === '(') depth++;
    else if (char === ')' && --depth === 0) return { kind: 'comment', text: text.slice(start, at + 1) };
  }
  return undefined;
}

const isComment = ({ kind }: Token): boolean => kind === 'comment';
const isAngle = ({ kind }: Token): boolean => kind === '<' || kind === '>';

/** What is the address, and what stands beside it: name and comments. */
function splitAtAngles(
  tokens: readonly Token[],
): { spec: readonly Token[]; beside: readonly Token[] } | undefined {
  const [open, close, ...more] = tokens.flatMap((token, index) => (isAngle(token) ? [index] : []));
  if (open === undefined) {
    const isSpec = (token: Token): boolean => token.kind !== 'space' && !isComment(token);
    const spec = tokens.slice(tokens.findIndex(isSpec), tokens.findLastIndex(isSpec) + 1);
    return { spec, beside: tokens.filter(isComment) };
  }
  if (close === undefined || more.length > 0 || tokens[open]!.kind !== '<' || tokens[close]!.kind !== '>')
    return undefined;
  const behind = tokens.slice(close + 1);
  if (!behind.every((token) => token.kind === 'space' || isComment(token))) return undefined;
  return { spec: tokens.slice(open + 1, close), beside: [...tokens.slice(0, open), ...behind] };
}

/** The address that the tokens are, white space before and behind apart. */
function addressOf(tokens: readonly Token[]): string | undefined {
  const spec = tokens.filter(
    ({ kind }, index) => kind !== 'space' || (index > 0 && index < tokens.length - 1),
  );
  const [local, at, domain] = spec;
  if (spec.length !== 3 || at?.kind !== '@' || domain?.kind !== 'word') return undefined;
  // An at sign in quotes is taken for the one before the domain by readers that don't know quotes.
  if (local?.kind !== 'word' && (local?.kind !== 'quoted' || local.text.includes('@'))) return undefined;
  const address = `${local.text}@${domain.text}`;
  if (domain.text.startsWith('[') || addressProblem(address, { smtputf8: true }) !== undefined)
    return undefined;
  return address;
}

/** Whether there is an at sign outside of quotes that is not followed by that domain, or a domain that may go on after white space. */
function namesOtherDomain(beside: readonly Token[], domain: string): boolean {
  const text = beside.map((token) => (token.kind === 'quoted' ? '"' : token.text)).join('');
  if (!text.includes('@')) return false;
  const named = text.split('@').slice(1);
  return (
    /[ ()"]\./.test(text) ||
    !named.every((rest) => {
      const name = DOMAIN_IN_NAME.exec(rest)?.[1];
      return name !== undefined && normalDomain(name) === domain;
    })
  );
}

/** At the end of an encoded word, too. */
const DOMAIN_IN_NAME = /^([\p{L}\p{M}\p{N}.-]+)(?:\?=)?(?:$|[ ()"])/u;
