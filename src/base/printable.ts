/**
 * Text of others' making, for people's eyes. None of it may steer a terminal or pretend to be another line: controls, and what
 * changes the direction of the text around it.
 */
// oxlint-disable-next-line no-control-regex -- control characters are what this finds
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** The text with each unsafe character replaced by `?`. */
export const printable = (text: string): string => text.replace(UNSAFE, '?');

/** The text with each unsafe character as JSON escapes it, so that nothing of it is lost. */
export const escaped = (text: string): string =>
  text.replace(UNSAFE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** Whether there is nothing in it to replace. */
export const isPrintable = (text: string): boolean => printable(text) === text;

/** Characters of a name that are shown. */
const NAME_LENGTH = 200;

/** A name between quotes, cut if it is long. */
export const quotedName = (name: string): string =>
  `"${printable(name.length > NAME_LENGTH ? `${name.slice(0, NAME_LENGTH)}…` : name)}"`;
