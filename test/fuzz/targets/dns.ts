import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isIPv4, isIPv6 } from 'node:net';
import {
  decodeReply,
  DNS_TYPES,
  encodeQuestion,
  type DnsReply,
  type DnsType,
} from '../../../src/sandbox/capabilities/dns-message.ts';
import type { Target } from '../target.ts';

const TYPES = Object.keys(DNS_TYPES) as DnsType[];
const NAME = 'example.org';
const ID = 0x1234;

/** The answer to whichever question it is an answer to. */
function decode(octets: Buffer): { type: DnsType; reply: DnsReply } | undefined {
  for (const type of TYPES) {
    try {
      const reply = decodeReply(octets, { id: ID, question: { type, name: NAME } });
      if (reply !== undefined) return { type, reply };
    } catch (error) {
      // What the function says that it throws.
      assert.ok(error instanceof RangeError, String(error));
    }
  }
  return undefined;
}

const label = fc
  .uint8Array({ minLength: 1, maxLength: 5 })
  .map((octets) => Buffer.of(octets.length, ...octets));
const pointer = fc.nat(80).map((to) => Buffer.of(0xc0, to));
const nameOctets = fc
  .tuple(fc.array(label, { maxLength: 3 }), fc.oneof(fc.constant(Buffer.of(0)), pointer))
  .map(([labels, end]) => Buffer.concat([...labels, end]));

const value = fc.oneof(
  nameOctets,
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  fc.tuple(fc.uint8Array({ minLength: 2, maxLength: 2 }), nameOctets).map((both) => Buffer.concat(both)),
  fc.uint8Array({ maxLength: 12 }).map((octets) => Buffer.of(octets.length, ...octets)),
);
const record = fc
  .tuple(nameOctets, fc.constantFrom(1, 5, 6, 12, 15, 16, 28, 41), fc.nat(2 ** 32 - 1), value)
  .map(([owner, type, ttl, octets]) => {
    const fields = Buffer.alloc(10);
    fields.writeUInt16BE(type, 0);
    fields.writeUInt16BE(1, 2);
    fields.writeUInt32BE(ttl, 4);
    fields.writeUInt16BE(octets.length, 8);
    return Buffer.concat([owner, fields, octets]);
  });

const made = fc
  .tuple(
    fc.constantFrom(...TYPES),
    fc.array(record, { maxLength: 4 }),
    fc.array(record, { maxLength: 2 }),
    fc.nat(3),
  )
  .map(([type, answers, authority, rcode]) => {
    const question = encodeQuestion(ID, { type, name: NAME });
    question.writeUInt16BE(0x8180 | rcode, 2);
    question.writeUInt16BE(answers.length, 6);
    question.writeUInt16BE(authority.length, 8);
    question.writeUInt16BE(0, 10);
    return Buffer.concat([question.subarray(0, -11), ...answers, ...authority]);
  });

/** `sandbox/capabilities/dns-message.ts`: answers of name servers. */
export const dns: Target = {
  name: 'dns',
  words: ['\xC0\x0C', '\0', '\x3F', '\xFF', '\x00\x10', '\x00\x01'],
  made,
  properties: {
    'an answer is read as records of the type asked for with a time that is one, or refused with a RangeError'(
      octets,
    ) {
      const found = decode(octets);
      if (found === undefined) return;
      const { type, reply } = found;
      assert.ok(Number.isInteger(reply.ttl) && reply.ttl >= 0 && reply.ttl < 2 ** 31, `${reply.ttl}`);
      assert.ok(reply.rcode >= 0 && reply.rcode < 16);
      assert.ok(reply.records.length * 10 <= octets.length);
      for (const one of reply.records) {
        if (type === 'A') assert.ok(typeof one === 'string' && isIPv4(one));
        if (type === 'AAAA') assert.ok(typeof one === 'string' && isIPv6(one));
        if (type === 'PTR')
          assert.ok(typeof one === 'string' && /^[!-~]*$/.test(one) && one.length <= 4 * 255);
        if (type === 'MX')
          assert.ok(typeof one === 'object' && 'exchange' in one && /^[!-~]*$/.test(one.exchange));
        if (type === 'TXT') assert.ok(Array.isArray(one) && one.every((text) => typeof text === 'string'));
      }
    },
    'an answer with another id, or to another question, is none'(octets) {
      if (octets.length < 2) return;
      const type = 'TXT';
      const other = Buffer.from(octets);
      other.writeUInt16BE(ID + 1, 0);
      assert.equal(decodeReply(other, { id: ID, question: { type, name: NAME } }), undefined);
    },
    'what follows a whole answer changes nothing'(octets) {
      const found = decode(octets);
      if (found === undefined) return;
      assert.deepEqual(decode(Buffer.concat([octets, Buffer.from('more')])), found);
    },
  },
};
