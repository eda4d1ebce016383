import assert from 'node:assert/strict';
import { canonicalEntity, readAll } from '../../../src/mail/canonical-entity.ts';
import { convertedOctets } from '../../../src/mail/conversion-octets.ts';
import { planConversion } from '../../../src/mail/conversion.ts';
import { isAscii } from '../../../src/mail/address.ts';
import { applySplices, imageOf, isProblem } from '../../../src/mail/image.ts';
import { SyncImageReader } from '../../../src/mail/image-reader.ts';
import { indexMime, MIME_DEPTH_LIMIT, MIME_PART_LIMIT, type MimePart } from '../../../src/mail/mime-index.ts';
import { replacePart } from '../../../src/mail/part-edit.ts';
import { PartReader } from '../../../src/mail/part-reader.ts';
import { openSpool, spoolOf, type SyncByteSource } from '../../../src/base/spool.ts';
import { latin1 } from '../octets.ts';
import { sourceOf, unevenSource } from '../source.ts';
import type { Target } from '../target.ts';

const bodyOf = ({ offset, headerSize, size }: MimePart): [number, number] => [
  offset + headerSize,
  offset + headerSize + size,
];

/** Leaves, decoded. */
function leavesOf(source: SyncByteSource, parts: readonly MimePart[]): { type: string; text: string }[] {
  const parents = new Set(parts.map(({ parent }) => parent));
  return parts
    .filter(({ index }) => !parents.has(index))
    .map((part) => {
      const octets = Buffer.alloc(part.size + 1000);
      const length = new PartReader(source, part).readInto(octets, 0);
      return { type: part.type, text: latin1(octets.subarray(0, length)) };
    });
}

/** `mail/mime-index.ts`, and what uses its ranges: parts, their decoding, replacing and conversion. */
export const mime: Target = {
  name: 'mime',
  words: [
    'Content-Type: multipart/mixed; boundary=b\r\n',
    'Content-Type: message/rfc822\r\n',
    'Content-Transfer-Encoding: base64\r\n',
    'Content-Transfer-Encoding: quoted-printable\r\n',
    'Content-Transfer-Encoding: 8bit\r\n',
    'Content-Disposition: attachment; filename="a.exe"\r\n',
    '\r\n--b\r\n',
    '\r\n--b--\r\n',
    '\r\n\r\n',
    'boundary=',
    '--b',
    '=C3=BC',
    '=\r\n',
    'Zm9v',
  ],
  properties: {
    'parts nest and follow one another inside the body of their parent, and part 0 is all'(octets) {
      const { parts, complete } = indexMime(sourceOf(octets));
      assert.ok(parts.length >= 1 && parts.length <= MIME_PART_LIMIT);
      const [top] = parts;
      assert.deepEqual(
        [top!.offset, top!.parent, top!.depth, top!.headerSize + top!.size],
        [0, -1, 0, octets.length],
      );
      const reached = new Map<number, number>();
      for (const part of parts.slice(1)) {
        const parent = parts[part.parent]!;
        assert.ok(part.parent < part.index && parts[part.index] === part);
        assert.equal(part.depth, parent.depth + 1);
        assert.ok(part.depth <= MIME_DEPTH_LIMIT && part.headerSize >= 0 && part.size >= 0);
        const [start, end] = bodyOf(parent);
        const from = reached.get(part.parent) ?? start;
        const to = part.offset + part.headerSize + part.size;
        assert.ok(
          part.offset >= from && part.offset <= Math.max(end, part.offset),
          'they follow one another',
        );
        assert.ok(to <= end || part.headerSize + part.size === 0, 'it ends inside its parent');
        reached.set(part.parent, to);
      }
      assert.equal(typeof complete, 'boolean');
    },
    'facts are of one line each and no longer than what they come from'(octets) {
      for (const part of indexMime(sourceOf(octets)).parts) {
        assert.match(part.type, /^[^\s/;"]+\/[^\s/;"]+$/);
        assert.equal(part.type, part.type.toLowerCase());
        assert.match(part.encoding, /^\S+$/);
        assert.ok(part.names.length <= 20 && (part.names[0] ?? '') === part.name);
      }
    },
    'the index does not depend on how much is read at once'(octets) {
      assert.deepEqual(indexMime(unevenSource(octets)), indexMime(sourceOf(octets)));
    },
    'a part reads the same in pieces, from anywhere, as whole'(octets) {
      const source = sourceOf(octets);
      const { parts } = indexMime(source);
      for (const part of parts.slice(0, 8)) {
        const whole = Buffer.alloc(part.size + 1000);
        const length = new PartReader(source, part).readInto(whole, 0);
        const reader = new PartReader(unevenSource(octets), part);
        for (const at of [length >> 1, 0, length, length - 1, length >> 2]) {
          const piece = Buffer.alloc(17);
          const got = at < 0 ? 0 : reader.readInto(piece, at);
          if (
            at >= 0 &&
            !part.type.startsWith('multipart/') &&
            /^(?:base64|quoted-printable)$/.test(part.encoding)
          ) {
            assert.equal(
              latin1(piece.subarray(0, got)),
              latin1(whole.subarray(at, Math.min(length, at + 17))),
            );
          }
        }
      }
    },
    'what is converted for 7 bits is short lines of ASCII, and its parts decode to the same'(octets) {
      const source = sourceOf(octets);
      const edits = planConversion(source, '7bit');
      if (isProblem(edits)) return;
      const result = Buffer.concat(Array.from(convertedOctets(source, edits), (piece) => Buffer.from(piece)));
      const text = latin1(result);
      assert.ok(isAscii(text) && !text.includes('\0'));
      assert.ok(!/\r(?!\n)|(?<!\r)\n/.test(text));
      const after = sourceOf(result);
      const { parts } = indexMime(after);
      const parents = new Set(parts.map(({ parent }) => parent));
      for (const part of parts) {
        const body = text.slice(...bodyOf(part)).split('\r\n');
        assert.ok(parents.has(part.index) || body.every((line) => line.length <= 998));
      }
      assert.deepEqual(leavesOf(after, parts), leavesOf(source, indexMime(source).parts));
    },
    'a part that is replaced decodes to what was put there, and the others stay'(octets) {
      const spool = spoolOf(octets);
      const source = openSpool(spool.handle);
      const { parts } = indexMime(source);
      const before = leavesOf(source, parts);
      for (const index of [parts.length - 1, parts.length >> 1]) {
        const edits = replacePart(
          { source, parts },
          { index, type: 'text/plain', content: Buffer.from('put there') },
        );
        if (isProblem(edits)) continue;
        const image = applySplices(imageOf(spool.handle), edits);
        assert.ok(!isProblem(image));
        const result = sourceOf(readAll(new SyncImageReader(openSpool(spool.handle), image)));
        const after = leavesOf(result, indexMime(result).parts);
        if (index === parts.length - 1 && parts.length > 1 && before.length === after.length)
          assert.deepEqual(after.slice(0, -1), before.slice(0, -1));
      }
    },
    'the canonical entity is an entity'(octets) {
      assert.ok(canonicalEntity(sourceOf(octets)).length > 0);
    },
  },
};
