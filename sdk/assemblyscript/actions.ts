import { Check } from './check';
import { Decision } from './decision';
import { facts } from './facts';
import { Json } from './json';
import { JsonObject } from './json-writer';
import { log } from './log';
import { markSubject, warnInBody } from './marking';
import { Message } from './message';
import { Notify } from './notify';
import { oneLine } from './one-line';
import { Part } from './part';

/** A part of the message that a filter has something against. */
export class Finding {
  part: Part;
  /** What people know the part by: one line, never empty. Whose it is made of a sender's text: `oneLine`. */
  label: string;
  reason: string;
  /** As incidents name it: `blocked-attachment`, the name of a virus. */
  what: string;

  constructor(part: Part, label: string, reason: string, what: string) {
    this.part = part;
    const name = oneLine(label);
    this.label = name.length > 0 ? name : 'without a name';
    this.reason = reason;
    this.what = what;
  }
}

/** What the actions say where the settings do not. `{name}` and `{reason}` are filled in. */
export class ActionTexts {
  /** What the actions are about, for replies and subjects: `Attachment not accepted`. */
  title: string = '';
  replaceText: string = '';
  subjectTag: string = '';
  warnText: string = '';
  /** The name of the field that `header` adds. */
  header: string = '';
  /** `event` of incidents. */
  event: string = '';
}

const ACTIONS: string[] = ['replace', 'mark', 'warn', 'header', 'quarantine', 'reject'];
const WHOM: string[] = ['sender', 'recipients', 'postmaster'];
/** Of fields, and of findings that a notice names; a message can hold thousands of parts. */
const NAMED_LIMIT: i32 = 20;

/**
 * What is done about findings, as RFC 4496 section 4.1 lists it, by the settings `action replaceText subjectTag warnText notify incident`.
 * A key that is absent is as in `base`, else as by default.
 */
export class Actions {
  /** The settings' keys. */
  static keys: string[] = ['action', 'replaceText', 'subjectTag', 'warnText', 'notify', 'incident'];

  private actions: string[];
  private whom: string[];
  private isIncident: bool;
  private texts: ActionTexts;

  constructor(json: Json, texts: ActionTexts, base: Actions | null = null) {
    const filled = new ActionTexts();
    const before = base === null ? texts : base.texts;
    filled.title = texts.title;
    filled.header = texts.header;
    filled.event = texts.event;
    filled.replaceText = json.get('replaceText').text(before.replaceText);
    filled.subjectTag = json.get('subjectTag').text(before.subjectTag);
    filled.warnText = json.get('warnText').text(before.warnText);
    this.texts = filled;
    const action = json.get('action');
    this.actions = action.isMissing ? (base === null ? ['replace'] : base.actions) : action.texts();
    const notify = json.get('notify');
    this.whom = notify.isMissing ? (base === null ? [] : base.whom) : notify.texts();
    this.isIncident = json.get('incident').bool(base !== null && base.isIncident);
  }

  static check(check: Check): void {
    check.get('replaceText').lines(4000);
    check.get('subjectTag').text(100);
    check.get('warnText').lines(4000);
    check.get('notify').anyOf(WHOM);
    check.get('incident').bool();
    const action = check.get('action').anyOf(ACTIONS);
    const actions = action.value.texts();
    if (actions.includes('reject') && actions.length > 1) {
      action.refuse('but what is rejected goes nowhere: "reject" stands alone');
    }
    if (!action.value.isMissing && actions.length == 0) action.refuse('allowed are ' + ACTIONS.join(', '));
  }

  does(action: string): bool {
    return this.actions.includes(action);
  }

  /** What becomes of the parts, for tags and headers. */
  get outcome(): string {
    return this.does('replace') ? 'removed' : this.does('reject') ? 'rejected' : 'found';
  }

