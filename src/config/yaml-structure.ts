import {
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  visit,
  type Document,
  type Node,
  type Pair,
} from 'yaml';
import type { KeyPath } from './problem.ts';

export type YamlDocument = Document.Parsed | Document;

export interface Position {
  /** Both from 1; 0 if it is about the text as a whole. */
  readonly line: number;
  readonly column: number;
}

/** Something that YAML allows, or does not, and that we can't use. */
export interface Misuse extends Position {
  readonly path: KeyPath;
  readonly message: string;
}

/** Maps and lists in one another. */
export const DEEPEST = 32;
/** Aliases in the file, and values that they stand for. */
export const MOST_ALIASES = 100;

/**
 * What is YAML and still no plain data: keys written twice, keys that are no text, cycles, `.nan`, too deep.
 * Bounds both what comes out and the time it takes to find out.
 */
export function structureProblems(document: YamlDocument, position: (offset: number) => Position): Misuse[] {
  const problems: Misuse[] = [];
  // Kept here since the parser's own way from an alias to its anchor reads the document from the start each time.
  const anchors = new Map<string, Node>();
  let aliases = 0;
  visit(document, {
    Node(_key, node, ancestors) {
      const pathHere = (): KeyPath => pathOf([...ancestors, node]);
      const report = (message: string): void => {
        problems.push({ ...position(startOf(node)), path: pathHere(), message });
      };
      if (ancestors.filter(isCollection).length > DEEPEST) {
        report(`found too many levels, at most ${DEEPEST} are allowed`);
        return visit.BREAK;
      }
      if (isAlias(node)) {
        const target = anchors.get(node.source);
        if (target === undefined) {
          report(
            'found an alias without its anchor before it; a text that starts with "*" must be in quotes',
          );
        } else if (ancestors.includes(target)) report('found an alias to what it is itself in');
        aliases++;
        if (aliases <= MOST_ALIASES) return undefined;
        report(`found too many aliases, at most ${MOST_ALIASES} are allowed`);
        return visit.BREAK;
      }
      if (node.anchor !== undefined) anchors.set(node.anchor, node);
      if (isScalar(node) && typeof node.value === 'number' && !Number.isFinite(node.value)) {
        report('found a number that is not finite');
      }
      if (isMap(node)) problems.push(...keyProblems(node.items, { pathHere, position }));
      return undefined;
    },
  });
  return problems;
}

function keyProblems(
  pairs: readonly Pair[],
  { pathHere, position }: { pathHere: () => KeyPath; position: (offset: number) => Position },
): Misuse[] {
  const first = new Map<string, Position>();
  return pairs.flatMap(({ key }) => {
    const here = position(startOf(key));
    // `__proto__` as a key of a plain object is an accident or an attack, never a setting.
    if (!isScalar(key) || String(key.value) === '__proto__') {
      return [
        { ...here, path: pathHere(), message: 'found a key that is not allowed, must be a plain text' },
      ];
    }
    const text = String(key.value);
    if (text === '<<') {
      return [
        { ...here, path: [...pathHere(), text], message: 'found a merge key; merging maps is not supported' },
      ];
    }
    const earlier = first.get(text);
    if (earlier === undefined) {
      first.set(text, here);
      return [];
    }
    const message = `found this key twice, first in line ${earlier.line}`;
    return [{ ...here, path: [...pathHere(), text], message }];
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

/** Offset of a node; 0 for what has no place. */
export function startOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0;
}
