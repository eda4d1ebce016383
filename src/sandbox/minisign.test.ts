import { createHash } from 'node:crypto';
import { describe, expect, it, test } from 'vitest';
import { blake2b256 } from './blake2b.ts';
import {
  formatSecretKey,
  generateKey,
  needsPassword,
  parseSecretKey,
  scryptParameters,
} from './minisign-secret.ts';
import {
  encodePublicKey,
  formatPublicKey,
  formatSignature,
  parsePublicKey,
  parseSignature,
  sign,
  signatureFault,
} from './minisign.ts';

// What talks to the real minisign is in test/package/.

/** The least that libsodium knows: 16 MiB, which keeps the tests quick. */
const LIGHT = { operations: 524_288, memory: 16 * 1024 * 1024 };

const key = generateKey();
const content = Buffer.from('content');
const text = formatSignature(sign(content, { key, trustedComment: 'timestamp:1\tfile:a.wasm\thashed' }));

describe('a signature', () => {
  const fault = (changed: string, over: Uint8Array = content): string | undefined =>
    signatureFault(over, { signature: parseSignature(changed), key: key.publicKey });

  it('holds for its content and its trusted comment, and survives CR LF', () => {
    expect(fault(text)).toBeUndefined();
    expect(fault(text.replaceAll('\n', '\r\n'))).toBeUndefined();
    expect(fault(text.replace('untrusted comment: ', 'untrusted comment: whatever '))).toBeUndefined();
  });

  it('does not hold for anything else', () => {
    expect(fault(text, Buffer.from('Content'))).toMatch(/^it is not of key \w+ over this very file$/);
    expect(fault(text.replace('timestamp:1', 'timestamp:2'))).toBe(
      'its trusted comment is not the one that was signed',
    );
    const signature = parseSignature(text);
    const other = generateKey().publicKey;
    expect(signatureFault(content, { signature, key: other })).toMatch(/^it is of key \w+, not of \w+$/);
    // A key of the same id: the id is a name that anyone can take.
    expect(signatureFault(content, { signature, key: { ...other, id: key.publicKey.id } })).toMatch(
      /over this very file$/,
    );
    // One that says it is over the content itself, and is over its hash.
    expect(
      signatureFault(content, { signature: { ...signature, isPrehashed: false }, key: key.publicKey }),
    ).toMatch(/over this very file$/);
  });

  it('does not hold with any one octet of it changed', () => {
    const [untrusted, first, trusted, second] = text.split('\n') as [string, string, string, string];
    for (const [line, which] of [
      [first, 1],
      [second, 3],
    ] as const) {
      const octets = Buffer.from(line, 'base64');
      for (let at = 0; at < octets.length; at++) {
        const changed = Buffer.from(octets);
        changed[at] = changed[at]! ^ 1;
        const lines = [untrusted, first, trusted, second];
        lines[which] = changed.toString('base64');
        let outcome: string | undefined;
        try {
          outcome = fault(lines.join('\n'));
        } catch (thrown) {
          outcome = String(thrown);
        }
        expect([which, at, outcome]).not.toEqual([which, at, undefined]);
      }
    }
  });

  it.each([
    ['nothing', '', 'the four lines'],
    ['something else', 'x'.repeat(10_000), 'the four lines'],
    ['three lines', text.split('\n').slice(0, 3).join('\n'), 'the four lines'],
    ['five lines', `${text}\n`, 'the four lines'],
    ['another first line', text.replace('untrusted', 'Untrusted'), 'the four lines'],
    ['base64 with a space', text.replace('\nRU', '\nR U'), 'base64 of 74 octets'],
    ['too many octets', text.replace('\nRU', '\nRURU'), 'base64 of 74 octets'],
    ['another algorithm', text.replace('\nRU', '\nQU'), 'not of the kind Ed25519'],
    ['a comment that steers', text.replace('hashed', 'hashed\u001b[2J'), 'without control characters'],
    ['a comment without end', text.replace('hashed', 'h'.repeat(9000)), 'at most 8192 octets'],
  ])('is not read from %s', (_, changed, message) => {
    expect(() => parseSignature(changed)).toThrow(message);
  });
});

describe('a public key', () => {
  it('is read from its line and from its file', () => {
    expect(parsePublicKey(encodePublicKey(key.publicKey))).toEqual(key.publicKey);
    expect(parsePublicKey(formatPublicKey(key.publicKey))).toEqual(key.publicKey);
    expect(encodePublicKey(key.publicKey)).toMatch(/^RW[\w+/]{54}$/);
  });

  it('is read from nothing else', () => {
    for (const changed of ['', 'RWQ', text, 'untrusted comment: alone', 'A'.repeat(56)]) {
      expect(() => parsePublicKey(changed)).toThrow('Cannot read a public key');
    }
  });
});

describe('a secret key', () => {
  it('comes back from its file, with a password and without', async () => {
    const plain = await formatSecretKey(key, { password: '' });
    const sealed = await formatSecretKey(key, { password: 'open sesame', effort: LIGHT });
    expect([needsPassword(plain), needsPassword(sealed)]).toEqual([false, true]);
    for (const file of [plain, sealed]) {
      const back = await parseSecretKey(file, 'open sesame');
      expect(back.publicKey).toEqual(key.publicKey);
      const signature = sign(content, { key: back, trustedComment: '' });
      expect(signatureFault(content, { signature, key: key.publicKey })).toBeUndefined();
    }
    await expect(parseSecretKey(sealed, 'open sesame!')).rejects.toThrow('the password is wrong');
  });

  it('is refused where it is damaged, or asks for more memory than there is', async () => {
    const plain = await formatSecretKey(key, { password: '' });
    const sealed = await formatSecretKey(key, { password: 'x', effort: LIGHT });
    const changed = (file: string, at: number, value: number): string => {
      const [comment, line] = file.split('\n') as [string, string];
      const octets = Buffer.from(line, 'base64');
      octets[at] = value;
      return `${comment}\n${octets.toString('base64')}\n`;
    };
    await expect(parseSecretKey(changed(plain, 62, 1), '')).rejects.toThrow(/two halves|checksum/);
    await expect(parseSecretKey(changed(plain, 157, 1), '')).rejects.toThrow('its checksum is wrong');
    await expect(parseSecretKey(changed(sealed, 53, 0x7f), 'x')).rejects.toThrow('more than 2147483648');
    await expect(parseSecretKey(changed(sealed, 45, 0x7f), 'x')).rejects.toThrow(/memory|password is wrong/);
    await expect(parseSecretKey(plain.slice(0, -9), '')).rejects.toThrow('base64 of 158 octets');
    await expect(parseSecretKey(text, '')).rejects.toThrow('the two lines');
  });

  it('is as hard to guess as libsodium makes it', () => {
    expect(scryptParameters({ operations: 33_554_432, memory: 1_073_741_824 })).toEqual({
      cost: 1_048_576,
      blockSize: 8,
      parallelization: 1,
    });
    expect(scryptParameters({ operations: 524_288, memory: 16_777_216 })).toEqual({
      cost: 16_384,
      blockSize: 8,
      parallelization: 1,
    });
  });
});

test('BLAKE2b with 32 octets: the digest of "abc", and of nothing', () => {
  const hex = (message: string): string => Buffer.from(blake2b256(Buffer.from(message))).toString('hex');
  expect(hex('abc')).toBe('bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319');
  expect(hex('')).toBe('0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8');
  expect(() => blake2b256(new Uint8Array(129))).toThrow('at most 128');
  // It is no prefix of the longer one, or node's would do.
  expect(createHash('blake2b512').update('abc').digest('hex')).not.toContain(hex('abc'));
});
