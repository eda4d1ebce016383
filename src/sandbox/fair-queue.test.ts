import { describe, expect, it } from 'vitest';
import { FairQueue } from './fair-queue.ts';

const always = (): boolean => true;

function filled(...items: string[]): FairQueue<string> {
  const queue = new FairQueue<string>();
  // Its first letter is its key.
  for (const item of items) queue.add(item[0]!, item);
  return queue;
}

const emptied = (queue: FairQueue<string>, may: (item: string) => boolean = always): string[] => {
  const taken: string[] = [];
  for (let item = queue.take(may); item !== undefined; item = queue.take(may)) taken.push(item);
  return taken;
};

describe('FairQueue', () => {
  it('serves its lines in turn, and each in order', () => {
    const queue = filled('a1', 'a2', 'a3', 'a4', 'b1', 'c1', 'c2');
    expect(queue.length).toBe(7);
    expect(emptied(queue)).toEqual(['a1', 'b1', 'c1', 'a2', 'c2', 'a3', 'a4']);
    expect(queue.length).toBe(0);
    expect(queue.take(always)).toBeUndefined();
  });

  it('puts a line that comes anew behind those that wait', () => {
    const queue = filled('a1', 'a2', 'b1');
    expect(queue.take(always)).toBe('a1');
    queue.add('c', 'c1');
    queue.add('a', 'a3');
    expect(emptied(queue)).toEqual(['b1', 'a2', 'c1', 'a3']);
  });

  it('passes over a line whose head may not go, which keeps its turn', () => {
    const queue = filled('a1', 'a2', 'b1', 'b2');
    expect(emptied(queue, (item) => !item.startsWith('a'))).toEqual(['b1', 'b2']);
    queue.add('b', 'b3');
    expect(emptied(queue)).toEqual(['a1', 'b3', 'a2']);
  });

  it('takes out what is over', () => {
    const queue = filled('a1', 'a2', 'b1', 'c2');
    expect(queue.expire((item) => item.endsWith('1'))).toEqual(['a1', 'b1']);
    expect(queue.length).toBe(2);
    expect(emptied(queue)).toEqual(['a2', 'c2']);
  });
});
