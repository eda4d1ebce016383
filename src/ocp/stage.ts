/**
 * The points in the dialog where services are asked, in the order of a session; `report` comes afterwards, one-way.
 * (RFC 4496 section 4: the use cases name the commands at which a callout must be possible.)
 */
export const STAGES = [
  'connect',
  'helo',
  'starttls',
  'auth',
  'mail',
  'rcpt',
  'data',
  'message',
  'report',
] as const;

export type Stage = (typeof STAGES)[number];

/** The export that a plugin has to have to be asked at a stage: `on_connect`, `on_helo` … */
export const exportOf = (stage: Stage): `on_${Stage}` => `on_${stage}`;
