/** Without spaces and tabs at both ends. Not `trim`: that would take octets of other charsets (0xA0, 0x85) for white space. */
export function trimSpace(text: string): string {
  // Not a regular expression: `[ \t]+$` takes quadratic time on a long run of spaces that is not at the end.
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

export const isSpace = (octet: number | undefined): boolean => octet === 32 || octet === 9;

/** Control characters and Unicode's line ends, which could forge a line in a header, a reply or a log. */
// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
const CONTROLS = new RegExp(CONTROL, 'g');

export const hasControl = (text: string): boolean => CONTROL.test(text);

/** The text with `substitute` in the place of every control character. */
export const replaceControls = (text: string, substitute: string): string =>
  text.replace(CONTROLS, substitute);
