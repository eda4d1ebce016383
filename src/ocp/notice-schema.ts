import { z } from 'zod';
import { isProblem } from '../mail/image.ts';
import { readNotification, type Notification } from './notice.ts';

/** A notice or an incident where a schema is asked for. */
export const notificationSchema = z.unknown().transform((value, context): Notification => {
  const read = readNotification(value);
  if (!isProblem(read)) return read;
  context.addIssue({ code: 'custom', message: read.problem });
  return z.NEVER;
});
