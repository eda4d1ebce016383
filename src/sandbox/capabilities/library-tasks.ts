/**
 * What the threads of `library-threads.ts` can do: the work of libraries that take long or hold the event loop, such as hashing and encrypting
 * whole messages. Each is loaded when it is first asked for. Input and output are plain data that can cross to another thread.
 */
export const LIBRARY_TASKS = {
  partTable: async () => (await import('./task-part-table.ts')).runPartTable,
  convert: async () => (await import('./task-convert.ts')).runConvert,
  verifyMessage: async () => (await import('./task-verify-message.ts')).runVerifyMessage,
  dkimSign: async () => (await import('./task-sign.ts')).runDkimSign,
  arcSeal: async () => (await import('./task-sign.ts')).runArcSeal,
  table: async () => (await import('./task-table.ts')).runTable,
  secureMail: async () => (await import('./task-secure-mail.ts')).runSecureMail,
};

export type TaskName = keyof typeof LIBRARY_TASKS;
type Task<Name extends TaskName> = Awaited<ReturnType<(typeof LIBRARY_TASKS)[Name]>>;
type Input<Name extends TaskName> = Parameters<Task<Name>>[0];
type Output<Name extends TaskName> = Awaited<ReturnType<Task<Name>>>;

/** The same table, in a form in which the name of a task ties what it takes to what it gives. */
export type LibraryTasks = {
  readonly [Name in TaskName]: () => Promise<(input: Input<Name>) => Promise<Output<Name>>>;
};

export interface LibraryCall<Name extends TaskName = TaskName> {
  readonly task: Name;
  readonly input: Input<Name>;
}

/** `fault` is in words; it may quote what a stranger sent. */
export type LibraryAnswer<Name extends TaskName = TaskName> =
  { readonly output: Output<Name> } | { readonly fault: string };
