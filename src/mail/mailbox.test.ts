import { describe, expect, it } from 'vitest';
import { authorAddress, authorDomain } from './author.ts';
import { indexHeader } from './header-index.ts';
import { readMailbox } from './mailbox.ts';

const header = (...fields: string[]): ReturnType<typeof indexHeader> =>
  indexHeader(Buffer.from(`${fields.join('\r\n')}\r\n\r\n`, 'latin1'));
const utf8 = (text: string): string => Buffer.from(text).toString('latin1');

const BRACKETS = 'its name has brackets that readers may take for an address';

describe('readMailbox', () => {
  it.each([
    ['ann@example.com'],
    ['<ann@example.com>'],
    [' < ann@example.com > '],
    ['Ann<ann@example.com>'],
    ['"Ann" <ann@example.com>'],
    ['Ann B. Smith <ann@example.com>'],
    ['Ann "the (boss)" Smith <ann@example.com>'],
    ["Ann O'Hara [Example] <ann@example.com>"],
    ['[The list] Ann <ann@example.com>'],
    ['Zoë Ångström <ann@example.com>'],
    ['Zo\ufffd <ann@example.com>'],
    ['=?utf-8?q?J=C3=BCrgen?= =?utf-8?b?w7w=?= <ann@example.com>'],
    ['=?utf-8?q?Smith,_Ann:_boss?= <ann@example.com>'],
    ['=?utf-8?q?ann@example.com?= <ann@example.com>'],
    ['=?utf-8?q?boss=40other.test?= <ann@example.com>'],
    ['"boss@other.test" <ann@example.com>'],
    ['"boss\\" <boss@other.test>" <ann@example.com>'],
    ['"Smith, Ann" <ann@example.com>'],
    ['Smith, Ann <ann@example.com>'],
    ['Smith, Ann, Dr. <ann@example.com>'],
    ['ann@example.com <ann@example.com>'],
    ['ann@EXAMPLE.com via list <ann@example.com>'],
    ['ann@example.com (Ann (the boss\\)) Smith)'],
    ['(Ann) ann@example.com'],
    ['Ann (work) <ann@example.com> (ann@example.com)'],
    ['Ann\t<ann@example.com>'],
  ])('reads %j', (value) => {
    expect(readMailbox(value)).toEqual({ address: 'ann@example.com' });
  });

  it.each([
    ['"ann smith"@example.com', '"ann smith"@example.com'],
    ['Ann <jürgen@exämple.com>', 'jürgen@exämple.com'],
    ['jürgen@xn--exmple-cua.com <ann@exämple.com>', 'ann@exämple.com'],
  ])('reads %j', (value, address) => {
    expect(readMailbox(value)).toEqual({ address });
  });

  it.each([
    ['', 'it has no address that is well-formed'],
    ['Ann', 'it has no address that is well-formed'],
    ['Ann <>', 'it has no address that is well-formed'],
    ['Ann <ann>', 'it has no address that is well-formed'],
    ['ann @example.com', 'it has no address that is well-formed'],
    ['ann(x)@example.com', 'it has no address that is well-formed'],
    ['ann@example(x).com', 'it has no address that is well-formed'],
    ['ann@example.com boss', 'it has no address that is well-formed'],
    ['ceo@sender.test@example.com', 'it has no address that is well-formed'],
    ['Ann <ceo@sender.test@example.com>', 'it has no address that is well-formed'],
    ['"ceo@sender.test"@example.com', 'it has no address that is well-formed'],
    ['"ceo@sender.test x"@example.com', 'it has no address that is well-formed'],
    ['=?utf-8?q?a?=@example.com', 'it has no address that is well-formed'],
    ['ann@example.com.', 'it has no address that is well-formed'],
    ['ann@example..com', 'it has no address that is well-formed'],
    ['ann@-', 'it has no address that is well-formed'],
    ['ann@"example.com"', 'it has no address that is well-formed'],
    ['ann@[192.0.2.1]', 'it has no address that is well-formed'],
    ['ann@exa\ufffdmple.com', 'it has no address that is well-formed'],
    ['<x@good.test> <ceo@sender.test>', 'it has stray angle brackets, or something follows the address'],
    ['Ann <x@good.test> boss', 'it has stray angle brackets, or something follows the address'],
    ['Ann <<x@good.test>>', 'it has stray angle brackets, or something follows the address'],
    ['Ann <x@good.test', 'it has stray angle brackets, or something follows the address'],
    ['Ann >x@good.test<', 'it has stray angle brackets, or something follows the address'],
    ['ceo@sender.test <x@good.test>', 'its name holds an address of another domain'],
    ['ceo@good.test .sender.test <x@good.test>', 'its name holds an address of another domain'],
    ['ceo@good.test (x).sender.test <x@good.test>', 'its name holds an address of another domain'],
    ['ceo@(x)sender.test <x@good.test>', 'its name holds an address of another domain'],
    ['ceo@"sender.test" <x@good.test>', 'its name holds an address of another domain'],
    ['ceo @ sender.test <x@good.test>', 'its name holds an address of another domain'],
    ['x@good.test@sender.test <x@good.test>', 'its name holds an address of another domain'],
    ['x@good.test.sender.test <x@good.test>', 'its name holds an address of another domain'],
    ['=?utf-8?q?ceo@sender.test?= <x@good.test>', 'its name holds an address of another domain'],
    ['=?utf-8?q?<ceo@sender.test>?= <x@good.test>', 'its name holds an address of another domain'],
    ['x@good.test (ceo@sender.test)', 'its name holds an address of another domain'],
    ['<x@good.test> (<ceo@sender.test>)', 'its name holds an address of another domain'],
    ['ann@example.com, bob@example.com', 'it has several addresses'],
    ['ann@example.com, <ann@example.com>', 'it has several addresses'],
    ['"ceo@sender.test", <x@good.test>', 'it has several addresses'],
    ['=?utf-8?q?ceo@sender.test?=, <x@good.test>', 'it has several addresses'],
    ['Smith, Ann <ann@example.com>, Bob', 'it has several addresses'],
    ['Smith, Ann', 'it has several addresses'],
    [',<x@good.test>', 'it has several addresses'],
    ['Smith,, Ann <x@good.test>', 'it has several addresses'],
    ['Smith, <x@good.test>', 'it has several addresses'],
    ['"ceo@sender.test"]<x@good.test>', BRACKETS],
    ['"ceo@sender.test" [x] boss <x@good.test>', BRACKETS],
    ['=?utf-8?q?=3Cceo=40sender.test=3E?=]<x@good.test>', BRACKETS],
    ['ceo]<x@good.test>', BRACKETS],
    ['[ceo <x@good.test>', BRACKETS],
    ['[] ceo <x@good.test>', BRACKETS],
    ['[ceo] <x@good.test>', BRACKETS],
    ['ann@example.com,', 'it has several addresses'],
    ['g: ann@example.com;', 'it has a group'],
    ['ann@example.com;', 'it has a group'],
    ['<@sender.test:x@good.test>', 'it has a group'],
    ['"Ann <ann@example.com>', 'it has a stray quote'],
    ['Ann (<ann@example.com>', 'it has a stray parenthesis'],
    ['Ann) <ann@example.com>', 'it has a stray parenthesis'],
    ['Ann \\<ceo@sender.test> <ann@example.com>', 'it has a stray backslash'],
    ['ceo@sender.test\0 <ann@example.com>', 'it has control characters'],
    ['ceo@sender.test\r <ann@example.com>', 'it has control characters'],
  ])('does not read %j: %s', (value, fault) => {
    expect(readMailbox(value)).toEqual({ fault });
  });

  it('does not take long over hostile values', () => {
    const pieces = ['(', '"', '\\', '=?a?q?', '@', '<', 'a@a ', '((', '(a)', '"a"', ' .', '=?', '"\\'];
    for (const piece of pieces)
      expect(readMailbox(piece.repeat((64 * 1024) / piece.length))).toHaveProperty('fault');
  });
});

