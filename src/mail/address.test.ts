import { describe, expect, it } from 'vitest';
import {
  addressProblem,
  domainOf,
  normalAddress,
  parseMailArgument,
  parseRcptArgument,
  sameAddress,
} from './address.ts';

const ascii = { smtputf8: false };
const utf8 = { smtputf8: true };

function codeOf(parsed: ReturnType<typeof parseMailArgument>): string {
  return 'refusal' in parsed ? `${parsed.refusal.code} ${parsed.refusal.enhanced}` : 'accepted';
}

describe('parseMailArgument', () => {
  it.each([
    ['FROM:<ann@example.com>', 'ann@example.com', {}],
    ['from:<ann@example.com> SIZE=1000 body=8BITMIME', 'ann@example.com', { SIZE: '1000', BODY: '8BITMIME' }],
    ['FROM:<>', '', {}],
    ['FROM:<> RET=HDRS ENVID=a+3Db ', '', { RET: 'HDRS', ENVID: 'a+3Db' }],
    ['FROM:<@a.example,@b.example:ann@example.com>', 'ann@example.com', {}],
    ['FROM:<"ann > lee"@example.com>', '"ann > lee"@example.com', {}],
    [String.raw`FROM:<"a\"@x>"@example.com>`, String.raw`"a\"@x>"@example.com`, {}],
    ['FROM:<ann@[192.0.2.1]>', 'ann@[192.0.2.1]', {}],
    ['FROM:<ann@[IPv6:2001:db8::1]>', 'ann@[IPv6:2001:db8::1]', {}],
    ['FROM:<änn@exämple.com> SMTPUTF8', 'änn@exämple.com', { SMTPUTF8: '' }],
    ['FROM:<ann@example.com> AUTH=<>', 'ann@example.com', { AUTH: '<>' }],
  ])('accepts %s', (argument, address, params) => {
    expect(parseMailArgument(argument)).toEqual({ value: { address, params } });
  });

  it.each([
    ['', '501 5.5.4'],
    ['FROM', '501 5.5.4'],
    ['FROM:', '501 5.5.4'],
    ['TO:<ann@example.com>', '501 5.5.4'],
    ['FROM: <ann@example.com>', '501 5.5.4'],
    ['FROM :<ann@example.com>', '501 5.5.4'],
    ['FROM:ann@example.com', '501 5.5.4'],
    ['FROM:<ann@example.com', '501 5.5.4'],
    ['FROM:<"ann@example.com>', '501 5.5.4'],
    ['FROM:<ann@example.com>SIZE=1', '501 5.5.4'],
    ['FROM:<ann@example.com> SIZE=1 SIZE=2', '501 5.5.4'],
    ['FROM:<ann@example.com> SIZE=', '501 5.5.4'],
    ['FROM:<ann@example.com> X=a=b', '501 5.5.4'],
    ['FROM:<ann@example.com> __PROTO__=1', '501 5.5.4'],
    ['FROM:<ann@example.com>\tSIZE=1', '501 5.5.2'],
    ['FROM:<ann@example.com>\u0000', '501 5.5.2'],
    ['FROM:<ann\r\nRCPT TO:<b@example.com>', '501 5.5.2'],
    ['FROM:<ann>', '501 5.1.7'],
    ['FROM:<postmaster>', '501 5.1.7'],
    ['FROM:<@>', '501 5.1.7'],
    ['FROM:<@example.com>', '501 5.1.7'],
    ['FROM:<@a_b:ann@example.com>', '501 5.1.7'],
    ['FROM:<<ann@example.com>>', '501 5.5.4'],
    ['FROM:<änn@example.com>', '553 5.6.7'],
    [`FROM:<${'a'.repeat(243)}@example.com>`, '501 5.1.7'],
  ])('refuses %j with %s', (argument, code) => {
    expect(codeOf(parseMailArgument(argument))).toBe(code);
  });
});

