import { describe, expect, it } from 'vitest';
import { mailCommand, rcptCommand } from './client-command.ts';
import { localReplies } from './client-replies.ts';

const offering = (...keywords: string[]) => ({
  extensions: new Map(keywords.map((keyword) => [keyword, ''] as const)),
  locals: localReplies('store'),
});

describe('mailCommand', () => {
  const params = { SIZE: '100', BODY: '8BITMIME', RET: 'HDRS', ENVID: 'q1', XODD: 'x' };

  it('says only the parameters that are offered', () => {
    const sender = { address: 'a@x.test', params };
    expect(mailCommand(sender, offering())).toEqual({ line: 'MAIL FROM:<a@x.test>' });
    expect(mailCommand(sender, offering('SIZE'))).toEqual({ line: 'MAIL FROM:<a@x.test> SIZE=100' });
    expect(mailCommand(sender, offering('SIZE', '8BITMIME', 'DSN', 'XODD'))).toEqual({
      line: 'MAIL FROM:<a@x.test> SIZE=100 BODY=8BITMIME RET=HDRS ENVID=q1 XODD=x',
    });
  });

  it('passes a request to bypass services on to who offers that (RFC 3897 section 4.3)', () => {
    const sender = { address: 'a@x.test', params: { 'OPES-BYPASS': 'https://a.test/?b+3Dc' } };
    expect(mailCommand(sender, offering('OPES-BYPASS'))).toEqual({
      line: 'MAIL FROM:<a@x.test> OPES-BYPASS=https://a.test/?b+3Dc',
    });
    expect(mailCommand(sender, offering())).toEqual({ line: 'MAIL FROM:<a@x.test>' });
  });

  it('says the null reverse-path', () => {
    expect(mailCommand({ address: '', params: {} }, offering())).toEqual({ line: 'MAIL FROM:<>' });
  });

  it('says BINARYMIME where it is offered', () => {
    const sender = { address: 'a@x.test', params: { BODY: 'BINARYMIME' } };
    expect(mailCommand(sender, offering('8BITMIME', 'CHUNKING', 'BINARYMIME'))).toEqual({
      line: 'MAIL FROM:<a@x.test> BODY=BINARYMIME',
    });
    expect(mailCommand(sender, offering('8BITMIME', 'CHUNKING'))).toEqual({ line: 'MAIL FROM:<a@x.test>' });
  });

  it('refuses SMTPUTF8 where it is not offered, and asks for it where an address needs it', () => {
    const asked = { address: 'a@x.test', params: { SMTPUTF8: '' } };
    const needed = { address: 'ä@x.test', params: {} };
    const refusal = { code: 550, enhanced: '5.6.7', local: true };
    expect(mailCommand(asked, offering())).toMatchObject({ refusal });
    expect(mailCommand(needed, offering())).toMatchObject({ refusal });
    expect(mailCommand(needed, offering('SMTPUTF8'))).toEqual({ line: 'MAIL FROM:<ä@x.test> SMTPUTF8' });
  });

  it('drops a parameter that would be a command of its own', () => {
    const sender = { address: 'a@x.test', params: { XA: 'x\r\nRCPT TO:<b@x.test>', 'X B': 'y', XC: 'a b' } };
    expect(mailCommand(sender, offering('XA', 'X B', 'XC'))).toEqual({ line: 'MAIL FROM:<a@x.test>' });
  });
});

describe('rcptCommand', () => {
  it('says the parameters of RFC 3461 where DSN is offered', () => {
    const recipient = { address: 'a@x.test', params: { NOTIFY: 'NEVER', ORCPT: 'rfc822;a+2Bb@x.test' } };
    expect(rcptCommand(recipient, offering())).toEqual({ line: 'RCPT TO:<a@x.test>' });
    expect(rcptCommand(recipient, offering('DSN'))).toEqual({
      line: 'RCPT TO:<a@x.test> NOTIFY=NEVER ORCPT=rfc822;a+2Bb@x.test',
    });
  });

  it.each(['postmaster', '"a b>c"@x.test', '"a\\"> b"@x.test', 'a@[192.0.2.1]', "o'x+tag@x.test"])(
    'takes %s as it is',
    (address) => {
      expect(rcptCommand({ address, params: {} }, offering())).toEqual({ line: `RCPT TO:<${address}>` });
    },
  );

  it.each([
    '',
    'a@x.test>',
    'a@x.test> NOTIFY=NEVER',
    'a@x.test\r\nDATA',
    'a\u0000@x.test',
    '"a@x.test',
    `${'a'.repeat(1000)}@x`,
  ])('refuses %j', (address) => {
    expect(rcptCommand({ address, params: {} }, offering())).toMatchObject({
      refusal: { code: 553, enhanced: '5.1.3', local: true },
    });
  });

  it('refuses an internationalised address where SMTPUTF8 is not offered', () => {
    expect(rcptCommand({ address: 'ä@x.test', params: {} }, offering())).toMatchObject({
      refusal: { code: 550, enhanced: '5.6.7' },
    });
  });
});
