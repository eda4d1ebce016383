import { getHeapStatistics } from 'node:v8';
import { collector } from './collector.ts';

/** How often it looks, and what part of that time may have been busy. */
const LOOK_EVERY_MS = 500;
const IDLE = 0.1;
/** Octets of garbage that are worth the 20 ms. */
const MUCH = 16 * 1024 * 1024;

/** What it looks at and does, in tests. */
export interface Heap {
  /** The part of the time since the last call in which the event loop was busy. */
  busy(): number;
  /** Octets. */
  used(): number;
  collect(): void;
}

/**
 * Gives back what a busy time has left in this thread's heap, once the event loop has little to do. V8 collects garbage where things
 * are made: until then some 40 MiB of it lie in a heap of 25, and the pages around it can't go either. Returns what ends it.
 */
export function collectWhenIdle(heap: Heap = thisThread()): () => void {
  let least = heap.used();
  heap.busy();
  const timer = setInterval(() => {
    const busy = heap.busy();
    const used = heap.used();
    least = Math.min(least, used);
    if (busy > IDLE || used - least < MUCH) return;
    heap.collect();
    least = heap.used();
  }, LOOK_EVERY_MS).unref();
  return () => clearInterval(timer);
}

function thisThread(): Heap {
  let last = performance.eventLoopUtilization();
  return {
    busy() {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, last);
      last = now;
      return utilization;
    },
    used() {
      const { used_heap_size, external_memory } = getHeapStatistics();
      return used_heap_size + external_memory;
    },
    collect: collector(),
  };
}
