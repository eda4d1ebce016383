/**
 * Lines of things that wait, one for each key, served in turn: one that many wait in gets no more turns than one with a
 * single thing in it. Within a line, first come, first served. It has no limit of its own.
 */
export class FairQueue<T> {
  /** No line is empty. The order of the keys is the order of their turns. */
  readonly #lines = new Map<string, Set<T>>();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(key: string, item: T): void {
    const line = this.#lines.get(key);
    if (line === undefined) this.#lines.set(key, new Set([item]));
    else line.add(item);
    this.#length += 1;
  }

  /** The next in turn; of those at the head of their lines, only one that `may` go. */
  take(may: (item: T) => boolean): T | undefined {
    for (const [key, line] of this.#lines) {
      const head = headOf(line);
      if (!may(head)) continue;
      this.#remove(line, head);
      // To the end of the round.
      this.#lines.delete(key);
      if (line.size > 0) this.#lines.set(key, line);
      return head;
    }
    return undefined;
  }

  /** Takes out, from the head of each line, all that `isOver` holds for. */
  expire(isOver: (item: T) => boolean): T[] {
    const expired: T[] = [];
    for (const [key, line] of this.#lines) {
      while (line.size > 0 && isOver(headOf(line))) {
        const head = headOf(line);
        this.#remove(line, head);
        expired.push(head);
      }
      if (line.size === 0) this.#lines.delete(key);
    }
    return expired;
  }

  #remove(line: Set<T>, item: T): void {
    line.delete(item);
    this.#length -= 1;
  }
}

function headOf<T>(line: ReadonlySet<T>): T {
  const [head] = line;
  return head!;
}
