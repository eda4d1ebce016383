/**
 * What Postern logs through. pino's logger fits; a folder below `cli/` never names pino.
 * No message content and no credentials ever go into a log line.
 */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Drops everything. For tests and for tools that print their own results. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
