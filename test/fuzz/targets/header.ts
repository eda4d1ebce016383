import assert from 'node:assert/strict';
import { decodeWords } from '../../../src/mail/encoded-word.ts';
import {
  addField,
  changeField,
  composeField,
  insertField,
  removeField,
} from '../../../src/mail/header-edit.ts';
import { indexHeader, readHeader, type HeaderIndex } from '../../../src/mail/header-index.ts';
import { isProblem, type Problem, type Splice } from '../../../src/mail/image.ts';
import { trimSpace } from '../../../src/mail/text.ts';
import { latin1 } from '../octets.ts';
import { sourceOf } from '../source.ts';
import type { Target } from '../target.ts';

/** Name and value of each field. */
const fieldsOf = (header: HeaderIndex): string[][] =>
  header.fields.map((_, index) => [header.name(index)!, header.value(index)!]);

function edited(octets: Buffer, splice: Splice | Problem): string[][] {
  assert.ok(!isProblem(splice));
  const { offset, remove, bytes } = splice;
  return fieldsOf(
    indexHeader(Buffer.concat([octets.subarray(0, offset), bytes, octets.subarray(offset + remove)])),
  );
}

/** `mail/header-index.ts` and `mail/header-edit.ts`: fields, and what is done to them. */
export const header: Target = {
  name: 'header',
  words: [
    'Subject: ',
    'a:',
    ':',
    ' :',
    '\r\n ',
    '\r\n\t',
    '\r\n\r\n',
    '\n\n',
    '\r\r\n',
    '=?utf-8?q?',
    '?=',
    'ü',
    'X'.repeat(80),
  ],
  properties: {
    'fields follow one another without a gap from the first octet to the end, and their parts nest'(octets) {
      const index = indexHeader(octets);
      let position = 0;
      for (const [at, field] of index.fields.entries()) {
        assert.equal(field.start, position);
        const { start, nameEnd, valueStart, valueEnd, end } = field;
        assert.ok(start < nameEnd && nameEnd < valueStart && valueStart <= valueEnd && valueEnd <= end);
        assert.match(index.name(at)!, /^[!-9;-~]+$/);
        assert.ok(index.named(index.name(at)!.toUpperCase()).includes(at));
        position = end;
      }
      assert.equal(index.end, position);
      assert.ok(index.bodyStart >= index.end && index.bodyStart <= octets.length);
      assert.equal(index.bodyStart > index.end, index.ending === 'emptyLine');
      assert.match(latin1(octets.subarray(index.end, index.bodyStart)), /^(?:\r?\n)?$/);
    },
    'an index of what was cut off has the same fields as far as it goes'(octets) {
      const whole = indexHeader(octets);
      for (const share of [0.1, 0.5, 0.9]) {
        const cut = octets.subarray(0, Math.floor(octets.length * share));
        const { fields } = indexHeader(cut, { more: true });
        assert.deepEqual(fields, whole.fields.slice(0, fields.length));
      }
      assert.deepEqual(fieldsOf(readHeader(sourceOf(octets))), fieldsOf(whole));
    },
    'an edit changes the field that it is about and no other'(octets) {
      const index = indexHeader(octets);
      const fields = fieldsOf(index);
      // A first line that begins with a space would continue a field above it: the gate puts an empty line before that
      // (proxy/header-check.ts). A CR at the very end is the half of a line end.
      if (index.ending === 'limit' || /^[ \t]|\r$/.test(latin1(octets))) return;
      const added = composeField({ name: 'X-Added', value: 'a b' }, { smtputf8: false });
      assert.ok(!isProblem(added));
      const one = ['X-Added', 'a b'];
      assert.deepEqual(edited(octets, addField(index, added)), [...fields, one]);
      for (const at of [0, Math.floor(fields.length / 2), fields.length - 1]) {
        if (at < 0 || at >= fields.length) continue;
        assert.deepEqual(
          edited(octets, insertField(index, { index: at, field: added })),
          fields.toSpliced(at, 0, one),
        );
        assert.deepEqual(edited(octets, removeField(index, at)), fields.toSpliced(at, 1));
        const changed = changeField(index, { index: at, value: 'new', smtputf8: false });
        const [name] = fields[at]!;
        if (name!.length > 100) assert.ok(isProblem(changed));
        else assert.deepEqual(edited(octets, changed), fields.toSpliced(at, 1, [name!, 'new']));
      }
    },
    'a composed field is CRLF lines of at most 998 octets, one field, and reads as what was given'(octets) {
      const value = octets.toString('utf8');
      for (const smtputf8 of [true, false]) {
        const field = composeField({ name: 'Subject', value }, { smtputf8 });
        if (isProblem(field)) {
          assert.match(field.problem, /^[ -~]+$/);
          continue;
        }
        const text = latin1(field);
        const all = text.split('\r\n');
        assert.equal(all.pop(), '');
        for (const line of all)
          assert.ok(line.length <= 998 && !/[\r\n\0]/.test(line) && /[^ \t]/.test(line));
        if (!smtputf8) assert.match(text, /^[\0-\x7F]*$/);
        const index = indexHeader(field);
        assert.deepEqual([index.fields.length, index.end], [1, field.length]);
        // What looks like an encoded word is decoded as one, whoever wrote it.
        if (!value.includes('=?')) assert.equal(decodeWords(index.value(0)!), trimSpace(value));
      }
    },
  },
};
