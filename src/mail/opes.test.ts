import { describe, expect, it } from 'vitest';
import { indexHeader } from './header-index.ts';
import { asksToBypass, bypassIn, composeTrace, disclaimTrace, parseBypass, serviceUri } from './opes.ts';

const SYSTEM = 'https://gate.test/opes';
const text = (octets: Uint8Array): string => Buffer.from(octets).toString();

describe('a trace', () => {
  it('names the system in both fields, and the services in order', () => {
    expect(text(composeTrace({ system: SYSTEM, id: '1a', services: ['spam', 'footer'] }))).toBe(
      'OPES-System: https://gate.test/opes; id=1a\r\n' +
        'OPES-Via: https://gate.test/opes; id=1a,\r\n' +
        ' https://gate.test/opes?service=spam, https://gate.test/opes?service=footer\r\n',
    );
  });

  it('keeps the query of a system in the URI of a service', () => {
    expect(serviceUri('https://gate.test/opes?of=a', 'spam')).toBe(
      'https://gate.test/opes?of=a&service=spam',
    );
  });

  it('in our name is disclaimed where it comes in, and nothing else is touched', () => {
    const others = ['OPES-System: https://gate.test/other', 'Subject: OPES-System: https://gate.test/opes'];
    const claims = [
      'opes-system : https://gate.test/opes',
      'OPES-Via: https://a.test,\r\n https://gate.test/opes?service=x;y=1',
      'OPES-System: HTTPS://Gate.TEST/opes; id=1',
    ];
    const header = Buffer.from(
      `${[others[0], claims[0], others[1], claims[1], claims[2]].join('\r\n')}\r\n\r\n`,
    );
    const splices = disclaimTrace(indexHeader(header), SYSTEM);
    expect(splices.map(({ offset, remove, bytes }) => [offset, remove, text(bytes)])).toEqual(
      claims.map((claim) => [header.indexOf(claim), 0, 'X-Claimed-']),
    );
  });
});

describe('a request to bypass services', () => {
  it.each([
    ['*', ['*']],
    [' https://a.test/x?y=1 ,mailto:a@b.test; id=3, ', ['https://a.test/x?y=1', 'mailto:a@b.test']],
  ])('is read: %s', (value, entries) => expect(parseBypass(value)).toEqual(entries));

  it.each(['', ',', 'spam', 'https://a.test b', '<https://a.test>', '*x', Array(101).fill('a:b').join(',')])(
    'is none: %s',
    (value) => expect(parseBypass(value)).toBeUndefined(),
  );

  it('may stand in several fields', () => {
    const header = indexHeader(Buffer.from('OPES-Bypass: a:b\r\nSubject: x\r\nopes-bypass:\r\n c:d\r\n\r\n'));
    expect(bypassIn(header)).toBe('a:b, c:d');
    expect(bypassIn(indexHeader(Buffer.from('Subject: x\r\n\r\n')))).toBeUndefined();
  });

  // RFC 3897 section 4.3: what names nobody known is a wildcard.
  it.each([
    ['*', true],
    [SYSTEM, true],
    [`${SYSTEM}?service=spam`, true],
    [`${SYSTEM}?service=footer`, false],
    ['HTTPS://GATE.test/opes?service=footer', false],
    ['HTTPS://GATE.test/opes?service=spam', true],
    [`${SYSTEM}?service=nobody`, false],
    ['https://other.test/opes', true],
    ['https://gate.test/', true],
  ])('for %s is one for spam: %s', (entry, asked) => {
    expect(asksToBypass(parseBypass(entry)!, { system: SYSTEM, service: 'spam' })).toBe(asked);
  });
});
