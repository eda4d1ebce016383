import {
  isAlias,
  isCollection,
  isMap,
  isScalar,
  LineCounter,
  parseDocument,
  type Alias,
  type ErrorCode,
  type Pair,
} from 'yaml';
import type { Finding } from './issues.ts';
import {
  DEEPEST,
  MOST_ALIASES,
  startOf,
  structureProblems,
  type Misuse,
  type Position,
  type YamlDocument,
} from './yaml-structure.ts';

/** A YAML text as plain values that still knows where each of them was written. */
export interface YamlSource {
  /** Maps, lists, texts, finite numbers, booleans and null only; no cycles. Undefined if there are problems. */
  readonly value: unknown;
  readonly problems: readonly Misuse[];
  /** Where a key or its value is; for what is not there, the nearest thing above it that is. */
  locate(finding: Pick<Finding, 'path' | 'at'>): Position;
}

/** After so many the parser is out of step with the text, and the rest follows from them. */
const MOST_SYNTAX_PROBLEMS = 20;

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
  // From an alias to its anchor the parser reads the document from the start, so each is asked for once.
  const targets = new Map<Alias, unknown>();
  const follow = (node: unknown): unknown => {
    if (!isAlias(node)) return node;
    if (!targets.has(node)) targets.set(node, node.resolve(document));
    return targets.get(node);
  };
  const locate: YamlSource['locate'] = (finding) =>
    position(offsetOf(document.contents, { ...finding, follow }));
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
  return (exhausted === undefined ? errors.slice(0, MOST_SYNTAX_PROBLEMS) : [exhausted]).map(
    ({ code, pos }) => ({
      offset: pos[0],
      message:
        SYNTAX[code] ?? `found text that is not YAML here (${code.toLowerCase().replaceAll('_', ' ')})`,
    }),
  );
}

function offsetOf(
  root: unknown,
  { path, at, follow }: Pick<Finding, 'path' | 'at'> & { follow: (node: unknown) => unknown },
): number {
  let node = root;
  let offset = startOf(node);
  for (const [i, step] of path.entries()) {
    node = follow(node);
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
