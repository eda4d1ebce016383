import { isAscii } from './address.ts';
import { encodeWords } from './encoded-word.ts';
import type { HeaderIndex } from './header-index.ts';
import { isProblem, type Problem, type Splice } from './image.ts';
import { trimSpace } from './text.ts';

/**
 * Composes header fields, and the splices that add, insert, change and remove them.
 *
 * A name is 1 to 100 printable ASCII characters but the colon (RFC 5322 section 2.2). A value is at most
 * 65,536 characters without CR, LF and NUL; white space around it goes. Long values are folded before white space that they have, at 76 characters where possible;
 * no line may pass 998 octets (section 2.1.1), so a longer word is a problem, not a broken field. Words beyond ASCII
 * become encoded words (RFC 2047), since the message may meet a host without SMTPUTF8; only `smtputf8` leaves them as
 * UTF-8 (RFC 6532). Encoded words are for text and display names: an address or a parameter beyond ASCII has to be
 * given already encoded.
 */
export interface FieldOptions {
  /** The message travels with SMTPUTF8: UTF-8 stays as it is. */
  readonly smtputf8: boolean;
}

export interface FieldText {
  readonly name: string;
  readonly value: string;
}

const NAME = /^[!-9;-~]{1,100}$/;
const VALUE_LIMIT = 64 * 1024;
/** RFC 2047 section 2 allows a line with an encoded word 76 characters, RFC 5322 any other 78. */
const LINE_GOAL = 76;
const LINE_LIMIT = 998;

/** The field as octets, folded, with its CRLF. */
export function composeField(field: FieldText, options: FieldOptions): Uint8Array | Problem {
  const { name } = field;
  if (!NAME.test(name)) {
    return {
      problem: `Cannot compose a header field: ${JSON.stringify(name.slice(0, 100))} is no field name`,
    };
  }
  if (field.value.length > VALUE_LIMIT) {
    return {
      problem: `Cannot compose header field ${name}: ${field.value.length} characters, at most ${VALUE_LIMIT}`,
    };
  }
  // oxlint-disable-next-line no-control-regex -- these characters are what this refuses
  if (/[\u0000\r\n\p{Surrogate}]/u.test(field.value)) {
    return { problem: `Cannot compose header field ${name}: CR, LF, NUL or a lone surrogate in its value` };
  }
  const words = splitWords(trimSpace(field.value));
  const lines = fold(name, options.smtputf8 ? words : encodeNonAscii(name, words));
  const longest = lines.reduce((length, line) => Math.max(length, Buffer.byteLength(line)), 0);
  if (longest > LINE_LIMIT) {
    return {
      problem: `Cannot compose header field ${name}: a line of ${longest} octets, at most ${LINE_LIMIT} allowed`,
    };
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n`);
}

/** Adds a field after the last. */
export function addField(header: HeaderIndex, field: Uint8Array): Splice {
  return { offset: header.end, remove: 0, bytes: afterLineEnd(header, field) };
}

/** Inserts a field before field `index`; the number of fields as index adds it after the last. */
export function insertField(
  header: HeaderIndex,
  edit: { index: number; field: Uint8Array },
): Splice | Problem {
  if (edit.index === header.fields.length) return addField(header, edit.field);
  const place = header.fields[edit.index];
  if (place === undefined) return noSuchField(header, edit.index);
  return { offset: place.start, remove: 0, bytes: edit.field };
}

/** Gives field `index` another value; its name stays as it was written. */
export function changeField(
  header: HeaderIndex,
  edit: { index: number; value: string } & FieldOptions,
): Splice | Problem {
  const place = header.fields[edit.index];
  if (place === undefined) return noSuchField(header, edit.index);
  const field = composeField({ name: header.name(edit.index)!, value: edit.value }, edit);
  if (isProblem(field)) return field;
  return { offset: place.start, remove: place.end - place.start, bytes: field };
}

/** Removes field `index` with all its lines. */
export function removeField(header: HeaderIndex, index: number): Splice | Problem {
  const place = header.fields[index];
  if (place === undefined) return noSuchField(header, index);
  return { offset: place.start, remove: place.end - place.start, bytes: new Uint8Array(0) };
}

function noSuchField(header: HeaderIndex, index: number): Problem {
  return {
    problem: `Cannot edit header field ${index}: the message has ${header.fields.length}, counted from 0`,
  };
}

/** A message may end inside its last field; what comes after that must not become part of it. */
function afterLineEnd(header: HeaderIndex, field: Uint8Array): Uint8Array {
  const last = header.bytes.at(-1);
  return last === undefined || last === 10 ? field : Buffer.concat([Buffer.from('\r\n'), field]);
}

/** A word with the white space before it. */
interface Word {
  readonly space: string;
  readonly text: string;
}

function splitWords(value: string): Word[] {
  return Array.from(value.matchAll(/([ \t]*)([^ \t]+)/g), ([, space = '', text = '']) => ({ space, text }));
}

// Neighbours are encoded together, with the white space between them: a reader drops white space between encoded words.
function encodeNonAscii(name: string, words: readonly Word[]): Word[] {
  // Short enough to stand behind the name.
  const limit = Math.min(75, Math.max(40, LINE_GOAL - name.length - ': '.length));
  const result: Word[] = [];
  let run: Word | undefined;
  const flush = (): void => {
    if (run === undefined) return;
    const { space } = run;
    const [first = '', ...others] = encodeWords(run.text, limit).split(' ');
    result.push({ space, text: first }, ...others.map((text) => ({ space: ' ', text })));
    run = undefined;
  };
  for (const word of words) {
    if (isAscii(word.text)) {
      flush();
      result.push(word);
    } else {
      run = run === undefined ? word : { space: run.space, text: run.text + word.space + word.text };
    }
  }
  flush();
  return result;
}

/** Breaks lines before white space only, never before the first word and never into a line of white space. */
function fold(name: string, words: readonly Word[]): string[] {
  const lines: string[] = [];
  let line = `${name}:`;
  for (const [index, { space, text }] of words.entries()) {
    const lead = index === 0 ? ' ' : space;
    if (index > 0 && line.length + lead.length + text.length > LINE_GOAL) {
      lines.push(line);
      line = '';
    }
    line += lead + text;
  }
  return [...lines, line];
}
