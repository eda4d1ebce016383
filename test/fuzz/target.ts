import type fc from 'fast-check';

/**
 * Something that reads what strangers write. Its input is octets and nothing else, so that a case is a file that anyone can read, send
 * and keep. What a run needs besides, such as where the octets are cut into chunks, follows from them.
 */
export interface Target {
  /** Names its folders in `seeds/` and `cases/`. */
  readonly name: string;
  /** What its format is made of: what the mutator puts into seeds. */
  readonly words: readonly string[];
  /** Octets made by the format's rules, beside the seeds and what becomes of them. */
  readonly made?: fc.Arbitrary<Uint8Array>;
  /** Name, which says what holds, and the check, which throws where it does not. An exception of the code under test breaks it too. */
  readonly properties: Readonly<Record<string, (octets: Buffer) => void | Promise<void>>>;
  /** Frees what the properties share: servers, directories. */
  readonly end?: () => Promise<void>;
}
