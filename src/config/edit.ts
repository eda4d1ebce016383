import { isDeepStrictEqual } from 'node:util';
import { formatPath, type KeyPath } from './problem.ts';
import { isRecord } from './raw.ts';
import { withoutPair, withSet } from './yaml-splice.ts';
import { readYaml } from './yaml-source.ts';

/**
 * Edits of a YAML text that leave everything else as its author wrote it, octet for octet: comments, order, quotes, line ends, flow and
 * block style. The parser tells where things are; what changes is cut out of the text and put into it.
 *
 * Whatever the text looks like, the outcome is read again, and it is exactly the values asked for or an EditError. So
 * a change below an anchor, which would show at its aliases too, is refused and not made.
 */
export type Edit =
  /** Maps on the way that are missing are made. A last step that is the length of a list appends to it. */
  | { readonly kind: 'set'; readonly path: KeyPath; readonly value: unknown }
  /** Maps that it leaves empty go with it; what is not there is gone already. */
  | { readonly kind: 'delete'; readonly path: KeyPath };

/** The text can't be edited by a program without changing more than was asked for. */
export class EditError extends Error {
  override readonly name = 'EditError';
}

/** The text after the edits, in their order. Throws an EditError. */
export function editYaml(text: string, edits: readonly Edit[]): string {
  let edited = text;
  for (const edit of edits) edited = editOnce(edited, edit);
  return edited;
}

function editOnce(text: string, edit: Edit): string {
  const before = readYaml(text);
  if (before.problems.length > 0)
    throw new EditError(`Cannot change ${formatPath(edit.path)}: the file is no YAML that can be read`);
  const wanted = copyOf(before.value);
  const place = edit.kind === 'set' ? setValue(wanted, edit) : deleteValue(wanted, edit);
  if (place === undefined) return text;
  const edited = edit.kind === 'set' ? withSet(text, edit) : withoutPair(text, place);
  const after = edited === undefined ? undefined : readYaml(edited);
  if (after === undefined || after.problems.length > 0 || !isDeepStrictEqual(after.value, wanted)) {
    throw new EditError(
      `Cannot change ${formatPath(edit.path)}: the way it is written there, a change would reach further (an anchor that other places refer to, or a form that is not often seen)`,
    );
  }
  return edited!;
}

/** A copy in which nothing is shared, as it is where an alias stands for an anchor. */
function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copyOf(item)]));
}

/** Sets it in plain values; the path that is new there, undefined if nothing is. */
function setValue(root: unknown, { path, value }: { path: KeyPath; value: unknown }): KeyPath | undefined {
  let node = root;
  for (const [i, step] of path.entries()) {
    const isLast = i === path.length - 1;
    if (Array.isArray(node) && typeof step === 'number') {
      if (isLast) node[step] = copyOf(value);
      node = node[step];
    } else if (isRecord(node)) {
      const map: Record<string, unknown> = node;
      if (isLast) {
        if (isDeepStrictEqual(map[step], value)) return undefined;
        map[step] = copyOf(value);
      } else map[step] ??= {};
      node = map[step];
    } else
      throw new EditError(
        `Cannot change ${formatPath(path)}: ${formatPath(path.slice(0, i))} is no map or list`,
      );
  }
  return path;
}

/** Deletes it in plain values, with the maps that it leaves empty; the path that is gone, undefined if there was nothing. */
function deleteValue(root: unknown, { path }: { path: KeyPath }): KeyPath | undefined {
  const maps: Record<string, unknown>[] = [];
  let node = root;
  for (const step of path) {
    if (!isRecord(node) || !Object.hasOwn(node, step)) return undefined;
    maps.push(node);
    node = node[step];
  }
  let last = path.length - 1;
  while (last > 0 && Object.keys(maps[last]!).length === 1) last -= 1;
  delete maps[last]![path[last]!];
  return path.slice(0, last + 1);
}
