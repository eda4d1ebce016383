import {
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type ErrorCode,
  type Pair,
} from 'yaml';
import type { Finding } from './issues.ts';
import type { KeyPath } from './problem.ts';

/** A YAML text as plain values that still knows where each of them was written. */
export interface YamlSource {
  /** Maps, lists, texts, finite numbers, booleans and null only; no cycles. Undefined if there are problems. */
  readonly value: unknown;
  readonly problems: readonly (Position & { readonly path: KeyPath; readonly message: string })[];
  /** Where a key or its value is; for what is not there, the nearest thing above it that is. */
  locate(finding: Pick<Finding, 'path' | 'at'>): Position;
}

export interface Position {
  /** Both from 1; 0 if it is about the text as a whole. */
  readonly line: number;
  readonly column: number;
}

const DEEPEST = 32;
const MOST_ALIASES = 100;

type YamlDocument = Document.Parsed | Document;

/** Reads one YAML 1.2 document, core schema. Never throws for anything that the text may hold. */
export function readYaml(text: string): YamlSource {
  const lines = new LineCounter();
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  // `schema` is fixed so that a %YAML 1.1 directive can't turn `no` into false or switch merge keys on, and tags are
  // not resolved so that only JSON's types come out. `prettyErrors` would quote lines of the file.
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    schema: 'core',
    resolveKnownTags: false,
    uniqueKeys: false,
    logLevel: 'error',
  });
  const locate: YamlSource['locate'] = (finding) => position(offsetOf(document, finding));
  const syntax = syntaxProblems(document).map(({ offset, message }) => ({
    ...position(offset),
    path: [],
    message,
  }));
  if (syntax.length > 0) return { value: undefined, problems: syntax, locate };

  const structure = structureProblems(document, position);
  if (structure.length > 0) return { value: undefined, problems: structure, locate };
  try {
    return { value: document.toJS({ maxAliasCount: MOST_ALIASES }), problems: [], locate };
  } catch (error) {
    // The only error left: aliases to aliases that grow past the limit (a "billion laughs" file).
    if (!(error instanceof ReferenceError)) throw error;
    const message = `found aliases that expand to too much, at most ${MOST_ALIASES} are allowed`;
    return { value: undefined, problems: [{ line: 0, column: 0, path: [], message }], locate };
  }
}

/**
 * What a syntax error says. Sentences of our own, since some of the parser's quote the text, and a password that starts
 * with a special character is a syntax error.
 */
const SYNTAX: Partial<Record<ErrorCode, string>> = {
  BAD_ALIAS: 'found an alias without a name; a text that starts with "*" must be in quotes',
  BAD_DIRECTIVE: 'found a directive that YAML does not know',
  BAD_DQ_ESCAPE:
    'found an unknown escape in a text in double quotes; use single quotes, or "\\\\" for a backslash',
  BAD_INDENT: 'found wrong indentation, or a bracket or quote that is not closed',
  BAD_SCALAR_START: 'found a text that starts with a character that YAML reserves; it must be in quotes',
  BLOCK_AS_IMPLICIT_KEY:
    'found a map where a value was expected; is the indentation right, and is a text with ": " in quotes?',
  MISSING_CHAR: 'found a missing character: a closing quote, bracket or comma, or the space after ":"',
  MULTILINE_IMPLICIT_KEY: 'found a key that goes over more than one line; is a ":" missing?',
  MULTIPLE_DOCS: 'found a second document; the file must be one',
  RESOURCE_EXHAUSTION: `found too many levels, at most ${DEEPEST} are allowed`,
  TAB_AS_INDENT: 'found a tab as indentation; YAML takes spaces only',
  TAG_RESOLVE_FAILED:
    'found a tag; tags are not supported, and a text that starts with "!" must be in quotes',
};

