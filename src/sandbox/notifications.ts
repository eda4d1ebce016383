import type { CapabilityError } from '../ocp/capability.ts';
import {
  NOTIFICATION_LIMIT,
  notificationSchema,
  notifyRefusal,
  notifyRequestSchema,
  type Notification,
  type NotifyLeave,
} from '../ocp/notice.ts';
import { readRequest } from './capabilities/request.ts';
import { readText } from './host-state.ts';

/** The notices and incidents that one call proposes (`ocp/notice.ts`). None is made here: that is done when the call has succeeded. */
export class Notifications {
  readonly proposed: Notification[] = [];
  readonly #leave: NotifyLeave;

  constructor(leave: NotifyLeave) {
    this.#leave = leave;
  }

  /** Keeps what a request asks for, or says why not. */
  propose(request: Uint8Array): { readonly error: CapabilityError; readonly cause: string } | undefined {
    const read = readRequest(request, notifyRequestSchema);
    if (!('fields' in read)) return read;
    const { fields, body } = read;
    if (fields.kind === 'incident' && body.length > 0)
      return { error: 'INVALID', cause: 'an incident is its line alone' };
    const text = readText(body);
    if (text === undefined) return { error: 'INVALID', cause: 'the text of the notice is not UTF-8' };
    const notification = notificationSchema.parse(fields.kind === 'notice' ? { ...fields, text } : fields);
    const refusal = notifyRefusal(notification, this.#leave);
    if (refusal !== undefined) return { error: 'DENIED', cause: refusal };
    if (this.proposed.length >= NOTIFICATION_LIMIT)
      return { error: 'LIMIT', cause: `a call may propose ${NOTIFICATION_LIMIT} at most` };
    this.proposed.push(notification);
    return undefined;
  }
}
