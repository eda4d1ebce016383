import type { Splice } from '../mail/image.ts';
import type { Notification, NotifyLeave } from '../ocp/notice.ts';
import type { CalloutState } from '../ocp/service.ts';
import { Call } from './call.ts';
import { Edits } from './edits.ts';
import type { GuestRunner } from './guest.ts';
import type { HostLine } from './host-line.ts';
import type { Guest } from './instances.ts';
import type { LogLine } from './logbook.ts';
import type { MessageView } from './message-view.ts';
import { Notifications } from './notifications.ts';
import { StateDraft } from './state-draft.ts';

/** What a call leaves behind, before anything of it counts (`judge.ts`). */
export interface Said {
  /** Why the call failed. */
  readonly fault: string | undefined;
  /** Which capability was out of order, and why, if one was. */
  readonly outage: string | undefined;
  readonly output: Uint8Array | undefined;
  readonly logs: readonly LogLine[];
  /** Octets of memory that the instance had at its end. */
  readonly memoryBytes: number;
  /** Octets of the message that it was given. */
  readonly readBytes: number;
  readonly splices: readonly Splice[];
  readonly notifications: readonly Notification[];
  /** All of its state, if it set any. */
  readonly state: CalloutState[string] | undefined;
}

export interface GuestCall extends Guest {
  readonly exportName: string;
  /** The facts as JSON. */
  readonly input: Uint8Array;
  readonly view: MessageView | undefined;
  /** The transaction has it (RFC 6531). */
  readonly smtputf8: boolean;
  /** What the service has kept so far. */
  readonly state: CalloutState[string] | undefined;
  readonly line: HostLine;
  /** The capability `clock` is granted. */
  readonly knowsTime: boolean;
  /** What of `notify` is granted at this stage. */
  readonly notify: NotifyLeave | undefined;
}

/** Calls a plugin's export. Nothing that the plugin does makes this throw. */
export async function callGuest(guests: GuestRunner, asked: GuestCall): Promise<Said> {
  const { service, exportName, input, view, smtputf8, line, knowsTime } = asked;
  const edits = view !== undefined && service.allowModify ? new Edits(service.limits.addedBytes) : undefined;
  const notifications = asked.notify && new Notifications(asked.notify);
  const state = new StateDraft(asked.state);
  const call = new Call({
    limits: service.limits,
    settings: Buffer.from(JSON.stringify(service.settings)),
    input,
    ...(view && { view }),
    ...(edits && { edits }),
    ...(notifications && { notifications }),
    smtputf8,
    state,
    line,
    knowsTime,
  });
  const fault = await guests.run(asked, { exportName, call });
  return {
    fault,
    outage: call.outage,
    output: call.output,
    logs: call.log.lines(),
    memoryBytes: call.memoryBytes,
    readBytes: call.readBytes,
    splices: edits?.splices ?? [],
    notifications: notifications?.proposed ?? [],
    state: state.changed,
  };
}

/** Lets a plugin check settings. Of what it leaves behind, output and fault have a meaning. */
export async function callConfigure(
  guests: GuestRunner,
  asked: Guest,
): Promise<Pick<Said, 'fault' | 'output'>> {
  const { limits, settings } = asked.service;
  const input = Buffer.from(JSON.stringify(settings));
  const call = new Call({ limits, settings: input, input, smtputf8: false });
  const fault = await guests.runOnce(asked, { exportName: 'configure', call });
  return { fault, output: call.output };
}
