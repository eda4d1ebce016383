/** Something that takes mail and passes it on to the sink. */
export interface System {
  readonly name: string;
  /** Where it takes mail. */
  readonly port: number;
  /** Its processes, without those below them. */
  readonly roots: readonly number[];
  /** Messages in a run: about four seconds' worth. */
  readonly messages: number;
}
