import { foldCase } from '../../../sdk/assemblyscript';

/** One parameter of a structured field. */
export class Param {
  /** In lower case: `charset`, `filename*0*`. */
  name: string;
  /** As it is written, quotes included. */
  raw: string;

  constructor(name: string, raw: string) {
    this.name = name;
    this.raw = raw;
  }

  /** Without its quotes; of an unquoted one up to white space. */
  get text(): string {
    if (!this.raw.startsWith('"')) {
      const end = endOfWord(this.raw);
      return this.raw.substring(0, end);
    }
    const kept: string[] = [];
    for (let i = 1; i < this.raw.length && this.raw.charAt(i) != '"'; i++) {
      if (this.raw.charAt(i) == '\\' && i + 1 < this.raw.length) i++;
      kept.push(this.raw.charAt(i));
    }
    return kept.join('');
  }

  get isOpen(): bool {
    if (!this.raw.startsWith('"')) return false;
    let i = 1;
    while (i < this.raw.length && this.raw.charAt(i) != '"') i += this.raw.charAt(i) == '\\' ? 2 : 1;
    return i >= this.raw.length;
  }
}

function endOfWord(text: string): i32 {
  for (let i = 0; i < text.length; i++) {
    if (text.charAt(i) == ' ' || text.charAt(i) == '\t' || text.charAt(i) == '(') return i;
  }
  return text.length;
}

/** A Content-Type or Content-Disposition: its value and its parameters, read as tolerantly as mail clients do. */
export class Params {
  /** Before the first semicolon, as it is written. */
  head: string = '';
  list: Param[] = [];

  constructor(value: string) {
    const pieces = split(value);
    this.head = pieces[0];
    for (let i = 1; i < pieces.length; i++) {
      const equals = pieces[i].indexOf('=');
      if (equals < 0) continue;
      const name = foldCase(withoutComments(pieces[i].substring(0, equals)).trim());
      this.list.push(new Param(name, pieces[i].substring(equals + 1).trim()));
    }
  }

  /** The first of that name. */
  find(name: string): Param | null {
    for (let i = 0; i < this.list.length; i++) {
      if (this.list[i].name == name) return this.list[i];
    }
    return null;
  }

  /** '' if there is none. */
  text(name: string): string {
    const param = this.find(name);
    return param === null ? '' : param.text;
  }

  /** In the place of all of that name, also those in RFC 2231's forms; at the end if there is none. */
  set(name: string, raw: string): void {
    let done = false;
    const kept: Param[] = [];
    for (let i = 0; i < this.list.length; i++) {
      const own = this.list[i].name;
      if (own != name && !own.startsWith(name + '*')) kept.push(this.list[i]);
      else if (!done) {
        kept.push(new Param(raw.startsWith("utf-8''") ? name + '*' : name, raw));
        done = true;
      }
    }
    if (!done) kept.push(new Param(raw.startsWith("utf-8''") ? name + '*' : name, raw));
    this.list = kept;
  }

  has(name: string): bool {
    for (let i = 0; i < this.list.length; i++) {
      const own = this.list[i].name;
      if (own == name || own.startsWith(name + '*')) return true;
    }
    return false;
  }

  /** A field with this value, folded, with its line end. */
  field(name: string): string {
    const lines: string[] = [];
    let line = name + ': ' + this.head;
    for (let i = 0; i < this.list.length; i++) {
      const param = this.list[i];
      const piece = ' ' + param.name + '=' + param.raw + (param.isOpen ? '"' : '');
      line += ';';
      if (line.length + piece.length > 76) {
        lines.push(line);
        line = '';
      }
      line += piece;
    }
    lines.push(line);
    return lines.join('\r\n') + '\r\n';
  }
}

/** At the semicolons outside quotes; each piece trimmed. */
function split(value: string): string[] {
  const pieces: string[] = [];
  let from = 0;
  let quoted = false;
  for (let i = 0; i < value.length; i++) {
    const unit = value.charCodeAt(i);
    if (quoted && unit == 0x5c) i++;
    else if (unit == 0x22) quoted = !quoted;
    else if (unit == 0x3b && !quoted) {
      pieces.push(value.substring(from, i).trim());
      from = i + 1;
    }
  }
  pieces.push(value.substring(from).trim());
  return pieces;
}

/** Comments nest (RFC 5322 section 3.2.2). */
export function withoutComments(text: string): string {
  if (!text.includes('(')) return text;
  const kept: string[] = [];
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charAt(i);
    if (unit == '\\' && depth > 0) i++;
    else if (unit == '(') depth++;
    else if (unit == ')' && depth > 0) depth--;
    else if (depth == 0) kept.push(unit);
  }
  return kept.join('');
}

/** A quoted-string of a text in ASCII. */
export function quoted(text: string): string {
  return '"' + text.replaceAll('\\', '\\\\').replaceAll('"', '\\"') + '"';
}