describe('the author', () => {
  it('is the one address of the one From field, folded or not, in normal form', () => {
    const from = header('Subject: x', 'From: =?utf-8?q?Ann?=', '\t<"Ann"@Example.COM>');
    expect(authorDomain(from)).toEqual({ domain: 'example.com' });
    expect(authorAddress(from)).toBe('ann@example.com');
    expect(authorDomain(header(utf8('From: Zoë <zoë@exämple.com>')))).toEqual({
      domain: 'xn--exmple-cua.com',
    });
    expect(authorDomain(header('From: Zo\xeb <zoe@example.com>'))).toEqual({ domain: 'example.com' });
  });

  it('is not there where From is missing, comes twice, is too long or malformed', () => {
    const long = `From: ${'x '.repeat(40_000)}<ann@example.com>`;
    expect(authorDomain(header('Subject: x'))).toEqual({ fault: 'it has no From fields' });
    expect(authorDomain(header('From: a@example.com', 'FROM : b@example.com'))).toEqual({
      fault: 'it has 2 From fields',
    });
    expect(authorDomain(header(long))).toEqual({ fault: 'its From field is too long' });
    expect(authorDomain(header('From: a@b@c'))).toMatchObject({
      fault: expect.stringMatching(/^its From field is malformed: it has no address/),
    });
    expect(authorAddress(header('From: ceo@sender.test <x@good.test>'))).toBe('');
  });
});
