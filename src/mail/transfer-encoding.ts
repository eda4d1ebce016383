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

/** RFC 2045 section 6.7 (5) and 6.8: an encoded line has at most 76 characters. */
const ENCODED_LINE_LIMIT = 76;

/** A text in any charset that has ASCII inside it. Its line ends become CRLF. */
export function encodeText(text: Uint8Array): EncodedBody {
  const canonical = toCrlf(text);
  if (isPlain(canonical)) return { encoding: '7bit', bytes: Buffer.from(canonical, 'latin1') };
  const quoted = encodeQuotedPrintable(canonical);
  const base64 = encodeBase64(Buffer.from(canonical, 'latin1'));
  return quoted.length <= base64.bytes.length
    ? { encoding: 'quoted-printable', bytes: Buffer.from(quoted, 'latin1') }
    : base64;
}

/** Octets that are no text: nothing in them may change. */
export function encodeBinary(octets: Uint8Array): EncodedBody {
  return encodeBase64(octets);
}

/** Octets that are encoded at once, whole lines of them: a large body is never a list of all of its lines. */
const STEP = (ENCODED_LINE_LIMIT / 4) * 3 * 1024;

function encodeBase64(octets: Uint8Array): EncodedBody {
  const whole = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
  const pieces: Buffer[] = [];
  for (let at = 0; at < whole.length; at += STEP) {
    const lines = whole.toString('base64', at, at + STEP).replaceAll(/.{76}(?=.)/g, '$&\r\n');
    pieces.push(Buffer.from(at === 0 ? lines : `\r\n${lines}`, 'latin1'));
  }
  return { encoding: 'base64', bytes: Buffer.concat(pieces) };
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

function encodeQuotedPrintable(text: string): string {
  return text.split('\r\n').map(encodeLine).join('\r\n');
}

function encodeLine(line: string): string {
  let result = '';
  let length = 0;
  for (let i = 0; i < line.length; i++) {
    const last = i === line.length - 1;
    let encoded = encodeOctet(line[i]!, { first: length === 0, last });
    // One column stays free for the `=` of a soft line break, unless the line ends here.
    if (length + encoded.length > (last ? ENCODED_LINE_LIMIT : ENCODED_LINE_LIMIT - 1)) {
      result += '=\r\n';
      length = 0;
      encoded = encodeOctet(line[i]!, { first: true, last });
    }
    result += encoded;
    length += encoded.length;
  }
  return result;
}

function encodeOctet(char: string, place: { first: boolean; last: boolean }): string {
  const space = char === ' ' || char === '\t';
  const plain = space ? !place.last : /^[!-<>-~]$/.test(char) && !(char === '-' && place.first);
  return plain ? char : `=${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}
