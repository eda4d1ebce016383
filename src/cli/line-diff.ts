/** A difference between two texts as people read it: the lines that are gone (`-`) and new (`+`), with their numbers before the change. */
export interface DiffLine {
  readonly sign: '-' | '+';
  /** From 1; of a line that is new, the one that it comes after, or 0. */
  readonly line: number;
  readonly text: string;
}

/** What is compared line by line for a smallest difference; past that the middle counts as changed altogether. */
const MOST_CELLS = 4_000_000;

export function lineDiff(before: string, after: string): DiffLine[] {
  const [old, fresh] = [linesOf(before), linesOf(after)];
  let head = 0;
  while (head < Math.min(old.length, fresh.length) && old[head] === fresh[head]) head += 1;
  let tail = 0;
  const most = Math.min(old.length, fresh.length) - head;
  while (tail < most && old.at(-1 - tail) === fresh.at(-1 - tail)) tail += 1;
  return middle(old.slice(head, old.length - tail), {
    fresh: fresh.slice(head, fresh.length - tail),
    offset: head,
  });
}

const linesOf = (text: string): string[] => text.replace(/\r?\n$/, '').split(/\r?\n/);

/** By the longest common subsequence. */
function middle(
  old: readonly string[],
  { fresh, offset }: { fresh: readonly string[]; offset: number },
): DiffLine[] {
  const width = fresh.length + 1;
  const isSmall = old.length * fresh.length <= MOST_CELLS;
  const common = new Uint32Array(isSmall ? (old.length + 1) * width : 0);
  for (let i = isSmall ? old.length - 1 : -1; i >= 0; i--) {
    for (let j = fresh.length - 1; j >= 0; j--) {
      common[i * width + j] =
        old[i] === fresh[j]
          ? common[(i + 1) * width + j + 1]! + 1
          : Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!);
    }
  }
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < fresh.length) {
    if (isSmall && i < old.length && j < fresh.length && old[i] === fresh[j]) [i, j] = [i + 1, j + 1];
    else if (
      i < old.length &&
      (j === fresh.length || !isSmall || common[(i + 1) * width + j]! >= common[i * width + j + 1]!)
    ) {
      i += 1;
      lines.push({ sign: '-', line: offset + i, text: old[i - 1]! });
    } else {
      lines.push({ sign: '+', line: offset + i, text: fresh[j]! });
      j += 1;
    }
  }
  return lines;
}