describe('parseRcptArgument', () => {
  it('accepts postmaster alone, in any case', () => {
    expect(parseRcptArgument('TO:<Postmaster>', ascii)).toEqual({
      value: { address: 'Postmaster', params: {} },
    });
  });

  it('gives the parameters', () => {
    const parsed = parseRcptArgument('TO:<b@example.com> NOTIFY=NEVER ORCPT=rfc822;b+2Bx@example.com', ascii);
    expect(parsed).toEqual({
      value: {
        address: 'b@example.com',
        params: { NOTIFY: 'NEVER', ORCPT: 'rfc822;b+2Bx@example.com' },
      },
    });
  });

  it('refuses the null path and a bad destination with 5.1.3', () => {
    expect(codeOf(parseRcptArgument('TO:<>', ascii))).toBe('501 5.1.3');
    expect(codeOf(parseRcptArgument('TO:<a..b@example.com>', ascii))).toBe('501 5.1.3');
  });

  it.each([
    ['"ann"@example.com', 'ann@example.com'],
    [String.raw`"a\nn"@Example.com`, 'ann@Example.com'],
    [String.raw`"a\ b"@example.com`, '"a b"@example.com'],
    ['"a..b"@example.com', '"a..b"@example.com'],
    [String.raw`"a\"b"@example.com`, String.raw`"a\"b"@example.com`],
  ])('takes quotes off that %s does not need', (given, address) => {
    expect(parseRcptArgument(`TO:<${given}>`, ascii)).toEqual({ value: { address, params: {} } });
    expect(parseMailArgument(`FROM:<${given}>`)).toEqual({ value: { address, params: {} } });
  });

  it('takes non-ASCII as the transaction says', () => {
    expect(codeOf(parseRcptArgument('TO:<ü@example.com>', ascii))).toBe('553 5.6.7');
    expect(codeOf(parseRcptArgument('TO:<ü@example.com>', utf8))).toBe('accepted');
  });

  it('answers a hostile argument in bounded time', () => {
    expect(codeOf(parseRcptArgument(`TO:<${'"\\'.repeat(50_000)}`, ascii))).toBe('501 5.5.4');
    expect(codeOf(parseRcptArgument(`TO:<${'a.'.repeat(100_000)}@b>`, ascii))).toBe('501 5.1.3');
    expect(codeOf(parseRcptArgument(`TO:<${'@a,'.repeat(100_000)}:c@b>`, ascii))).toBe('501 5.1.3');
  });
});

describe('addressProblem', () => {
  it.each([
    'a@b',
    "!#$%&'*+-/=?^_`{|}~@example.com",
    '"a b"@example.com',
    '""@example.com',
    'a@1.2.3.4',
    'a@xn--exmple-cua.com',
    `${'v'.repeat(100)}@example.com`,
  ])('accepts %s', (address) => {
    expect(addressProblem(address, ascii)).toBeUndefined();
  });

  it.each([
    'a',
    '@b',
    'a@',
    '.a@b',
    'a.@b',
    'a..b@c',
    'a b@c',
    '"a@b',
    '"a"b@c',
    String.raw`"a\"@b`,
    'a@b.',
    'a@.b',
    'a@b..c',
    'a@-b',
    'a@b-',
    'a@b_c',
    'a@b c',
    'a@[1.2.3]',
    'a@[256.1.1.1]',
    'a@[IPv6:fe80::1%eth0]',
    'a@[IPv6:192.0.2.1]',
    'a@[X:y]',
    'a@[192.0.2.1',
    `a@${'b'.repeat(64)}.com`,
    `a@${'b.'.repeat(130)}c`,
  ])('refuses %s', (address) => {
    expect(addressProblem(address, ascii)).toBeTypeOf('string');
  });

  it('refuses characters that only look like nothing, also with SMTPUTF8', () => {
    for (const char of ['\u0085', '\u2028', '\u200b', '\u00a0', '\ufffd', '\ud800', '\ufeff']) {
      expect(addressProblem(`a${char}b@example.com`, utf8)).toBeTypeOf('string');
      expect(addressProblem(`a@exa${char}mple.com`, utf8)).toBeTypeOf('string');
    }
    expect(addressProblem('a@exa。mple.com', utf8)).toBeTypeOf('string');
  });
});

describe('comparison', () => {
  it('knows the same address in other clothes', () => {
    expect(sameAddress('Ann@Example.COM', 'ann@example.com')).toBe(true);
    expect(sameAddress('"ann"@example.com', 'ann@example.com')).toBe(true);
    expect(sameAddress(String.raw`"a\nn"@example.com`, 'ann@example.com')).toBe(true);
    expect(sameAddress('ann@EXÄMPLE.com', 'ann@xn--exmple-cua.com')).toBe(true);
    expect(sameAddress('u\u0308@example.com', 'ü@example.com')).toBe(true);
    expect(sameAddress('"a b"@example.com', 'ab@example.com')).toBe(false);
    expect(sameAddress('ann@example.com', 'ann@example.org')).toBe(false);
    expect(sameAddress('', 'postmaster')).toBe(false);
  });

  it('keeps a local part quoted that has to be', () => {
    expect(normalAddress(String.raw`"A \"B"@Example.com`)).toBe(String.raw`"a \"b"@example.com`);
    expect(normalAddress('"a@b"@example.com')).toBe('"a@b"@example.com');
  });

  it('finds the domain', () => {
    expect(domainOf('ann@Example.com')).toBe('Example.com');
    expect(domainOf('"a@b"@example.com')).toBe('example.com');
    expect(domainOf('postmaster')).toBe('');
    expect(domainOf('')).toBe('');
  });
});
