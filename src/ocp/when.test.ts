import { describe, expect, it } from 'vitest';
import { compileWhen } from './when.ts';

const subject = { client: '192.0.2.7', sender: 'Bob@Example.NET', recipient: 'ann@example.com' };

describe('compileWhen', () => {
  it('holds without a rule', () => {
    expect(compileWhen(undefined)(subject)).toBe(true);
  });

  it.each([
    [{ recipientDomain: ['EXAMPLE.com'] }, true],
    [{ recipientDomain: ['example.org'] }, false],
    [{ recipient: ['ANN@example.com', 'x@y.z'] }, true],
    [{ senderDomain: ['example.net'] }, true],
    [{ sender: ['bob@example.net'] }, true],
    [{ sender: ['bob@example.org'] }, false],
    [{ client: ['192.0.2.0/24'] }, true],
    [{ client: ['192.0.3.0/24', '::1'] }, false],
    [{ authenticated: false }, true],
    [{ authenticated: true }, false],
    [{ recipientDomain: ['example.com'], senderDomain: ['example.org'] }, false],
  ])('%j → %s', (rule, holds) => {
    expect(compileWhen(rule)(subject)).toBe(holds);
  });

  it('knows a mailbox in another spelling', () => {
    const plain = compileWhen({ recipient: ['ann@example.com'], senderDomain: ['xn--bcher-kva.example'] });
    expect(plain({ ...subject, recipient: '"Ann"@example.com', sender: 'bob@Bücher.example' })).toBe(true);
    const clothed = compileWhen({ sender: ['"bob"@bücher.example'], recipientDomain: ['bücher.example'] });
    const recipient = 'x@xn--bcher-kva.example';
    expect(clothed({ client: '::1', sender: 'bob@xn--bcher-kva.example', recipient })).toBe(true);
    expect(clothed({ client: '::1', sender: '"b ob"@bücher.example', recipient })).toBe(false);
  });

  it('does not hold where the stage does not know what the rule needs', () => {
    expect(compileWhen({ recipientDomain: ['example.com'] })({ client: '192.0.2.7' })).toBe(false);
    expect(compileWhen({ senderDomain: [''] })({ client: '192.0.2.7' })).toBe(false);
  });

  it('knows IPv6 networks, and the null sender as a sender without a domain', () => {
    expect(compileWhen({ client: ['2001:db8::/32'] })({ client: '2001:db8::1' })).toBe(true);
    expect(compileWhen({ sender: [''] })({ client: '::1', sender: '' })).toBe(true);
  });
});
