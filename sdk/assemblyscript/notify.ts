import { isGrantedHere, question } from './answer';
import { JsonObject } from './json-writer';
import { notify } from './ocp_smtp_v1';
import { DENIED, LIMIT, must } from './result';
import { encodeUtf8 } from './utf8';

/**
 * Notices by mail, at stage `message`, and incidents, at every stage, as far as the operator grants them (capability `notify`). They are
 * proposed like an edit: nothing comes of them if the call fails, or if its service is in `monitor`. False: not allowed, or
 * more than a call may propose; that does not end the call. Control characters become spaces, and what is too long is cut.
 */
export namespace Notify {
  /** Whether the operator grants any of it. For what the manifest has as optional. */
  export function isGranted(): bool {
    return isGrantedHere('notify');
  }

  export function sender(subject: string, text: string): bool {
    return notice('sender', subject, text);
  }

  /** Each of the recipients that this service is asked about. */
  export function recipients(subject: string, text: string): bool {
    return notice('recipients', subject, text);
  }

  export function postmaster(subject: string, text: string): bool {
    return notice('postmaster', subject, text);
  }

  /** `severity` is `info notice warning error critical`, `event` what happened, as a program finds it: `virus-found`. */
  export function incident(
    severity: string,
    event: string,
    text: string,
    fields: JsonObject | null = null,
  ): bool {
    const request = new JsonObject()
      .text('kind', 'incident')
      .text('severity', severity)
      .text('event', event)
      .text('text', text);
    if (fields !== null) request.json('fields', fields.toString());
    return propose(question(request), 'report the incident "' + event + '"');
  }

  /** `to` is `sender recipients postmaster`: for those that a setting names. */
  export function notice(to: string, subject: string, text: string): bool {
    const request = new JsonObject().text('kind', 'notice').text('to', to).text('subject', subject);
    return propose(question(request, encodeUtf8(text)), 'give notice to "' + to + '"');
  }
}

function propose(request: Uint8Array, what: string): bool {
  const result = notify(request.dataStart, request.length);
  if (result == DENIED || result == LIMIT) return false;
  must(result, what);
  return true;
}
