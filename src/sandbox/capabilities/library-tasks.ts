/**
 * What the threads of `library-threads.ts` can do: the work of libraries that take long or hold the event loop, such as hashing and encrypting
 * whole messages. Each is loaded when it is first asked for. Input and output are plain data that can cross to another thread.
 */
// As a method, so that each task can name the type of its own input: whoever calls it is the same program.
export type LibraryTask = { run(input: unknown): Promise<unknown> }['run'];

export const LIBRARY_TASKS = {
  partTable: async () => (await import('./task-part-table.ts')).runPartTable,
  verifyMessage: async () => (await import('./task-verify-message.ts')).runVerifyMessage,
  dkimSign: async () => (await import('./task-sign.ts')).runDkimSign,
  arcSeal: async () => (await import('./task-sign.ts')).runArcSeal,
  table: async () => (await import('./task-table.ts')).runTable,
  secureMail: async () => (await import('./task-secure-mail.ts')).runSecureMail,
} as const satisfies Readonly<Record<string, () => Promise<LibraryTask>>>;

export interface LibraryCall {
  readonly task: string;
  readonly input: unknown;
}

/** `fault` is in words; it may quote what a stranger sent. */
export type LibraryAnswer = { readonly output: unknown } | { readonly fault: string };
