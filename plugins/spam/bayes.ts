import { Table } from './table';

/** Messages of either kind that must have been learnt before anything is said. */
const LEAST: i32 = 50;
/** A token counts that is so far from saying nothing, and of those the strongest. */
const STRENGTH: f64 = 0.1;
const TOKENS: i32 = 150;
/** How much a token that was never seen is believed to say nothing. */
const DOUBT: f64 = 0.45;

/**
 * How likely a message with these tokens is spam, from 0 to 1, 0.5 if nothing is known: Robinson's way, with Fisher's test of how
 * unlikely it is that tokens of the other kind come together like this.
 */
export function likelihood(table: Table, places: Uint16Array): f64 {
  const spam = table.messages(true);
  const other = table.messages(false);
  if (spam < LEAST || other < LEAST) return 0.5;
  const found: f64[] = [];
  for (let i = 0; i < places.length; i++) {
    const inSpam = table.count(places[i], true);
    const inOther = table.count(places[i], false);
    const count = inSpam + inOther;
    if (count == 0) continue;
    const spamPart: f64 = <f64>inSpam / spam;
    const likely = spamPart / (spamPart + <f64>inOther / other);
    const believed = (DOUBT * 0.5 + count * likely) / (DOUBT + count);
    if (Math.abs(believed - 0.5) >= STRENGTH) found.push(believed);
  }
  found.sort((a, b) => {
    const difference = Math.abs(b - 0.5) - Math.abs(a - 0.5);
    return difference > 0 ? 1 : difference < 0 ? -1 : 0;
  });
  const count = min(found.length, TOKENS);
  if (count == 0) return 0.5;
  let logSpam: f64 = 0;
  let logOther: f64 = 0;
  for (let i = 0; i < count; i++) {
    logSpam += Math.log(found[i]);
    logOther += Math.log(1 - found[i]);
  }
  return (1 + chance(-2 * logSpam, count) - chance(-2 * logOther, count)) / 2;
}

/** That chi-square of 2 × `pairs` degrees of freedom is at least so large. */
function chance(square: f64, pairs: i32): f64 {
  const half = square / 2;
  let term = Math.exp(-half);
  let sum = term;
  for (let i = 1; i < pairs; i++) {
    term *= half / i;
    sum += term;
  }
  return Math.min(1, sum);
}