function syntaxProblems(document: YamlDocument): { offset: number; message: string }[] {
  const errors = [...document.errors, ...document.warnings];
  // Nesting that exhausts the parser is reported once for each level on the way out.
  const exhausted = errors.find(({ code }) => code === 'RESOURCE_EXHAUSTION');
  return (exhausted === undefined ? errors : [exhausted]).map(({ code, pos }) => ({
    offset: pos[0],
    message: SYNTAX[code] ?? `found text that is not YAML here (${code.toLowerCase().replaceAll('_', ' ')})`,
  }));
}

/** What is YAML and still no plain data: keys written twice, keys that are no text, cycles, `.nan`, too deep. */
function structureProblems(
  document: YamlDocument,
  position: (offset: number) => Position,
): YamlSource['problems'] {
  const problems: (Position & { path: KeyPath; message: string })[] = [];
  visit(document, {
    Node(_key, node, ancestors) {
      const path = pathOf([...ancestors, node]);
      const report = (message: string): void => {
        problems.push({ ...position(startOf(node)), path, message });
      };
      if (path.length > DEEPEST) {
        report(`found too many levels, at most ${DEEPEST} are allowed`);
        return visit.BREAK;
      }
      if (isScalar(node) && typeof node.value === 'number' && !Number.isFinite(node.value)) {
        report('found a number that is not finite');
      }
      if (isAlias(node)) {
        const target = node.resolve(document);
        if (target === undefined) {
          report(
            'found an alias without its anchor before it; a text that starts with "*" must be in quotes',
          );
        } else if (ancestors.includes(target)) report('found an alias to what it is itself in');
      }
      if (isMap(node)) problems.push(...keyProblems(node.items, { path, position }));
      return undefined;
    },
  });
  return problems;
}

function keyProblems(
  pairs: readonly Pair[],
  { path, position }: { path: KeyPath; position: (offset: number) => Position },
): (Position & { path: KeyPath; message: string })[] {
  const first = new Map<string, Position>();
  return pairs.flatMap(({ key }) => {
    const here = position(startOf(key));
    // `__proto__` as a key of a plain object is an accident or an attack, never a setting.
    if (!isScalar(key) || String(key.value) === '__proto__') {
      return [{ ...here, path, message: 'found a key that is not allowed, must be a plain text' }];
    }
    const text = String(key.value);
    if (text === '<<') {
      return [
        { ...here, path: [...path, text], message: 'found a merge key; merging maps is not supported' },
      ];
    }
    const earlier = first.get(text);
    if (earlier === undefined) {
      first.set(text, here);
      return [];
    }
    const message = `found this key twice, first in line ${earlier.line}`;
    return [{ ...here, path: [...path, text], message }];
  });
}

// The keys and positions that lead to the last of these nodes.
function pathOf(ancestors: readonly unknown[]): KeyPath {
  return ancestors.flatMap((node, i): (string | number)[] => {
    if (isPair(node)) return [isScalar(node.key) ? String(node.key.value) : '?'];
    const below = ancestors[i + 1];
    return isCollection(node) && !isMap(node) && below !== undefined ? [node.items.indexOf(below)] : [];
  });
}

function offsetOf(document: YamlDocument, { path, at }: Pick<Finding, 'path' | 'at'>): number {
  let node: unknown = document.contents;
  let offset = node === null ? 0 : startOf(node);
  for (const [i, step] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair: Pair | undefined = node.items.find(
        ({ key }) => isScalar(key) && String(key.value) === step,
      );
      if (pair === undefined) return offset;
      node = pair.value;
      const isLast = i === path.length - 1;
      // What is missing below a key is best written there, so the key is the place; a plain value is its own.
      const keyIsThePlace = (isLast && at === 'key') || isCollection(node) || node === null;
      offset = startOf(keyIsThePlace ? pair.key : node);
    } else if (isCollection(node)) {
      const item: unknown = node.items[Number(step)];
      if (item === undefined) return offset;
      node = item;
      offset = startOf(item);
    } else return offset;
  }
  return offset;
}

function startOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0;
}