  /** All that changes the message. `parts` are all of them; call it once, also without findings. */
  edit(findings: Finding[], parts: Part[]): void {
    this.removeForged();
    if (findings.length == 0) return;
    const replaced: Part[] = [];
    for (let i = 0; this.does('replace') && i < findings.length; i++) {
      this.replace(findings[i]);
      replaced.push(findings[i].part);
    }
    this.label(findings, parts, replaced);
  }

  /** Where `header` adds a field, those of that name that came with the message go. True if they did: once is enough. */
  removeForged(): bool {
    if (this.does('header')) Message.headerRemoveAll(this.texts.header);
    return this.does('header');
  }

  /** The part becomes the text. Parts in one another can't both be replaced. */
  replace(finding: Finding): void {
    finding.part.replace('text/plain; charset=utf-8', fill(this.texts.replaceText, finding));
  }

  /** What changes the message besides: subject, warning and header. `done` are those that are not to be done again. */
  label(findings: Finding[], parts: Part[], replaced: Part[], done: string[] = []): void {
    if (this.isNext('mark', done)) markSubject(this.texts.subjectTag);
    if (this.isNext('warn', done)) warnInBody(fill(this.texts.warnText, findings[0]), parts, replaced);
    if (!this.isNext('header', done)) return;
    for (let i = 0; i < min(findings.length, NAMED_LIMIT); i++) {
      const label = findings[i].label;
      const reason = findings[i].reason;
      Message.headerAdd(this.texts.header, this.outcome + '; name="' + label + '"; ' + reason);
    }
  }

  private isNext(action: string, done: string[]): bool {
    if (!this.does(action) || done.includes(action)) return false;
    done.push(action);
    return true;
  }

  /** The verdict for all, or only for the recipients that are given, of those that the service is asked about. */
  decide(findings: Finding[], decision: Decision, recipients: string[] = []): void {
    const text = this.texts.title + ': ' + findings[0].label + ': ' + findings[0].reason;
    for (let i = 0; i < recipients.length; i++) {
      if (this.does('reject')) decision.recipient(recipients[i]).reject(554, '5.7.1', text);
      else if (this.does('quarantine')) decision.recipient(recipients[i]).quarantine();
    }
    if (recipients.length > 0) return;
    if (this.does('reject')) decision.reject(554, '5.7.1', text);
    else if (this.does('quarantine')) decision.quarantine();
  }

  /** Notices and incidents. */
  report(findings: Finding[]): void {
    for (let i = 0; i < this.whom.length; i++) {
      const isSent = Notify.notice(this.whom[i], this.texts.title, this.noticeText(findings));
      if (!isSent) log.warn('the operator does not grant a notice to ' + this.whom[i]);
    }
    for (let i = 0; this.isIncident && i < min(findings.length, NAMED_LIMIT); i++) {
      const label = findings[i].label;
      const reason = findings[i].reason;
      const what = findings[i].what;
      const fields = new JsonObject().text('what', what).text('name', label).text('outcome', this.outcome);
      if (Notify.incident('warning', this.texts.event, label + ': ' + reason, fields)) continue;
      log.warn('the operator does not grant incidents, or no more of them');
      break;
    }
  }

  /** The same for all who read it, so it names no recipients: some may be hidden from the others. The host adds those whom a reader may see. */
  private noticeText(findings: Finding[]): string {
    const about = facts();
    const lines: string[] = [this.texts.title + '.', ''];
    lines.push('From: ' + (about.sender.length == 0 ? '<>' : about.sender));
    const subject = Message.header('Subject');
    if (subject !== null) lines.push('Subject: ' + subject);
    lines.push('');
    for (let i = 0; i < min(findings.length, NAMED_LIMIT); i++) {
      lines.push('- ' + findings[i].label + ' (' + this.outcome + '): ' + findings[i].reason);
    }
    if (findings.length > NAMED_LIMIT)
      lines.push('- and ' + (findings.length - NAMED_LIMIT).toString() + ' more');
    return lines.join('\n');
  }
}

function fill(text: string, finding: Finding): string {
  return text.replaceAll('{name}', finding.label).replaceAll('{reason}', finding.reason);
}
