import { createEncoder } from './part-encoder.ts';

/**
 * Encodes a body that Postern composes for the way (RFC 2045 section 6): as it is where that is safe, else in whichever of
 * quoted-printable and base64 is shorter. No line of the result starts with `--`, so that none can be taken for the delimiter of
 * a multipart around it. The result is ASCII in CRLF lines, without a line end after the last line
 * unless the body had one.
 */
export interface EncodedBody {
  readonly encoding: '7bit' | 'quoted-printable' | 'base64';
  readonly bytes: Uint8Array;
}

/** A text in any charset that has ASCII inside it. Its line ends become CRLF. */
export function encodeText(text: Uint8Array): EncodedBody {
  const canonical = toCrlf(text);
  if (isPlain(canonical)) return { encoding: '7bit', bytes: Buffer.from(canonical, 'latin1') };
  const octets = Buffer.from(canonical, 'latin1');
  const [quoted, base64] = [encodeAs('quoted-printable', octets), encodeAs('base64', octets)];
  return quoted.bytes.length <= base64.bytes.length ? quoted : base64;
}

/** Octets that are no text: nothing in them may change. */
export function encodeBinary(octets: Uint8Array): EncodedBody {
  return encodeAs('base64', octets);
}

function encodeAs(encoding: 'quoted-printable' | 'base64', octets: Uint8Array): EncodedBody {
  return { encoding, bytes: createEncoder(encoding).encode(octets, true) };
}

/** One character an octet. */
function toCrlf(text: Uint8Array): string {
  const octets = Buffer.from(text.buffer, text.byteOffset, text.byteLength);
  return octets.toString('latin1').replace(/\r\n|\r|\n/g, '\r\n');
}

// What passes every relay unchanged: printable ASCII, short lines, no white space at a line's end. (A dot alone on a line is safe: whoever sends the message stuffs it.)
function isPlain(text: string): boolean {
  return (
    /^[\t\r\n -~]*$/.test(text) &&
    text.split('\r\n').every((line) => line.length <= 78 && !/^--|[ \t]$/.test(line))
  );
}
