import { z } from 'zod';

/** The answers of the control socket. Whoever asks reads them through these schemas: the server may be of another version. */

export const reloadAnswer = z.object({
  /** False: the config was refused, and the old one goes on. */
  applied: z.boolean(),
  /** Why it was refused; or, if it was applied, what of it does not work. One line each, with file and place where there is one. */
  problems: z.array(z.string()).readonly(),
});
export type ReloadAnswer = z.infer<typeof reloadAnswer>;

/** With every status but 200. */
export const errorAnswer = z.object({ error: z.string() });
