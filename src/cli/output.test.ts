import { afterEach, describe, expect, it, vi } from 'vitest';
import { formatDuration, formatMicros, formatSize, printJson, printTable } from './output.ts';

const HOSTILE = 'a\u001b[31m\u009b31m\u0007\r\n\u007f\u202e\u2066\u200f\u2028b';

const printed = (print: () => void): string => {
  let text = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  print();
  write.mockRestore();
  return text;
};

afterEach(() => vi.restoreAllMocks());

describe('what is printed', () => {
  it('in a table has columns as wide as their widest cell, and nothing that steers a terminal', () => {
    const rows = [
      [HOSTILE, 'x'],
      ['2', ''],
    ];
    const lines = printed(() => printTable(['ID', 'FROM'], rows)).split('\n');
    const shown = 'a?[31m?31m????????b';
    expect(lines).toEqual([
      `${'ID'.padEnd(shown.length)}  FROM`,
      `${shown}  x`,
      `${'2'.padEnd(shown.length)}  `,
      '',
    ]);
  });

  it('in a table without rows is said', () => {
    expect(printed(() => printTable(['ID'], []))).toBe('none\n');
  });

  it('as JSON is the same value when read, and nothing that steers a terminal', () => {
    const text = printed(() => printJson([{ from: HOSTILE }]));
    expect(JSON.parse(text)).toEqual([{ from: HOSTILE }]);
    // oxlint-disable-next-line no-control-regex -- control characters are what this looks for
    const steering = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/;
    expect(text.replaceAll('\n', '')).not.toMatch(steering);
  });

  it('as a size has the unit that keeps it short', () => {
    expect([0, 1023, 1024, 1_500_000, 5e9, 5e15].map(formatSize)).toEqual([
      '0 B',
      '1023 B',
      '1.0 KiB',
      '1.4 MiB',
      '4.7 GiB',
      '4656612.9 GiB',
    ]);
  });

  it('as a duration is in the unit that fits', () => {
    expect([0, 85.4, 999, 1200, 999_999, 3_400_000].map(formatMicros)).toEqual([
      '0 µs',
      '85 µs',
      '999 µs',
      '1.2 ms',
      '1000.0 ms',
      '3.4 s',
    ]);
    expect([0, 119_000, 120_000, 7_140_000, 10_800_000].map(formatDuration)).toEqual([
      '0 s',
      '119 s',
      '2 min',
      '119 min',
      '3 h',
    ]);
  });
});
