import { decodeExtended, parseFieldParams, textParam } from './field-params.ts';
import { decodeWords } from './encoded-word.ts';

/**
 * What the parameters of one field may mean to readers that are not as strict, or strict in another way: of a
 * parameter given twice the last one, one behind an open quote or a missing semicolon, a plain value beside an extended one, segments
 * out of order. A filter that judges one reading only is passed by a message that shows another one to its reader.
 */
const CLAIM =
  /(?<![\w-])(name|filename|boundary)(?:\*\d{1,5})?(\*?)[ \t]*=[ \t]*(?:"([^"\\]*(?:\\.[^"\\]*)*)"|([^;\s]+))/gi;

/** Past so many the field can't be honest. */
const CLAIM_LIMIT = 20;

/** Every different file name that an unfolded field may give, the regular reading first; at most 21. */
export function claimedNames(field: string, parameter: 'name' | 'filename'): string[] {
  if (!field.includes('=')) return [];
  const params = parseFieldParams(field);
  const names = new Set([textParam(params, parameter)]);
  const segments: { at: number; text: string; encoded: boolean }[] = [];
  for (const [key, { text }] of params.given) {
    if (names.size > CLAIM_LIMIT) break;
    const [name, ...marks] = key.split('*');
    if (name !== parameter) continue;
    const encoded = marks.at(-1) === '';
    if (marks.length > 0 && marks[0] !== '') segments.push({ at: Number(marks[0]), text, encoded });
    else names.add(encoded ? decodeExtended([{ text, encoded }]) : decodeWords(text));
  }
  if (segments.length > 0) names.add(decodeExtended(segments.toSorted((a, b) => a.at - b.at)));
  for (const [, key = '', mark, quoted, bare] of field.matchAll(CLAIM)) {
    if (names.size > CLAIM_LIMIT) break;
    const text = quoted?.replace(/\\(.)/g, '$1') ?? bare ?? '';
    if (key.toLowerCase() === 'boundary' || segments.length > 0) continue;
    names.add(mark === '*' ? decodeExtended([{ text, encoded: true }]) : decodeWords(text));
  }
  names.delete('');
  return [...names];
}

/** Whether readers may disagree about the boundary that this Content-Type gives. */
export function claimsOtherBoundary(field: string, boundary: string): boolean {
  const { given } = parseFieldParams(field);
  for (const [key, { text }] of given) {
    if (key.startsWith('boundary*') || (key === 'boundary' && text.trimEnd() !== boundary)) return true;
  }
  for (const [, key = '', , quoted, bare] of field.matchAll(CLAIM)) {
    const text = quoted?.replace(/\\(.)/g, '$1') ?? bare ?? '';
    if (key.toLowerCase() === 'boundary' && text.trimEnd() !== boundary) return true;
  }
  return false;
}
