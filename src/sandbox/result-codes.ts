/** Negative results of the calls of `ocp_smtp_v1` (`sdk/ABI.md`). */
export const INVALID = -1;
export const NOT_FOUND = -2;
export const DENIED = -3;
export const LIMIT = -4;
export const UNAVAILABLE = -5;
