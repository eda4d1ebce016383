/**
 * Errors that an operator or a peer may cause. Anything else that is thrown is a bug.
 *
 * Protocol outcomes are values (`Reply`, `Decision`, `Outcome`), never exceptions; an exception is I/O that
 * failed or a mistake of ours. Messages read "Cannot X: what was found, what is allowed".
 */
export class OperationalError extends Error {
  override readonly name = 'OperationalError';
  /** Stable and machine-readable, for logs and `--json`: `deadline`, `store_full`, `connection_lost` … */
  readonly code: string;

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** The text of anything thrown, for a log line. Never sent to a peer. */
export function describeError(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const cause = thrown.cause === undefined ? '' : `: ${describeError(thrown.cause)}`;
  return `${thrown.message}${cause}`;
}
