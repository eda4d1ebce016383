import { domainOf, localPartOf } from './address';
import { Json, JsonKind } from './json';
import { quote } from './json-writer';
import { parseNetwork } from './network';
import { settings } from './settings';

/**
 * Checks settings and says what is wrong in one sentence: the key, what was found, what is allowed. The first problem
 * is kept. A value that is missing passes every check but `required`.
 */
export class Check {
  value: Json;
  path: string;
  private root: Check | null;
  private found: string = '';

  constructor(value: Json, path: string, root: Check | null = null) {
    this.value = value;
    this.path = path;
    this.root = root;
  }

  /** Of the whole settings, which must be an object with no other keys than these. */
  static settings(keys: string[]): Check {
    const check = new Check(settings(), 'settings');
    check.object(keys);
    return check;
  }

  /** '' while nothing is wrong. */
  get problem(): string {
    const root = this.root;
    return root === null ? this.found : root.problem;
  }

  get(key: string): Check {
    const path = this.root === null ? key : this.path + '.' + key;
    return new Check(this.value.get(key), path, this.top());
  }

  /** An item of a list, or the value of an object's member. */
  at(index: i32): Check {
    const place = this.value.isObject ? quote(this.value.nameAt(index)) : index.toString();
    return new Check(this.value.at(index), this.path + '[' + place + ']', this.top());
  }

  /** Keeps "Cannot use <key>: found <value>, <allowed>". */
  refuse(allowed: string): void {
    const top = this.top();
    if (top.found.length == 0) {
      top.found = 'Cannot use ' + this.path + ': found ' + describe(this.value) + ', ' + allowed;
    }
  }

  required(allowed: string): Check {
    if (this.value.isMissing) this.refuse(allowed);
    return this;
  }

  /** An object, whatever its keys. */
  members(): Check {
    if (!this.value.isMissing && !this.value.isObject) this.refuse('allowed is an object');
    return this;
  }

  /** An object with no other keys than these. */
  object(keys: string[]): Check {
    const value = this.members().value;
    for (let i = 0; value.isObject && i < value.length; i++) {
      if (keys.includes(value.nameAt(i))) continue;
      const allowed = keys.length == 0 ? 'there are no settings' : 'allowed keys are ' + keys.join(', ');
      this.get(value.nameAt(i)).refuse(allowed);
    }
    return this;
  }

  list(): Check {
    if (!this.value.isMissing && !this.value.isList) this.refuse('allowed is a list');
    return this;
  }

  /** A text of 1 to `limit` characters, none of them a control character. */
  text(limit: i32): Check {
    if (this.value.isMissing) return this;
    const text = this.value.text();
    if (!this.value.isText || text.length == 0 || text.length > limit || hasControl(text)) {
      this.refuse('allowed is a text of 1 to ' + limit.toString() + ' characters on one line');
    }
    return this;
  }

  /** A text of 1 to `limit` characters that may have several lines. */
  lines(limit: i32): Check {
    const text = this.value.text();
    if (!this.value.isMissing && (text.length == 0 || text.length > limit)) {
      this.refuse('allowed is a text of 1 to ' + limit.toString() + ' characters');
    }
    return this;
  }

  /** A text, or a list of them. */
  texts(limit: i32): Check {
    if (!this.value.isList) return this.text(limit);
    for (let i = 0; i < this.value.length; i++) this.at(i).text(limit);
    return this;
  }

  /** A pattern for addresses in their normal form (`anyAddressMatches`), or a list of them. */
  addresses(limit: i32): Check {
    this.texts(limit);
    const list = this.value;
    if (list.isText) checkComparable(this, list.text());
    for (let i = 0; list.isList && i < list.length; i++) checkComparable(this.at(i), list.at(i).text());
    return this;
  }

  /** An IP address or a network (`inNetworks`), or a list of them. */
  networks(limit: i32): Check {
    this.texts(limit);
    if (!this.value.isList) return this.network();
    for (let i = 0; i < this.value.length; i++) this.at(i).network();
    return this;
  }

