import { z } from 'zod';
import { meterReading } from '../ocp/meter-reading.ts';
import { STAGES } from '../ocp/stage.ts';

/** The answers of the control socket. Whoever asks reads them through these schemas: the server may be of another version. */

export const reloadAnswer = z.object({
  /** False: the config was refused, and the old one goes on. */
  applied: z.boolean(),
  /** Why it was refused; or, if it was applied, what of it does not work. One line each, with file and place where there is one. */
  problems: z.array(z.string()).readonly(),
});
export type ReloadAnswer = z.infer<typeof reloadAnswer>;

const openBreaker = z.object({
  stage: z.enum(STAGES),
  /** In a row. */
  failures: z.int(),
  /** How the last of them failed. */
  failure: z.string(),
  cause: z.string(),
  /** Milliseconds since it opened. */
  openMs: z.number(),
  /** Milliseconds until the next call goes through as a probe. */
  probeInMs: z.number(),
});

export const serviceStatus = z.object({
  service: z.string(),
  /** As the config has it. */
  plugin: z.string(),
  /** Of the plugin that is loaded: the path or name that was found, `sha256:…`, and `vendor/name@version` if it has a manifest. */
  where: z.string().optional(),
  digest: z.string().optional(),
  package: z.string().optional(),
  enabled: z.boolean(),
  mode: z.enum(['enforce', 'monitor']),
  /** As the config has it. In `monitor` changes are proposed, and counted, without. */
  allowModify: z.boolean(),
  isolation: z.enum(['thread', 'process']),
  groups: z.array(z.string()).readonly(),
  /** Those that are open. */
  breakers: z.array(openBreaker).readonly(),
  /** What was counted; absent for one that has been disabled since the start. */
  reading: meterReading.optional(),
});
export type ServiceStatus = z.infer<typeof serviceStatus>;

export const servicesAnswer = z.object({
  /** Of the server. */
  pid: z.int(),
  /** Milliseconds since the epoch. */
  startedAt: z.number(),
  /** The config file that it reads, links followed. */
  file: z.string(),
  services: z.array(serviceStatus).readonly(),
});
export type ServicesAnswer = z.infer<typeof servicesAnswer>;

/** With every status but 200. */
export const errorAnswer = z.object({ error: z.string() });
