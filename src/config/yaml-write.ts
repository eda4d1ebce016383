import { parse } from 'yaml';
import { isRecord, type RawRecord } from './raw.ts';

/** Writing plain values as YAML into a text that somebody else has laid out. */

/** How the text around writes: block style, flow style, or JSON, which is flow style with every text in double quotes. */
export type Style = 'block' | 'flow' | 'json';

/** `{ plugin: journal, mode: monitor }`: one line, whatever it is. */
export function inline(value: unknown, style: Style = 'flow'): string {
  if (Array.isArray(value)) return `[${value.map((item) => inline(item, style)).join(', ')}]`;
  if (isRecord(value)) {
    const pairs = Object.entries(value).map((pair) => inlinePair(pair, style));
    return pairs.length === 0 ? '{}' : style === 'json' ? `{${pairs.join(',')}}` : `{ ${pairs.join(', ')} }`;
  }
  return scalar(value, style);
}

export function inlinePair([key, value]: readonly [string, unknown], style: Style): string {
  return `${scalar(key, style)}:${style === 'json' ? '' : ' '}${inline(value, style)}`;
}

/** Longer maps and lists than this go over several lines. */
const LONGEST_INLINE = 80;

/** A key with its value as lines without indentation of their own; what is short inside stays on one line. */
export function lines([key, value]: readonly [string, unknown]): string[] {
  const head = `${scalar(key, 'block')}:`;
  return isSpread(value) ? [head, ...spread(value)] : [`${head} ${inline(value)}`];
}

// A map at the outermost level is spread in any case, for whoever edits it next.
function spread(value: RawRecord | readonly unknown[]): string[] {
  if (Array.isArray(value)) return value.map((item) => `  - ${inline(item)}`);
  return Object.entries(value).flatMap((pair) => {
    const short = inlinePair(pair, 'flow');
    return (short.length > LONGEST_INLINE ? lines(pair) : [short]).map((line) => `  ${line}`);
  });
}

function isSpread(value: unknown): value is RawRecord | readonly unknown[] {
  if (Array.isArray(value)) return inline(value).length > LONGEST_INLINE;
  return isRecord(value) && Object.keys(value).length > 0;
}

// Plain only what is surely a text in every place and for every reader; anything else as in JSON, which YAML includes.
const PLAIN = /^[A-Za-z./](?:[\w./@+:-]*[\w./+-])?$/;

function scalar(value: unknown, style: Style): string {
  if (style !== 'json' && typeof value === 'string' && PLAIN.test(value) && parse(value) === value)
    return value;
  return JSON.stringify(value ?? null);
}
