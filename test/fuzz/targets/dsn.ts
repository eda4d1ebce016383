import assert from 'node:assert/strict';
import fc from 'fast-check';
import { composeDsn, type DsnRecipient } from '../../../src/mail/dsn.ts';
import { indexHeader } from '../../../src/mail/header-index.ts';
import { indexMime } from '../../../src/mail/mime-index.ts';
import { PartReader } from '../../../src/mail/part-reader.ts';
import { reply } from '../../../src/mail/reply.ts';
import { latin1 } from '../octets.ts';
import { sourceOf } from '../source.ts';
import type { Target } from '../target.ts';

/**
 * What strangers say, one to each piece between octets 0x1E: the sender's address, ENVID, the recipient's address, ORCPT, the text of the
 * reply, its enhanced code, the name of the host that said it, and the header of the original. All of it can be anything.
 */
const SEPARATOR = '\x1E';

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.string({ unit: 'binary-ascii', maxLength: 20 }),
  fc.constantFrom(
    '\r\n\r\nFinal-Recipient: rfc822; x',
    'rfc822;a+0D+0Ab',
    '\r\n--=_id\r\n',
    '\r\n.\r\n',
    '5.1.1',
    'a@example.com',
  ),
  fc.string({ unit: fc.constantFrom('ü', 'x', ' '), minLength: 950, maxLength: 1100 }),
);

function composed(octets: Buffer): { notice: Buffer; recipients: number } {
  const pieces = octets.toString('utf8').split(SEPARATOR);
  const [sender = '', envid = '', address = '', orcpt = '', said = '', enhanced = '', remote = ''] = pieces;
  const original = octets.subarray(Buffer.byteLength(pieces.slice(0, 7).join(SEPARATOR)) + 1);
  const one: DsnRecipient = {
    recipient: { address, params: orcpt === '' ? {} : { ORCPT: orcpt } },
    // As a hostile downstream's reply would be if nothing had cleaned it.
    reply: { code: 550, ...(enhanced !== '' && { enhanced }), lines: [said, said] },
    ...(remote !== '' && { remote }),
  };
  const notice = composeDsn({
    action: octets.length % 2 === 0 ? 'failed' : 'delayed',
    hostname: 'mx.example.org',
    opesSystem: 'https://mx.example.org/opes',
    id: 'id',
    date: new Date(0),
    // An address that was accepted has at most 254 octets.
    sender: {
      address: Array.from(sender).slice(0, 60).join(''),
      params: envid === '' ? {} : { ENVID: envid },
    },
    arrivalDate: new Date(0),
    retryUntil: new Date(1e9),
    recipients: [
      one,
      {
        recipient: { address: 'b@example.com', params: {} },
        reply: reply(451, '4.3.0', said),
        service: 'filter',
      },
    ],
    originalHeader: original,
  });
  return { notice: Buffer.from(notice), recipients: 2 };
}

const PER_MESSAGE = ['original-envelope-id', 'reporting-mta', 'arrival-date', 'x-opes-system'];
const PER_RECIPIENT = [
  'original-recipient',
  'final-recipient',
  'action',
  'status',
  'remote-mta',
  'diagnostic-code',
  'x-opes-via',
  'will-retry-until',
];

/** `mail/dsn.ts`: the notices that go to the sender. */
export const dsn: Target = {
  name: 'dsn',
  words: [
    SEPARATOR,
    '\r\n',
    '\r\n\r\n',
    'rfc822;',
    '+0D+0A',
    '5.1.1',
    'ü',
    '--=_id',
    'Final-Recipient: rfc822; x',
    'x'.repeat(1000),
  ],
  made: fc.array(text, { minLength: 8, maxLength: 8 }).map((pieces) => Buffer.from(pieces.join(SEPARATOR))),
  properties: {
    'it is CRLF lines of at most 998 octets without NUL'(octets) {
      const notice = latin1(composed(octets).notice);
      assert.ok(!/\r(?!\n)|(?<!\r)\n|\0/.test(notice));
      for (const line of notice.split('\r\n')) assert.ok(line.length <= 998, `${line.length} octets`);
    },
    'its header has the fields that it must have, each once'(octets) {
      const { notice } = composed(octets);
      const index = indexHeader(notice);
      assert.equal(index.ending, 'emptyLine');
      const names = index.fields.map((_, at) => index.name(at));
      const wanted = [
        'Date',
        'From',
        'To',
        'Subject',
        'Message-ID',
        'Auto-Submitted',
        'MIME-Version',
        'Content-Type',
      ];
      assert.deepEqual(names, wanted);
    },
    'it is a multipart/report of three parts, and nothing that came from outside forges a field or a part'(
      octets,
    ) {
      const { notice, recipients } = composed(octets);
      const source = sourceOf(notice);
      const { parts, complete } = indexMime(source);
      assert.ok(complete);
      const types = ['multipart/report', 'text/plain', 'message/delivery-status', 'text/rfc822-headers'];
      assert.deepEqual(
        parts.map(({ type }) => type),
        types,
      );
      const report = Buffer.alloc(parts[2]!.size);
      new PartReader(source, parts[2]!).readInto(report, 0);
      assert.match(latin1(report), /^[\r\n\t -~]*$/);
      const groups: string[][] = [];
      for (let rest = report; rest.length > 0;) {
        const index = indexHeader(rest);
        assert.notEqual(index.ending, 'junk');
        groups.push(index.fields.map((_, at) => index.name(at)!.toLowerCase()));
        rest = rest.subarray(index.bodyStart);
      }
      assert.equal(groups.length, recipients + 1);
      for (const [at, names] of groups.entries()) {
        assert.equal(new Set(names).size, names.length, 'each field once');
        assert.ok(
          names.every((name) => (at === 0 ? PER_MESSAGE : PER_RECIPIENT).includes(name)),
          names.join(),
        );
        const needed =
          at === 0 ? ['reporting-mta'] : ['final-recipient', 'action', 'status', 'diagnostic-code'];
        for (const name of needed) assert.ok(names.includes(name), `${name} is there`);
      }
    },
    'the header of the original is given back octet for octet, but for line ends'(octets) {
      const source = sourceOf(composed(octets).notice);
      const part = indexMime(source).parts[3]!;
      const target = Buffer.alloc(part.size + 1);
      const given = latin1(target.subarray(0, new PartReader(source, part).readInto(target, 0)));
      const text = octets.toString('utf8').split(SEPARATOR);
      const original = latin1(octets.subarray(Buffer.byteLength(text.slice(0, 7).join(SEPARATOR)) + 1));
      assert.equal(given, original.replace(/\r\n|\r|\n/g, '\r\n'));
    },
  },
};
