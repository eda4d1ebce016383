/** Growing waits: the first, and the one that no further wait passes. Milliseconds. */
export interface BackOff {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** Part of a wait by which it may be shorter or longer, so that what failed together is not tried together. */
const JITTER = 0.2;

/**
 * How long to wait after the `failures`th failure in a row (from 1): `first · 2^(failures - 1)`, at most `max`, give
 * or take 20 %. `random` gives numbers from 0 to below 1.
 */
export function backOffMs(failures: number, options: BackOff & { readonly random: () => number }): number {
  const exponent = Math.max(0, failures - 1);
  const plain = Math.min(options.maxMs, options.firstMs * 2 ** exponent);
  return Math.round(plain * (1 - JITTER + 2 * JITTER * options.random()));
}
