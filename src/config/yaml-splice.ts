import {
  isMap,
  isScalar,
  isSeq,
  parseDocument,
  type Node,
  type Pair,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import type { KeyPath } from './problem.ts';
import { inline, inlinePair, lines, type Style } from './yaml-write.ts';

/**
 * Cutting values out of a YAML text and putting others in, at the places that the parser tells. It goes by what is common; `edit.ts`
 * holds what comes out to what was asked for.
 */
type YamlPair = Pair<Node, Node | null>;
type Collection = YAMLMap<Node, Node | null> | YAMLSeq<Node>;

function contentsOf(text: string): Node | null {
  return parseDocument<Node>(text, {
    schema: 'core',
    resolveKnownTags: false,
    uniqueKeys: false,
    logLevel: 'error',
  }).contents;
}

/** The text with a value set at a path; undefined where the text has no place for it. */
export function withSet(
  text: string,
  { path, value }: { path: KeyPath; value: unknown },
): string | undefined {
  let node: unknown = contentsOf(text);
  for (const [i, step] of path.entries()) {
    const wrapped = (from: number): unknown =>
      path.slice(from).reduceRight((inner: unknown, key) => ({ [key]: inner }), value);
    if (isSeq<Node>(node)) {
      const item: Node | undefined = node.items[Number(step)];
      if (item === undefined) return appended(text, { list: node, value: wrapped(i + 1) });
      node = item;
    } else if (isMap<Node, Node | null>(node)) {
      const pair: YamlPair | undefined = pairOf(node, step);
      if (pair === undefined) return added(text, { map: node, pair: [String(step), wrapped(i + 1)] });
      const isLast = i === path.length - 1;
      if (isLast || isNothing(pair.value)) return replaced(text, { map: node, pair, value: wrapped(i + 1) });
      node = pair.value;
    } else return undefined;
  }
  return undefined;
}

const pairOf = (map: YAMLMap<Node, Node | null>, step: string | number): YamlPair | undefined =>
  map.items.find(({ key }) => isScalar(key) && String(key.value) === step);

const isNothing = (node: Node | null): boolean => node === null || (isScalar(node) && node.value === null);

/** Puts a value into the place of another. */
function replaced(
  text: string,
  { map, pair, value }: { map: YAMLMap<Node, Node | null>; pair: YamlPair; value: unknown },
): string {
  const [, keyEnd] = rangeOf(pair.key);
  const style = styleOf(text, map);
  const node = pair.value;
  if (node === null || isNothing(node)) {
    const colon = text.indexOf(':', keyEnd) + 1;
    const [start, end] = node === null ? [colon, colon] : rangeOf(node);
    // Nothing at all may be followed by a comment; `~` and `null` are in the place of a value.
    if (start === end) return splice(text, { start: colon, end: colon, put: ` ${inline(value, style)}` });
    return splice(text, { start, end, put: inline(value, style) });
  }
  const [start, end] = rangeOf(node);
  const own = isScalar(node) ? quoted(value, node) : undefined;
  const written = own ?? inline(value, style);
  const content = text.slice(start, end).trimEnd().length;
  // What was a block below its key is one line now, beside it.
  const between = text.slice(keyEnd, start);
  const from = /^\s*:\s*$/.test(between) ? keyEnd + between.indexOf(':') + 1 : start;
  const gap = from === start ? '' : style === 'json' ? between.slice(between.indexOf(':') + 1) : ' ';
  return splice(text, { start: from, end: start + content, put: gap + written });
}

/** A text goes into the quotes of the one before it. */
function quoted(value: unknown, { type }: Scalar): string | undefined {
  if (typeof value !== 'string') return undefined;
  if (type === 'QUOTE_DOUBLE') return JSON.stringify(value);
  return type === 'QUOTE_SINGLE' && /^[\w./@:+-]*$/.test(value) ? `'${value}'` : undefined;
}

/** Adds a pair after the last of a map. */
function added(
  text: string,
  { map, pair }: { map: YAMLMap<Node, Node | null>; pair: readonly [string, unknown] },
): string {
  const style = styleOf(text, map);
  const last = map.items.at(-1);
  if (style !== 'block') return insertedInFlow(text, { collection: map, put: inlinePair(pair, style) });
  const column = columnOf(text, rangeOf(last!.key)[0]);
  return insertedLines(text, { after: endOf(last!), lines: lines(pair), indent: ' '.repeat(column) });
}

/** Adds an item after the last of a list. */
function appended(text: string, { list, value }: { list: YAMLSeq<Node>; value: unknown }): string {
  const style = styleOf(text, list);
  if (style !== 'block') return insertedInFlow(text, { collection: list, put: inline(value, style) });
  const last = list.items.at(-1)!;
  const dash = text.lastIndexOf('-', rangeOf(last)[0] - 1);
  const indent = ' '.repeat(columnOf(text, dash));
  return insertedLines(text, { after: endOf(last), lines: [`- ${inline(value)}`], indent });
}

function insertedInFlow(text: string, { collection, put }: { collection: Collection; put: string }): string {
  const [start, end] = rangeOf(collection);
  const last = collection.items.at(-1);
  if (last === undefined) {
    const isMapOfText = text[start] === '{' && !isJson(text, collection);
    return splice(text, {
      start: start + 1,
      end: start + 1,
      put: isMapOfText ? ` ${put}${text[start + 1] === ' ' ? '' : ' '}` : put,
    });
  }
  const after = endOf(last);
  const first = startOf(last);
  const lineStart = text.lastIndexOf('\n', first) + 1;
  const indent = text.slice(lineStart, first);
  const rest = /^[ \t]*(,?)[ \t]*(?:#[^\r\n]*)?(?=\r?\n)/.exec(text.slice(after, end));
  if (/^\s*$/.test(indent) && lineStart > start && rest !== null) {
    // One to a line: the comma goes after the last, before its comment, and the new one on a line below.
    const comma = rest[1] === ',' ? '' : ',';
    const tail = rest[1] === ',' ? ',' : '';
    const line = after + rest[0].length;
    return `${text.slice(0, after)}${comma}${text.slice(after, line)}${newline(text)}${indent}${put}${tail}${text.slice(line)}`;
  }
  const gap = isJson(text, collection) && isMap(collection) ? ',' : ', ';
  return splice(text, { start: after, end: after, put: `${gap}${put}` });
}

function insertedLines(
  text: string,
  { after, lines, indent }: { after: number; lines: readonly string[]; indent: string },
): string {
  const eol = newline(text);
  const block = lines.map((line) => `${indent}${line}`).join(eol);
  // A block text ends with its line end.
  let start = text[after - 1] === '\n' ? after : text.indexOf('\n', after) + 1;
  if (start === 0) return `${text}${eol}${block}`;
  // A comment that stands further in belongs to what is before it: a setting that is not in use, say.
  const deeper = new RegExp(`^ {${indent.length + 1},}#[^\\n]*\\n`);
  for (let more; (more = deeper.exec(text.slice(start))) !== null;) start += more[0].length;
  return splice(text, { start, end: start, put: `${block}${eol}` });
}

/** Takes out a pair with the lines that it has for itself; comments above it stay. */
export function withoutPair(text: string, path: KeyPath): string | undefined {
  let node: unknown = contentsOf(text);
  for (const step of path.slice(0, -1))
    node = isMap<Node, Node | null>(node) ? pairOf(node, step)?.value : undefined;
  if (!isMap<Node, Node | null>(node)) return undefined;
  const gone = pairOf(node, path.at(-1)!);
  const at = node.items.findIndex((pair) => pair === gone);
  const pair = node.items[at]!;
  const [start, end] = [startOf(pair), endOf(pair)];
  if (styleOf(text, node) === 'block') {
    const lineStart = text.lastIndexOf('\n', start - 1) + 1;
    if (text[end - 1] === '\n') return splice(text, { start: lineStart, end, put: '' });
    const lineEnd = text.indexOf('\n', end) + 1;
    return splice(text, { start: lineStart, end: lineEnd === 0 ? text.length : lineEnd, put: '' });
  }
  const next = node.items[at + 1];
  if (next !== undefined) return splice(text, { start, end: startOf(next), put: '' });
  const previous = node.items[at - 1];
  if (previous !== undefined) return splice(text, { start: endOf(previous), end, put: '' });
  return splice(text, { start, end, put: '' });
}

function styleOf(text: string, collection: Collection): Style {
  if (collection.flow !== true) return 'block';
  return isJson(text, collection) ? 'json' : 'flow';
}

/** A file that is JSON all over stays so. */
function isJson(text: string, collection: Collection): boolean {
  const top = /^\uFEFF?\s*\{\s*"/.test(text);
  const key = isMap<Node>(collection) ? collection.items[0]?.key : undefined;
  return top || (isScalar(key) && key.type === 'QUOTE_DOUBLE');
}

function rangeOf(node: Node): readonly [number, number] {
  const [start, end] = node.range!;
  return [start, end];
}

const startOf = (item: YamlPair | Node): number => rangeOf('key' in item ? item.key : item)[0];

/** Where the last that an item says ends, comments after it not included. */
function endOf(item: YamlPair | Node | null): number {
  if (item === null) return 0;
  if ('key' in item) return Math.max(rangeOf(item.key)[1] + 1, endOf(item.value));
  if (isMap<Node, Node | null>(item) && item.flow !== true && item.items.length > 0)
    return endOf(item.items.at(-1)!);
  if (isSeq<Node>(item) && item.flow !== true && item.items.length > 0) return endOf(item.items.at(-1)!);
  return rangeOf(item)[1];
}

const columnOf = (text: string, offset: number): number =>
  offset -
  text.lastIndexOf('\n', offset - 1) -
  1 -
  (text.startsWith('\uFEFF') && !text.slice(0, offset).includes('\n') ? 1 : 0);

const newline = (text: string): string => (/\r\n/.test(text) ? '\r\n' : '\n');

const splice = (text: string, { start, end, put }: { start: number; end: number; put: string }): string =>
  text.slice(0, start) + put + text.slice(end);
