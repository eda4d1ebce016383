import { expect, it } from 'vitest';
import { isMimeValue, isToken } from './mime-value.ts';

it.each(['mx.example.com', 'mx-1_a', "a!#$%&'*+^`{|}~b", '7'])('takes %s as a token', (text) => {
  expect([isToken(text), isMimeValue(text)]).toEqual([true, true]);
});

it.each([
  '"mx.example.com"',
  '"our gate; the second"',
  String.raw`"a \"quoted\" \\ name"`,
  '"[2001:db8::1]"',
])('takes %s as a value that is quoted', (text) => {
  expect([isToken(text), isMimeValue(text)]).toEqual([false, true]);
});

it.each([
  '',
  '""',
  'mx.example.com; dmarc=pass',
  'mx example',
  'mx.example.com:25',
  '[2001:db8::1]',
  'mx(gate)',
  'mx@example.com',
  '"mx',
  'mx"',
  '"mx"; dmarc=pass; x="y"',
  String.raw`"mx\"`,
  '"mx"x',
  'mx\r\nX: y',
  '"mx\r\n\ty"',
  'mx\n',
  'müller',
  '"müller"',
])('takes %j as neither', (text) => {
  expect([isToken(text), isMimeValue(text)]).toEqual([false, false]);
});
