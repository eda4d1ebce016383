import assert from 'node:assert/strict';
import { decodeWords, encodeWords } from '../../../src/mail/encoded-word.ts';
import { parseFieldParams, textParam, tokenParam } from '../../../src/mail/field-params.ts';
import { claimedNames, claimsOtherBoundary } from '../../../src/mail/claims.ts';
import { latin1 } from '../octets.ts';
import type { Target } from '../target.ts';

/** `mail/encoded-word.ts`, `mail/field-params.ts` and `mail/claims.ts`: text and parameters in fields. */
export const decoded: Target = {
  name: 'decoded',
  words: [
    '=?utf-8?q?',
    '=?iso-8859-1?b?',
    '?=',
    '=C3=BC',
    'w7w=',
    "filename*=utf-8''%C3%BC",
    'filename*0=',
    'filename*1*=',
    '; ',
    '"',
    '\\',
    '(',
    ')',
    'ü',
    '🙂',
    '=?x*de?Q?',
  ],
  properties: {
    'encoded words have at most 75 characters of ASCII, and decode to the text'(octets) {
      const text = octets.toString('utf8');
      for (const limit of [40, 75]) {
        const words = encodeWords(text, limit);
        for (const word of words.split(' ')) {
          assert.ok(word.length <= limit, word);
          assert.match(word, /^=\?utf-8\?[qb]\?[!->@-~]*\?=$/);
        }
        assert.equal(decodeWords(words), text);
      }
    },
    'decoding ends, gives text, and leaves ASCII without encoded words as it is'(octets) {
      const value = latin1(octets);
      const text = decodeWords(value);
      assert.ok(!/\p{Surrogate}/u.test(text));
      if (/^[\0-\x7F]*$/.test(value) && !value.includes('=?')) assert.equal(text, value);
    },
    'parameters are read as they are given, the first of each name'(octets) {
      const value = latin1(octets);
      const field = parseFieldParams(value);
      assert.equal(field.value, field.value.toLowerCase());
      assert.equal(field.params.size, new Set(field.given.map(([name]) => name)).size);
      for (const [name, param] of field.params) {
        assert.deepEqual(param, field.given.find(([other]) => other === name)![1]);
        assert.ok(param.text.length <= value.length);
        assert.ok(tokenParam(field, name).length <= param.text.length);
        assert.equal(typeof textParam(field, name), 'string');
      }
      assert.ok(textParam(field, 'filename').length <= value.length);
    },
    'every name that a reader may find is found, whatever else is there'(octets) {
      const value = latin1(octets);
      for (const name of claimedNames(value, 'filename')) assert.ok(name.length <= value.length);
      const field = parseFieldParams(value);
      assert.equal(typeof claimsOtherBoundary(value, tokenParam(field, 'boundary')), 'boolean');
    },
  },
};
