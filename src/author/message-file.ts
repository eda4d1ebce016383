import { readFile } from 'node:fs/promises';
import { describeError, OperationalError } from '../base/errors.ts';

const LF = 10;
const CR = 13;

/**
 * A message from a file. Its lines may end as editors and version control leave them: a bare LF becomes CRLF, as messages have it on
 * the wire. Throws an OperationalError if it can't be read.
 */
export async function readMessage(path: string): Promise<Uint8Array> {
  let octets: Uint8Array;
  try {
    octets = await readFile(path);
  } catch (error) {
    throw new OperationalError('message', `Cannot read the message ${path}: ${describeError(error)}`);
  }
  return withLineEnds(octets);
}

function withLineEnds(octets: Uint8Array): Uint8Array {
  let bare = 0;
  for (let at = octets.indexOf(LF); at !== -1; at = octets.indexOf(LF, at + 1)) {
    if (octets[at - 1] !== CR) bare++;
  }
  if (bare === 0) return octets;
  const whole = new Uint8Array(octets.length + bare);
  let end = 0;
  for (const [at, octet] of octets.entries()) {
    if (octet === LF && octets[at - 1] !== CR) whole[end++] = CR;
    whole[end++] = octet;
  }
  return whole;
}
