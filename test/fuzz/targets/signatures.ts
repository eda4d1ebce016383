import assert from 'node:assert/strict';
import { arcKeyNames, readArcChain, verifyArc } from '../../../src/mail/dkim/arc.ts';
import { BodyHash, canonicalField, canonicalSignature } from '../../../src/mail/dkim/canonical.ts';
import { publicKeyOf } from '../../../src/mail/dkim/key-record.ts';
import { readSignature } from '../../../src/mail/dkim/signature.ts';
import { parseTags } from '../../../src/mail/dkim/tags.ts';
import { dkimSignatures } from '../../../src/mail/dkim/verify.ts';
import { indexHeader } from '../../../src/mail/header-index.ts';
import { chunkings, latin1 } from '../octets.ts';
import type { Target } from '../target.ts';

const NOW = 1_700_000_000;
/** A name that a resolver may be asked for. */
const KEY_NAME = /^[a-z0-9_.-]{1,253}$/;

/** `mail/dkim/`: tags, signatures, keys, chains, and what is hashed. */
export const signatures: Target = {
  name: 'signatures',
  words: [
    'v=1; ',
    'a=rsa-sha256; ',
    'd=example.org; ',
    's=s; ',
    'h=from; ',
    'bh=AAAA; ',
    'b=AAAA',
    'i=1; ',
    'cv=none; ',
    'ARC-Seal: ',
    'DKIM-Signature: ',
    ';',
    '=',
    '\r\n\t',
    ':',
    'l=',
    'p=',
  ],
  properties: {
    'tags are the same when they are written again'(octets) {
      const tags = parseTags(latin1(octets));
      if (tags === undefined) return;
      const text = Array.from(tags, ([name, value]) => `${name}=${value}`).join(';\r\n\t');
      if (text.length <= 32 * 1024) assert.deepEqual(parseTags(text), tags);
    },
    'a signature is read, or the reason why it is none; no name is asked for that is no name'(octets) {
      for (const kind of ['dkim', 'arc'] as const) {
        const result = readSignature(`DKIM-Signature: ${latin1(octets)}`, { kind, now: NOW });
        if ('keyName' in result) {
          assert.match(result.keyName, KEY_NAME);
          assert.ok(result.names.length <= 1000);
          assert.ok(result.length === undefined || Number.isSafeInteger(result.length));
        } else {
          assert.match(result.reason, /^[ -~]+$/);
        }
      }
    },
    'a key record is a key, or the reason why it is none'(octets) {
      const key = publicKeyOf({ records: [latin1(octets)] });
      if ('result' in key) assert.match(key.reason, /^[ -~]+$/);
    },
    'a chain is read to an end, asks for names only, and an unsigned one does not pass'(octets) {
      const header = indexHeader(octets);
      for (const one of dkimSignatures(header, NOW))
        if ('keyName' in one) assert.match(one.keyName, KEY_NAME);
      const chain = readArcChain(header, NOW);
      for (const name of arcKeyNames(chain)) assert.match(name, KEY_NAME);
      const verdict = verifyArc(chain, { keys: {}, latest: undefined });
      assert.notEqual(verdict.result, 'pass');
      assert.ok(verdict.instance >= 0 && verdict.instance <= 50);
    },
    'relaxed canonicalization of fields is its own result, and the hash of a body does not depend on the chunks'(
      octets,
    ) {
      const text = latin1(octets);
      const field = `Subject:${text.replace(/\r?\n(?![ \t])/g, ' ')}\r\n`;
      const relaxed = canonicalField(field, 'relaxed');
      assert.equal(canonicalField(relaxed, 'relaxed'), relaxed);
      assert.equal(typeof canonicalSignature(field, 'simple'), 'string');
      for (const how of ['simple', 'relaxed'] as const) {
        const [whole, ...others] = chunkings(octets).map((chunks) => hashOf(chunks, how));
        for (const other of others) assert.equal(other, whole, how);
      }
    },
  },
};

function hashOf(chunks: readonly Buffer[], how: 'simple' | 'relaxed'): string {
  const hash = new BodyHash(how);
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest();
}
