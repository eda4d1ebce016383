import { expect, it } from 'vitest';
import { silentLog } from '../base/log.ts';
import { spoolOf } from '../base/spool.ts';
import { reply } from '../mail/reply.ts';
import { compileRequesters } from '../ocp/requesters.ts';
import { dispose } from './dispose.ts';
import type { MailToStore, ThroughRelay } from './forwarder.ts';
import type { ProxyOptions } from './options.ts';
import { Transaction } from './transaction.ts';

/** A message to a@ and b@ by SMTP, which the downstream takes for a@ alone. */
it('bounces what the downstream refused under a 250, in the words of the downstream', async () => {
  const stored: MailToStore[] = [];
  const refusal = reply(552, '5.2.2', 'Quota exceeded');
  const relay: ThroughRelay = {
    mail: async () => reply(250, '2.1.0', 'Ok'),
    rcpt: async () => reply(250, '2.1.5', 'Ok'),
    deliver: async () => [[reply(250, '2.0.0', 'Saved'), refusal]],
    abort: async () => {},
  };
  const options: ProxyOptions = {
    hostname: 'gate.test',
    listener: {
      name: 'inbound',
      protocol: 'smtp',
      domains: new Set(['example.com']),
      downstream: 'store',
      mode: 'through',
      mixedVerdicts: 'bounce',
    },
    dispatcher: undefined,
    forwarder: {
      canNotify: () => true,
      extensions: async () => new Map(),
      through: () => relay,
      store: async (mail) => {
        stored.push(mail);
        return { ids: [], released: Promise.resolve() };
      },
    },
    opes: { system: 'mailto:postmaster@gate.test', requesters: compileRequesters([]) },
    bypasses: { findBypasses: () => Promise.reject(new Error('nothing is asked')) },
    breaks: { countBreak: () => Promise.reject(new Error('nothing is asked')) },
    blobs: { ended: () => {} },
    log: silentLog,
    hold: () => () => {},
  };
  const transaction = new Transaction({
    sender: { address: 's@example.org', params: {} },
    state: {},
    relay,
    release: () => {},
    client: { client: '127.0.0.1', user: undefined },
    options,
  });
  for (const address of ['a@example.com', 'b@example.com']) {
    const given = { address, params: {} };
    const targets = [{ recipient: given, downstream: 'store' }];
    transaction.recipients.push({ given, address, targets, proposal: undefined });
  }
  const { answers } = await dispose({
    transaction,
    spool: spoolOf(Buffer.from('Subject: x\r\n\r\n')),
    session: {
      client: { sessionId: 's', address: '127.0.0.1', port: 1, localAddress: '127.0.0.1', localPort: 2 },
      helo: { verb: 'EHLO', name: 'client.test' },
      tls: undefined,
      user: undefined,
    },
    options,
  });

  expect(answers.map(({ reply: said }) => said?.code)).toEqual([250]);
  expect(stored.flatMap(({ bounces }) => bounces)).toMatchObject([
    {
      sender: { address: 's@example.org' },
      recipients: [{ recipient: { address: 'b@example.com' }, reply: refusal, remote: 'store' }],
    },
  ]);
});
