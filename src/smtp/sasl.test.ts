import { describe, expect, it } from 'vitest';
import { beginSasl, type SaslStep } from './sasl.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

function answer(step: SaslStep, line: string): SaslStep {
  if (step.kind !== 'challenge') throw new Error(`no challenge but ${step.kind}`);
  return step.next(line);
}

const code = (step: SaslStep): string =>
  step.kind === 'refused' ? `${step.reply.code} ${step.reply.enhanced}` : step.kind;

describe('PLAIN', () => {
  it('takes an initial response', () => {
    expect(beginSasl('PLAIN', base64('\0ann\0pass word'))).toEqual({
      kind: 'credentials',
      user: 'ann',
      password: 'pass word',
    });
  });

  it('takes the response to an empty challenge', () => {
    const step = beginSasl('PLAIN', undefined);
    expect(step).toMatchObject({ kind: 'challenge', text: '' });
    expect(answer(step, base64('ann\0ann\0päss'))).toMatchObject({ user: 'ann', password: 'päss' });
  });

  it('refuses to let one user act for another', () => {
    expect(code(beginSasl('PLAIN', base64('bob\0ann\0pass')))).toBe('535 5.7.8');
  });

  it.each([
    ['an empty initial response', '='],
    ['too few parts', base64('ann\0pass')],
    ['too many parts', base64('\0ann\0pa\0ss')],
    ['no user', base64('\0\0pass')],
    ['no password', base64('\0ann\0')],
    ['a control character in the user', base64('\0an\nn\0pass')],
    ['broken UTF-8', Buffer.from([0, 0x61, 0, 0xff]).toString('base64')],
    ['no base64', 'AGFubgBwYXNz!'],
    ['base64 without its padding', 'AGFubgBwYXN'],
  ])('refuses %s', (_name, response) => {
    expect(code(beginSasl('PLAIN', response))).toBe('501 5.5.2');
  });

  it('refuses more than a name or password can be', () => {
    expect(code(beginSasl('PLAIN', base64(`\0${'u'.repeat(1025)}\0p`)))).toBe('500 5.5.6');
  });
});

describe('LOGIN', () => {
  it('asks for user and password', () => {
    const user = beginSasl('LOGIN', undefined);
    expect(user).toMatchObject({ text: base64('Username:') });
    const password = answer(user, base64('ann'));
    expect(password).toMatchObject({ text: base64('Password:') });
    expect(answer(password, base64('pass'))).toEqual({ kind: 'credentials', user: 'ann', password: 'pass' });
  });

  it('takes the user as an initial response', () => {
    const step = beginSasl('LOGIN', base64('ann'));
    expect(answer(step, base64('pass'))).toMatchObject({ user: 'ann', password: 'pass' });
  });

  it('can be cancelled at each step', () => {
    expect(code(answer(beginSasl('LOGIN', undefined), '*'))).toBe('501 5.7.0');
    expect(code(answer(beginSasl('LOGIN', base64('ann')), '*'))).toBe('501 5.7.0');
  });
});
