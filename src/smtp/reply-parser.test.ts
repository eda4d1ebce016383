import { describe, expect, it } from 'vitest';
import { ReplyParser, toReply, type Parsed } from './reply-parser.ts';

function parse(...segments: (string | Buffer)[]): Parsed[] {
  const parser = new ReplyParser();
  const found: Parsed[] = [];
  for (const segment of segments) {
    parser.push(typeof segment === 'string' ? Buffer.from(segment) : segment);
    for (let parsed = parser.next(); parsed !== undefined; parsed = parser.next()) {
      found.push(parsed);
      if ('nonsense' in parsed) return found;
    }
  }
  return found;
}

describe('ReplyParser', () => {
  it('reads replies of one and of more lines', () => {
    expect(parse('250 fine\r\n550-no\r\n550 never\r\n')).toEqual([
      { reply: { code: 250, lines: ['fine'] } },
      { reply: { code: 550, lines: ['no', 'never'] } },
    ]);
  });

  it('reads the same whatever the segments are', () => {
    const stream = Buffer.from(
      '220 hi\r\n250-peer.test\r\n250-SIZE 10\r\n250 DSN\r\n354\n421 4.3.2 bye é\r\n',
    );
    const whole = parse(stream);
    expect(whole).toHaveLength(4);
    expect(parse(...Array.from(stream, (octet) => Buffer.of(octet)))).toEqual(whole);
    for (let cut = 1; cut < stream.length; cut++) {
      expect(parse(stream.subarray(0, cut), stream.subarray(cut))).toEqual(whole);
    }
  });

  it('does without a text, and takes a bare LF for the end of a line', () => {
    expect(parse('250\n354-\n354 \r\n')).toEqual([
      { reply: { code: 250, lines: [''] } },
      { reply: { code: 354, lines: ['', ''] } },
    ]);
  });

  it('never takes a bare CR for the end of a line', () => {
    expect(parse('250 one\r550 two\r\n')).toEqual([{ reply: { code: 250, lines: ['one 550 two'] } }]);
  });

  it('takes control characters out of the text', () => {
    expect(parse('250 a\u0000b\u001b[31m\u0085c\r\n')).toEqual([
      { reply: { code: 250, lines: ['a b [31m c'] } },
    ]);
  });

  it.each([
    ['text', 'HTTP/1.1 400 Bad Request\r\n'],
    ['an empty line', '\r\n'],
    ['two digits', '25 x\r\n'],
    ['four digits', '2500 x\r\n'],
    ['1xx', '150 x\r\n'],
    ['6xx', '650 x\r\n'],
    ['no separator', '250x\r\n'],
    ['another code in between', '250-a\r\n251 b\r\n'],
  ])('refuses %s', (_what, stream) => {
    expect(parse(stream).map((parsed) => Object.keys(parsed!))).toEqual([['nonsense']]);
  });

  it('quotes nonsense cut short and without control characters', () => {
    const [parsed] = parse(`\u001b${'x'.repeat(500)}\n`);
    expect(parsed).toEqual({ nonsense: `${'x'.repeat(60)}…` });
  });

  it('refuses a line that does not end, before it is held in memory', () => {
    expect(parse('250 ', ...Array.from({ length: 30 }, () => 'x'.repeat(100)))).toEqual([
      { nonsense: 'a line of more than 2048 octets' },
    ]);
  });

  it('refuses a reply that does not end', () => {
    expect(parse('250-x\r\n'.repeat(99) + '250 x\r\n')).toHaveLength(1);
    expect(parse('250-x\r\n'.repeat(100))).toEqual([{ nonsense: 'a reply of more than 100 lines' }]);
  });

  it('knows whether it stands between replies', () => {
    const parser = new ReplyParser();
    expect(parser.empty).toBe(true);
    parser.push(Buffer.from('220 go\r\n2'));
    parser.next();
    expect(parser.empty).toBe(false);
  });
});

describe('toReply', () => {
  it('takes the enhanced code out of every line', () => {
    expect(toReply({ code: 550, lines: ['5.1.1 no such', '5.1.1 user', 'here'] })).toEqual({
      code: 550,
      enhanced: '5.1.1',
      lines: ['no such', 'user', 'here'],
    });
  });

  it('leaves one of another class in the text', () => {
    expect(toReply({ code: 450, lines: ['5.1.1 odd'] })).toEqual({ code: 450, lines: ['5.1.1 odd'] });
    expect(toReply({ code: 250, lines: ['2.0.0.1 is a version'] })).toEqual({
      code: 250,
      lines: ['2.0.0.1 is a version'],
    });
  });

  it('keeps at most ten lines', () => {
    expect(toReply({ code: 250, lines: Array.from({ length: 40 }, String) }).lines).toHaveLength(10);
  });
});