  private network(): Check {
    if (this.value.isText && parseNetwork(this.value.text()) === null) {
      this.refuse('allowed are IP addresses and CIDR networks such as 192.0.2.0/24 or 2001:db8::/32');
    }
    return this;
  }

  /** One of these texts, or a list of them. */
  anyOf(allowed: string[]): Check {
    if (!this.value.isList) return this.oneOf(allowed);
    for (let i = 0; i < this.value.length; i++) this.at(i).oneOf(allowed);
    return this;
  }

  oneOf(allowed: string[]): Check {
    if (this.value.isMissing) return this;
    if (!this.value.isText || !allowed.includes(this.value.text())) {
      this.refuse('allowed are ' + allowed.join(', '));
    }
    return this;
  }

  bool(): Check {
    const kind = this.value.kind;
    if (kind != JsonKind.Missing && kind != JsonKind.Bool) this.refuse('allowed are true and false');
    return this;
  }

  /** A whole number within the range, both ends included. */
  integer(from: i32, to: i32): Check {
    if (this.value.isMissing) return this;
    const number = this.value.integer(i32.MIN_VALUE);
    if (number < from || number > to) {
      this.refuse('allowed is a whole number from ' + from.toString() + ' to ' + to.toString());
    }
    return this;
  }

  /** Any number within the range, both ends included. */
  number(from: f64, to: f64): Check {
    if (this.value.isMissing) return this;
    const number = this.value.number(NaN);
    if (!(number >= from && number <= to)) {
      this.refuse('allowed is a number from ' + from.toString() + ' to ' + to.toString());
    }
    return this;
  }

  /** An enhanced status code (RFC 3463 section 2) of a class, `4` or `5`. */
  enhanced(kind: string): Check {
    if (!this.value.isMissing && !isEnhanced(this.value.text(), kind)) {
      this.refuse('allowed is an enhanced status code of the action, such as ' + kind + '.7.1');
    }
    return this;
  }

  private top(): Check {
    const root = this.root;
    return root === null ? this : root;
  }
}

/**
 * Refuses an address in settings that no normal form in the facts can be equal to: needless quotes, a domain beyond ASCII.
 * Case is not judged: fold it.
 */
export function checkComparable(check: Check, address: string): void {
  const local = localPartOf(address);
  if (!isAscii(domainOf(address)))
    check.refuse('allowed are domains in A-labels, such as xn--bcher-kva.example');
  if (local.length > 2 && local.startsWith('"') && isDotAtom(local.substring(1, local.length - 1))) {
    check.refuse('allowed is this local part without the quotes, which it does not need');
  }
}

function isAscii(text: string): bool {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) return false;
  }
  return true;
}

/** RFC 5321 section 4.1.2: `Dot-string`, as far as quotes go. */
function isDotAtom(text: string): bool {
  if (text.startsWith('.') || text.endsWith('.') || text.includes('..')) return false;
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) <= 0x20 || '()<>[]:;@\\,"'.includes(text.charAt(i))) return false;
  }
  return true;
}

function describe(value: Json): string {
  if (value.isMissing) return 'nothing';
  if (value.isList) return 'a list';
  if (value.isObject) return 'an object';
  if (!value.isText) return value.raw;
  return quote(value.raw.length > 60 ? value.raw.substring(0, 60) + '…' : value.raw);
}

function hasControl(text: string): bool {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x20 || unit == 0x7f) return true;
  }
  return false;
}

/** Class, subject and detail, the latter of 1 to 3 digits. */
function isEnhanced(text: string, kind: string): bool {
  const parts = text.split('.');
  return parts.length == 3 && parts[0] == kind && isShortNumber(parts[1]) && isShortNumber(parts[2]);
}

function isShortNumber(text: string): bool {
  if (text.length < 1 || text.length > 3) return false;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x30 || unit > 0x39) return false;
  }
  return true;
}
