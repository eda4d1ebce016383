import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import * as scalars from './scalars.ts';

const passes = (schema: z.ZodType, value: unknown): boolean => schema.safeParse(value).success;

const cases: Record<string, { schema: z.ZodType; good: unknown[]; bad: unknown[] }> = {
  domain: {
    schema: scalars.domain,
    good: ['example.com', 'localhost', 'a.b.c', '3com.com', 'xn--bcher-kva.example', `${'a'.repeat(63)}.org`],
    bad: [
      '',
      '.',
      'a..b',
      'example.com.',
      '-a.com',
      'a-.com',
      'a_b.com',
      '1.2.3.4',
      'a b',
      'a\n',
      `${'a'.repeat(64)}.org`,
      'a.'.repeat(127) + 'aaa',
      '[1.2.3.4]',
      '*.example.com',
      null,
      5,
    ],
  },
  host: {
    schema: scalars.host,
    good: ['mail.example.org', 'mail_store', '127.0.0.1', '::1', 'localhost'],
    bad: ['', '256.0.0.1', '127.1', '[::1]', 'mail:25', '/run/lmtp', 'fe80::1%eth0'],
  },
  ipAddress: {
    schema: scalars.ipAddress,
    good: ['0.0.0.0', '::', '::ffff:1.2.3.4'],
    bad: ['', '*', '1.2.3', ' ::1', '1.2.3.4/8'],
  },
  network: {
    schema: scalars.network,
    good: ['192.0.2.1', '192.0.2.0/24', '0.0.0.0/0', '::/0', '2001:db8::1/128'],
    bad: [
      '192.0.2.0/33',
      '192.0.2.0/',
      '192.0.2.0/-1',
      '192.0.2.0/2.5',
      '::/129',
      '192.0.2.0/24/24',
      '192.0.2/24',
      '/8',
    ],
  },
  mailbox: {
    schema: scalars.mailbox,
    good: ['ann@example.com', 'a.b+c@example.com', '"a b"@example.com', 'ann@[192.0.2.1]'],
    bad: [
      'ann',
      '@example.com',
      'ann@',
      'a b@example.com',
      'ann@example..com',
      '<ann@example.com>',
      'ann@example.com\r\n',
    ],
  },
  senderAddress: {
    schema: scalars.senderAddress,
    good: ['<>', 'ann@example.com'],
    bad: ['', '<ann@example.com>', '@example.com'],
  },
  name: {
    schema: scalars.name,
    good: ['a', 'in-bound_2'],
    bad: ['', '2nd', 'a.b', 'a/b', 'constructor ', 'a'.repeat(65)],
  },
  filePath: { schema: scalars.filePath, good: ['x', '/a b/ü'], bad: ['', 'a\0b', 'a\nb', 'a'.repeat(4097)] },
};

describe.each(Object.entries(cases))('%s', (_name, { schema, good, bad }) => {
  test.each(good)('takes %j', (value) => {
    expect(passes(schema, value)).toBe(true);
  });
  test.each(bad)('refuses %j', (value) => {
    expect(passes(schema, value)).toBe(false);
  });
});

test('Sizes are octets, bounds included', () => {
  const size = scalars.size('1KiB', '1GB');
  const octets = ['1024', 1024, '1KiB', '2 kB', '3MiB', '1GB'].map((value) => size.safeParse(value).data);
  expect(octets).toEqual([undefined, 1024, 1024, 2000, 3 * 2 ** 20, 1e9]);
  for (const bad of [1023, '1000B', '1GiB', '1.5MiB', '1mib', '-1KiB', 1.5, Infinity])
    expect(passes(size, bad)).toBe(false);
});

test('Durations are milliseconds, bounds included, and bare numbers are seconds', () => {
  const duration = scalars.duration('1s', '1d');
  const times = [1, '1s', '1000ms', '2m', '3 h', '1d', 86_400].map((value) => duration.safeParse(value).data);
  expect(times).toEqual([1000, 1000, 1000, 120_000, 10_800_000, 86_400_000, 86_400_000]);
  for (const bad of [0, '999ms', '2d', '1w', '1.5h', '90', '-1s', true])
    expect(passes(duration, bad)).toBe(false);
});

test('A domain in another script is told its ASCII form', () => {
  const issue = scalars.domain.safeParse('bücher.example').error?.issues[0];
  expect(issue?.message).toContain('xn--bcher-kva.example');
});
