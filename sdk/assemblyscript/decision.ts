import { writeOutput } from './extism';
import { JsonList, JsonObject, quote } from './json-writer';

/**
 * What the plugin proposes: `sdk/ABI.md`, "Decisions". `decide(new Decision())` is "nothing to say".
 *
 * Texts often quote what a sender chose (file names, addresses). Control characters in them become spaces and what is
 * too long is cut, so that nobody can turn a decision into a failure by the name of an attachment.
 */
export class Decision {
  private members: JsonObject = new JsonObject();
  private recipientList: RecipientDecision[] = [];
  private added: JsonList = new JsonList();
  private tags: JsonObject = new JsonObject();
  private hasTags: bool = false;

  /** 5xx now. `enhanced` is an enhanced status code such as `5.7.1`, '' for none. */
  reject(code: i32, enhanced: string, text: string): Decision {
    return this.verdict('reject').member('reply', replyJson(code, enhanced, text));
  }

  /** 4xx now. */
  tempfail(code: i32, enhanced: string, text: string): Decision {
    return this.verdict('tempfail').member('reply', replyJson(code, enhanced, text));
  }

  /** 250, and the mail is dropped. */
  discard(): Decision {
    return this.verdict('discard');
  }

  /** 250, and the mail is held. */
  quarantine(): Decision {
    return this.verdict('quarantine');
  }

  /** 250, and the sender gets a non-delivery notice. */
  bounce(): Decision {
    return this.verdict('bounce');
  }

  /** Skips the services after this one. */
  final(): Decision {
    return this.member('final', 'true');
  }

  /** Closes the session after the reply. */
  disconnect(): Decision {
    return this.member('disconnect', 'true');
  }

  /** At `helo`, `mail` and `rcpt`: the value to go on with. */
  rewrite(value: string): Decision {
    return this.member('rewrite', quote(value));
  }

  /** At `data` and `message`: another reverse-path; '' is the null one. */
  sender(address: string): Decision {
    return this.member('sender', quote(address));
  }

  /** What is proposed for one recipient that the facts named. */
  recipient(address: string): RecipientDecision {
    const decision = new RecipientDecision(address);
    this.recipientList.push(decision);
    return decision;
  }

  /** At `data` and `message`: a further recipient, not shown to the client. */
  addRecipient(address: string): Decision {
    this.added.text(address);
    return this;
  }

  /** The name of a configured downstream. */
  nextHop(name: string): Decision {
    return this.member('nextHop', quote(name));
  }

  /** Advice for the store: the folder that the message belongs in. */
  folder(name: string): Decision {
    return this.member('folder', quote(name));
  }

  /** Shown to later services, and logged. */
  tag(name: string, value: string): Decision {
    this.tags.text(line(name, 64), line(value, 512));
    this.hasTags = true;
    return this;
  }

  /** Added to what earlier services said. */
  score(points: f64): Decision {
    if (!isFinite(points)) throw new Error('Cannot use a score that is not finite');
    return this.member('score', points.toString());
  }

  /** Why, for the quarantine list and the log. */
  reason(text: string): Decision {
    return this.member('reason', quote(line(text, 400)));
  }

  toString(): string {
    const all = new JsonObject(this.members);
    if (this.recipientList.length > 0) {
      const list = new JsonList();
      for (let i = 0; i < this.recipientList.length; i++) list.json(this.recipientList[i].toString());
      all.json('recipients', list.toString());
    }
    if (this.added.length > 0) all.json('addRecipients', this.added.toString());
    if (this.hasTags) all.json('tags', this.tags.toString());
    return all.toString();
  }

  private verdict(verdict: string): Decision {
    return this.member('verdict', quote(verdict));
  }

  private member(name: string, json: string): Decision {
    this.members.json(name, json);
    return this;
  }
}

/** What is proposed for one recipient. */
export class RecipientDecision {
  private members: JsonObject = new JsonObject();

  constructor(address: string) {
    this.members.text('address', address);
  }

  reject(code: i32, enhanced: string, text: string): RecipientDecision {
    return this.member('verdict', '"reject"').member('reply', replyJson(code, enhanced, text));
  }

  tempfail(code: i32, enhanced: string, text: string): RecipientDecision {
    return this.member('verdict', '"tempfail"').member('reply', replyJson(code, enhanced, text));
  }

  discard(): RecipientDecision {
    return this.member('verdict', '"discard"');
  }

  quarantine(): RecipientDecision {
    return this.member('verdict', '"quarantine"');
  }

  bounce(): RecipientDecision {
    return this.member('verdict', '"bounce"');
  }

  /** Goes to these addresses instead; to nobody if there are none. */
  replace(addresses: string[]): RecipientDecision {
    const list = new JsonList();
    for (let i = 0; i < addresses.length; i++) list.text(addresses[i]);
    return this.member('replace', list.toString());
  }

  nextHop(name: string): RecipientDecision {
    return this.member('nextHop', quote(name));
  }

  folder(name: string): RecipientDecision {
    return this.member('folder', quote(name));
  }

  toString(): string {
    return this.members.toString();
  }

  private member(name: string, json: string): RecipientDecision {
    this.members.json(name, json);
    return this;
  }
}

/** Ends an `on_…` export: hands the decision to the host. */
export function decide(decision: Decision): i32 {
  writeOutput(decision.toString());
  return 0;
}

function replyJson(code: i32, enhanced: string, text: string): string {
  const reply = new JsonObject().integer('code', code);
  if (enhanced.length > 0) reply.text('enhanced', enhanced);
  return reply.text('text', line(text, 400)).toString();
}

/** At most `limit` characters on one line. */
function line(text: string, limit: i32): string {
  const size = min(text.length, limit);
  const units = new StaticArray<u16>(size);
  for (let i = 0; i < size; i++) {
    const unit = text.charCodeAt(i);
    unchecked((units[i] = <u16>(unit < 0x20 || unit == 0x7f ? 0x20 : unit)));
  }
  return String.UTF16.decodeUnsafe(changetype<usize>(units), size << 1);
}
