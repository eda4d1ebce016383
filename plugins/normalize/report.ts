import { Decision } from '../../sdk/assemblyscript';
import { actionOf, OFF, refusesUnmendable, REJECT } from './policy';
import { Section } from './body/section';

/** What the rules found in the message. */
export class Report {
  private mended: string[] = [];
  /** Found where a signature covers it. */
  private kept: string[] = [];
  private unmendable: string[] = [];
  private refusal: string = '';

  /** A rule found something there: whether it is to mend it. `what` ends the sentence of a refusal. */
  mends(rule: string, section: Section, what: string): bool {
    const action = actionOf(rule);
    if (action == OFF) return false;
    if (action == REJECT) this.refuse(rule, what);
    else if (section.isSealed) note(this.kept, rule);
    else {
      note(this.mended, rule);
      return true;
    }
    return false;
  }

  /** A rule found something there that can't be mended. */
  cannotMend(rule: string, what: string): void {
    const action = actionOf(rule);
    if (action == OFF) return;
    if (action == REJECT || refusesUnmendable()) this.refuse(rule, what);
    else note(this.unmendable, rule);
  }

  get isRefused(): bool {
    return this.refusal.length > 0;
  }

  decision(): Decision {
    const decision = new Decision();
    if (this.isRefused) {
      return decision.reject(554, '5.6.0', 'Message is malformed: ' + this.refusal).reason(this.refusal);
    }
    if (this.mended.length > 0) decision.tag('normalize', this.mended.join(' '));
    if (this.kept.length > 0) decision.tag('normalize-kept', this.kept.join(' '));
    if (this.unmendable.length > 0) decision.tag('normalize-unmendable', this.unmendable.join(' '));
    return decision;
  }

  private refuse(rule: string, what: string): void {
    if (this.refusal.length == 0) this.refusal = what + ' (' + rule + ')';
  }
}

function note(rules: string[], rule: string): void {
  if (!rules.includes(rule)) rules.push(rule);
}
