import assert from 'node:assert/strict';
import { createDecoder, type Decoder } from '../../../src/mail/part-decoder.ts';
import { createEncoder } from '../../../src/mail/part-encoder.ts';
import { encodeText } from '../../../src/mail/transfer-encoding.ts';
import { chunkings, latin1, octetsOf } from '../octets.ts';
import type { Target } from '../target.ts';

const ENCODINGS = ['base64', 'quoted-printable'] as const;

function run(coder: (octets: Uint8Array, last: boolean) => Uint8Array, chunks: readonly Buffer[]): string {
  const pieces = chunks.map((chunk) => latin1(coder(chunk, false)));
  return pieces.join('') + latin1(coder(new Uint8Array(0), true));
}

const decoding = (decoder: Decoder) => (octets: Uint8Array, last: boolean) => {
  const result = decoder.decode(octets, last);
  assert.ok(result.length <= octets.length + 1000);
  return result;
};

/** `mail/part-decoder.ts` and `mail/part-encoder.ts`: Content-Transfer-Encoding. */
export const parts: Target = {
  name: 'parts',
  words: [
    '=',
    '==',
    '=\r\n',
    '= \r\n',
    '=C3',
    '=c3',
    ' \r\n',
    '\t',
    'Zm9v',
    'Zg==',
    'From ',
    '.',
    '--',
    '\r\n--',
    '\x80',
  ],
  properties: {
    'decoding does not depend on the chunks'(octets) {
      // A run of white space that is longer may be cut: the decoder holds no more of it.
      if (/[ \t]{900}/.test(latin1(octets))) return;
      for (const encoding of ENCODINGS) {
        const [whole, ...others] = chunkings(octets).map((chunks) =>
          run(decoding(createDecoder(encoding)), chunks),
        );
        for (const other of others) assert.equal(other, whole);
      }
    },
    'encoding does not depend on the chunks, has short lines of ASCII that are no delimiters, and decodes to the same'(
      octets,
    ) {
      for (const encoding of ENCODINGS) {
        const all = chunkings(octets).map((chunks) => {
          const encoder = createEncoder(encoding);
          return run((piece, last) => encoder.encode(piece, last), chunks);
        });
        const [whole] = all;
        for (const other of all) assert.equal(other, whole);
        for (const line of whole!.split('\r\n')) {
          assert.ok(
            line.length <= 76 && /^[ -~\t]*$/.test(line) && !line.startsWith('--') && !/[ \t]$/.test(line),
          );
        }
        assert.equal(latin1(createDecoder(encoding).decode(octetsOf(whole!), true)), latin1(octets));
      }
    },
    'text that is encoded decodes to the same text with CRLF lines'(octets) {
      const { encoding, bytes } = encodeText(octets);
      assert.match(latin1(bytes), /^[\t\r\n -~]*$/);
      assert.ok(!/^--/m.test(latin1(bytes)));
      const text = latin1(createDecoder(encoding).decode(bytes, true));
      assert.equal(text, latin1(octets).replace(/\r\n|\r|\n/g, '\r\n'));
    },
  },
};
