import { describe, expect, it } from 'vitest';
import { LineReader } from './server-lines.ts';

function read(chunks: readonly Buffer[], lineEndings: 'refuse' | 'repair' = 'refuse'): string[] {
  const reader = new LineReader({ maxLength: 20, lineEndings });
  const lines: string[] = [];
  for (let chunk of chunks) {
    while (chunk.length > 0) {
      const { line, consumed } = reader.next(chunk);
      expect(consumed).toBeGreaterThan(0);
      chunk = chunk.subarray(consumed);
      if (line !== undefined)
        lines.push(line.kind === 'line' ? line.octets.toString('latin1') : `!${line.fault}`);
    }
  }
  return lines;
}

const whole = (text: string): Buffer[] => [Buffer.from(text, 'latin1')];

describe('command lines', () => {
  it('end with CRLF', () => {
    expect(read(whole('EHLO a\r\n\r\nNOOP\r\nQUI'))).toEqual(['EHLO a', '', 'NOOP']);
  });

  it('with a bare LF, bare CR or NUL are told once and dropped up to the next CRLF', () => {
    expect(read(whole('NOOP\nQUIT\nRSET\r\nHELP\r\n'))).toEqual(['!control', 'HELP']);
    expect(read(whole('NOOP\rQUIT\r\nHELP\r\n'))).toEqual(['!control', 'HELP']);
    expect(read(whole('NOOP\r\r\nHELP\r\n'))).toEqual(['!control', 'HELP']);
    expect(read(whole('NO\0OP\r\nHELP\r\n'))).toEqual(['!control', 'HELP']);
  });

  it('may end with a bare LF where line endings are repaired', () => {
    expect(read(whole('NOOP\nQUIT\r\nRS\rET\nHELP\n'), 'repair')).toEqual([
      'NOOP',
      'QUIT',
      '!control',
      'HELP',
    ]);
  });

  it('have a limit that counts the CRLF', () => {
    expect(read(whole(`${'x'.repeat(18)}\r\nNOOP\r\n`))).toEqual(['x'.repeat(18), 'NOOP']);
    expect(read(whole(`${'x'.repeat(19)}\r\nNOOP\r\n`))).toEqual(['!length', 'NOOP']);
    expect(read(whole(`${'x'.repeat(500)}\nQUIT\r\nNOOP\r\n`))).toEqual(['!length', 'NOOP']);
  });

  it.each([
    'EHLO a\r\n\r\nNOOP\r\n',
    'NOOP\nQUIT\nRSET\r\nHELP\r\n',
    'NO\0OP\r\nHE\rLP\r\nNOOP\r\r\n\r\n',
    `${'x'.repeat(19)}\r\nNOOP\r\n${'y'.repeat(18)}\r\n`,
    `${'x'.repeat(30)}\0\n\r\nNOOP\r\n`,
    `${'x'.repeat(19)}\rNOOP\r\nQUIT\r\n`,
    '\n\r\n\n\rA\r\nNOOP\r\n',
  ])('are the same however they are cut: %j', (text) => {
    for (const lineEndings of ['refuse', 'repair'] as const) {
      const expected = read(whole(text), lineEndings);
      const octets = Buffer.from(text, 'latin1');
      expect(
        read(
          [...octets].map((octet) => Buffer.from([octet])),
          lineEndings,
        ),
      ).toEqual(expected);
      for (let i = 1; i < octets.length; i++) {
        expect(read([octets.subarray(0, i), octets.subarray(i)], lineEndings), `cut at ${i}`).toEqual(
          expected,
        );
      }
    }
  });
});
