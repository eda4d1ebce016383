/** `did you mean "port"?` if one of the allowed words is near, else `must be one of …`. */
export function suggest(word: string, allowed: readonly string[]): string {
  const best = nearest(word, allowed);
  if (best !== undefined) return `did you mean "${best}"?`;
  if (allowed.length === 0) return 'there are none';
  return `must be ${allowed.length === 1 ? '' : 'one of '}${allowed.join(', ')}`;
}

/** `; did you mean "port"?` if one of them is near, else nothing: for what has been said already, or is too long to be listed. */
export function suggestNear(word: string, allowed: readonly string[]): string {
  const best = nearest(word, allowed);
  return best === undefined ? '' : `; did you mean "${best}"?`;
}

// Two slips at most, and never so many that a short word turns into any other.
function nearest(word: string, allowed: readonly string[]): string | undefined {
  if (word.length > 64) return undefined;
  const lower = word.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.min(2, Math.floor(word.length / 2)) + 1;
  for (const candidate of allowed) {
    const distance = editDistance(lower, candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Insertions, removals, replacements and swaps of neighbours that turn one word into the other. */
function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min(previous[j]! + 1, current[j - 1]! + 1, replaced);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, beforePrevious[j - 2]! + 1);
      }
      current.push(least);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length]!;
}
