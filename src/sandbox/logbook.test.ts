import { describe, expect, it } from 'vitest';
import { Logbook } from './logbook.ts';

describe('Logbook', () => {
  it('makes one line of whatever is logged', () => {
    const log = new Logbook(1000);
    log.add('info', Buffer.from('a\r\nb\u0000\u001b[0m\u2028c\u0085d'));
    expect(log.lines()).toEqual([{ level: 'info', text: 'a b [0m c d' }]);
  });

  it('cuts at the limit and says how much is missing', () => {
    const log = new Logbook(100);
    log.add('info', Buffer.alloc(200, 'x'));
    log.add('info', Buffer.alloc(50, 'y'));
    expect(log.lines()).toEqual([
      { level: 'info', text: 'x'.repeat(84) },
      { level: 'warn', text: '166 more octets of log were dropped' },
    ]);
  });

  it('bounds empty lines too', () => {
    const log = new Logbook(160);
    for (let line = 0; line < 1000; line++) log.add('debug', new Uint8Array());
    expect(log.lines()).toHaveLength(10);
  });
});
