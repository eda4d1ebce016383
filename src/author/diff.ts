/**
 * The difference of two lists of lines, as `diff -u` shows it (Myers, "An O(ND) Difference Algorithm and Its Variations", 1986).
 * Costs O((lines + changes) · changes), so past `CHANGE_LIMIT` changes the rest is shown as removed and added whole.
 */
export interface DiffLine {
  readonly sign: ' ' | '-' | '+';
  readonly text: string;
}

const CHANGE_LIMIT = 2000;

/** Every line of both, in order. */
export function diffLines(before: readonly string[], after: readonly string[]): DiffLine[] {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head++;
  let tail = 0;
  const room = Math.min(before.length, after.length) - head;
  while (tail < room && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  const same = (text: string): DiffLine => ({ sign: ' ', text });
  return [
    ...before.slice(0, head).map(same),
    ...middle(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...before.slice(before.length - tail).map(same),
  ];
}

function middle(before: readonly string[], after: readonly string[]): DiffLine[] {
  const trace = furthestReaches(before, after);
  if (trace === undefined) {
    return [
      ...before.map((text): DiffLine => ({ sign: '-', text })),
      ...after.map((text): DiffLine => ({ sign: '+', text })),
    ];
  }
  const lines: DiffLine[] = [];
  let x = before.length;
  let y = after.length;
  for (let changes = trace.length - 1; changes >= 0; changes--) {
    const reach = trace[changes]!;
    const diagonal = x - y;
    const isDown = cameDown(reach, { diagonal, changes });
    const from = isDown ? diagonal + 1 : diagonal - 1;
    const fromX = changes === 0 ? 0 : (reach.get(from) ?? 0);
    const fromY = changes === 0 ? 0 : fromX - from;
    while (x > fromX && y > fromY) {
      lines.push({ sign: ' ', text: before[x - 1]! });
      x--;
      y--;
    }
    if (changes === 0) break;
    if (isDown) lines.push({ sign: '+', text: after[--y]! });
    else lines.push({ sign: '-', text: before[--x]! });
  }
  return lines.toReversed();
}

type Reach = ReadonlyMap<number, number>;

const cameDown = (reach: Reach, { diagonal, changes }: { diagonal: number; changes: number }): boolean =>
  diagonal === -changes ||
  (diagonal !== changes && (reach.get(diagonal - 1) ?? -1) < (reach.get(diagonal + 1) ?? -1));

/** For each number of changes, how far into `before` each diagonal had come with one change less. */
function furthestReaches(before: readonly string[], after: readonly string[]): Reach[] | undefined {
  const reach = new Map<number, number>([[1, 0]]);
  const trace: Reach[] = [];
  for (let changes = 0; changes <= Math.min(before.length + after.length, CHANGE_LIMIT); changes++) {
    trace.push(new Map(reach));
    for (let diagonal = -changes; diagonal <= changes; diagonal += 2) {
      const isDown = cameDown(reach, { diagonal, changes });
      let x = isDown ? (reach.get(diagonal + 1) ?? 0) : (reach.get(diagonal - 1) ?? 0) + 1;
      while (x < before.length && x - diagonal < after.length && before[x] === after[x - diagonal]) x++;
      reach.set(diagonal, x);
      if (x >= before.length && x - diagonal >= after.length) return trace;
    }
  }
  return undefined;
}

/** Hunks with up to three lines around each change, under `@@` lines that say where. Empty if nothing differs. */
export function unified(lines: readonly DiffLine[], context = 3): string[] {
  const shown = lines.map((_, at) =>
    lines.slice(Math.max(0, at - context), at + context + 1).some(({ sign }) => sign !== ' '),
  );
  const output: string[] = [];
  let [oldLine, newLine] = [1, 1];
  for (const [at, { sign, text }] of lines.entries()) {
    if (shown[at] === true) {
      if (at === 0 || shown[at - 1] !== true) output.push(`@@ -${oldLine} +${newLine} @@`);
      output.push(`${sign}${text}`);
    }
    if (sign !== '+') oldLine++;
    if (sign !== '-') newLine++;
  }
  return output;
}
