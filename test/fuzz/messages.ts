/** What the threads say to each other. */

export interface FuzzOptions {
  readonly seed: number;
  /** Of new inputs, after all seeds and kept cases have been run; 0 for none. */
  readonly seconds: number;
}

export interface WorkerData extends FuzzOptions {
  readonly target: string;
  readonly shared: SharedArrayBuffer;
}

/** Of a target that held. */
export interface Figures {
  /** New inputs, each put to every property. */
  readonly runs: number;
  /** Seeds and cases. */
  readonly kept: number;
  /** Octets in the heap and beside it after collection that were not there after the first round. */
  readonly growth: number;
  /** Milliseconds of the input that took longest. */
  readonly slowest: number;
}

export interface Failure {
  readonly property: string;
  readonly message: string;
  readonly octets: Uint8Array;
  /** Finds it again; absent if it was a kept file that failed. */
  readonly seed?: number;
  /** The kept file that failed. */
  readonly file?: string;
}

export type Report = { readonly held: Figures } | { readonly failure: Failure };
