import type { CapabilityError } from '../ocp/capability.ts';
import {
  NOTIFICATION_LIMIT,
  notifyRefusal,
  readNotification,
  type Notification,
  type NotifyLeave,
} from '../ocp/notice.ts';
import { isProblem, type Problem } from '../mail/image.ts';
import { splitRequest, type RequestRead } from './capabilities/request.ts';
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
    const split = splitRequest(request);
    if (!('fields' in split)) return split;
    const notification = notificationIn(split);
    if (isProblem(notification)) return { error: 'INVALID', cause: notification.problem };
    const refusal = notifyRefusal(notification, this.#leave);
    if (refusal !== undefined) return { error: 'DENIED', cause: refusal };
    if (this.proposed.length >= NOTIFICATION_LIMIT)
      return { error: 'LIMIT', cause: `a call may propose ${NOTIFICATION_LIMIT} at most` };
    this.proposed.push(notification);
    return undefined;
  }
}

/** The text of a notice comes after the line; an incident is its line alone. */
function notificationIn({ fields, body }: RequestRead<unknown>): Notification | Problem {
  const text = readText(body);
  if (text === undefined) return { problem: 'the text is not UTF-8' };
  const isNotice =
    typeof fields === 'object' && fields !== null && 'kind' in fields && fields.kind === 'notice';
  if (!isNotice)
    return text === '' ? readNotification(fields) : { problem: 'only a notice has a text after its line' };
  return 'text' in fields
    ? { problem: 'the text of a notice comes after its line' }
    : readNotification({ ...fields, text });
}
