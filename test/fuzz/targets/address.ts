import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  addressProblem,
  domainOf,
  normalAddress,
  parseMailArgument,
  parseRcptArgument,
  plainAddress,
  sameAddress,
} from '../../../src/mail/address.ts';
import type { Recipient, Sender } from '../../../src/mail/envelope.ts';
import { formatReply } from '../../../src/mail/reply.ts';
import { decodeXtext } from '../../../src/mail/xtext.ts';
import { mailCommand, rcptCommand, type Command } from '../../../src/smtp/client-command.ts';
import { localReplies } from '../../../src/smtp/client-replies.ts';
import type { Target } from '../target.ts';

// oxlint-disable-next-line no-control-regex -- control characters are what must not be there
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
/** A downstream that offers all there is. */
const CONTEXT = {
  extensions: new Map(
    ['SIZE', '8BITMIME', 'BINARYMIME', 'SMTPUTF8', 'DSN', 'AUTH', 'MT-PRIORITY', 'DELIVERBY'].map((name) => [
      name,
      '',
    ]),
  ),
  locals: localReplies('test'),
};

const lineOf = (command: Command): string => ('line' in command ? command.line : '');

function parsed(octets: Buffer): Sender | Recipient | undefined {
  const argument = octets.toString('utf8');
  const isMail = /^from:/i.test(argument);
  const result = isMail ? parseMailArgument(argument) : parseRcptArgument(argument, { smtputf8: true });
  if ('value' in result) return result.value;
  const said = formatReply(result.refusal);
  assert.ok(!CONTROL.test(said) && said.length < 200);
  return undefined;
}

const localPart = fc.oneof(
  fc.stringMatching(/^[a-z!#$%&'*+/=?^_`{|}~.-]{1,12}$/),
  fc.stringMatching(/^"(?:[ !#-[\]-~]|\\[ -~]){0,8}"$/),
  fc.string({ unit: 'grapheme', maxLength: 6 }),
);
const domain = fc.oneof(
  fc.domain(),
  fc.constantFrom('[192.0.2.1]', '[IPv6:2001:db8::1]', 'xn--bcher-kva.example', 'bücher.example'),
);
const route = fc.oneof(
  fc.constant(''),
  fc.domain().map((hop) => `@${hop}:`),
);
const param = fc.constantFrom(
  ' SIZE=10',
  ' BODY=8BITMIME',
  ' SMTPUTF8',
  ' ENVID=a+2Bb',
  ' ORCPT=rfc822;a@b',
  ' X',
  ' A==',
  ' ',
);

/** `mail/address.ts`, `mail/xtext.ts` and `smtp/client-command.ts`: the arguments of MAIL and RCPT, in and out. */
export const address: Target = {
  name: 'address',
  words: [
    'FROM:<',
    'TO:<',
    '>',
    '@',
    '"',
    '\\',
    ' SIZE=1',
    ' SMTPUTF8',
    '@a,@b:',
    '[IPv6:',
    '+2B',
    'ü',
    '\u2028',
    '\u0130',
  ],
  made: fc
    .tuple(fc.constantFrom('FROM:', 'TO:'), route, localPart, domain, fc.array(param, { maxLength: 3 }))
    .map(([keyword, hops, local, host, params]) =>
      Buffer.from(`${keyword}<${hops}${local}@${host}>${params.join('')}`),
    ),
  properties: {
    'an accepted address has no control characters, and is accepted as it is passed on'(octets) {
      const value = parsed(octets);
      if (value === undefined) return;
      assert.ok(!CONTROL.test(value.address));
      assert.ok(Buffer.byteLength(value.address) <= 254);
      if (value.address.includes('@'))
        assert.equal(addressProblem(value.address, { smtputf8: true }), undefined);
      assert.equal(Object.getPrototypeOf(value.params), Object.prototype);
    },
    'the command for the next hop is one line that says the same'(octets) {
      const value = parsed(octets);
      if (value === undefined) return;
      const isMail = /^from:/i.test(octets.toString('utf8'));
      const line = lineOf(isMail ? mailCommand(value, CONTEXT) : rcptCommand(value, CONTEXT));
      assert.ok(line !== '' && !CONTROL.test(line), line);
      const argument = line.slice('MAIL '.length);
      const again = isMail ? parseMailArgument(argument) : parseRcptArgument(argument, { smtputf8: true });
      assert.ok('value' in again, line);
      assert.equal(again.value.address, value.address);
      for (const [name, text] of Object.entries(again.value.params)) {
        if (name !== 'SMTPUTF8') assert.equal(text, value.params[name]);
      }
    },
    'what a service proposes stays between its angle brackets'(octets) {
      const text = octets.toString('utf8');
      for (const command of [mailCommand({ address: text, params: { ENVID: text } }, CONTEXT)]) {
        if (!('line' in command)) continue;
        // oxlint-disable-next-line no-control-regex -- what would end the line
        assert.ok(!/[\u0000-\u001f\u007f]/.test(command.line));
        const bare = command.line.replace(/"(?:[^"\\]|\\.)*"/g, '');
        assert.equal(bare.indexOf('>'), bare.indexOf('>', bare.indexOf('<')), command.line);
      }
    },
    'a normal form is its own normal form, and the plain form has the same'(octets) {
      const value = parsed(octets);
      if (value === undefined) return;
      const normal = normalAddress(value.address);
      assert.equal(normalAddress(normal), normal);
      assert.equal(plainAddress(plainAddress(value.address)), plainAddress(value.address));
      assert.ok(sameAddress(value.address, plainAddress(value.address)));
      assert.ok(value.address.endsWith(domainOf(value.address)));
    },
    'xtext never grows, and decodes what was encoded'(octets) {
      const text = octets.toString('latin1');
      assert.ok(decodeXtext(text).length <= text.length);
      const encoded = text.replace(/[^!-*,-<>-~]/g, (char) => {
        return `+${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
      });
      assert.equal(decodeXtext(encoded), text);
    },
  },
};
