import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ScriptedMta } from '../../test/support/scripted-mta.ts';
import { silentLog } from '../base/log.ts';
import { spoolOf } from '../base/spool.ts';
import { smtpDownstream } from '../smtp/client.ts';
import type { Downstream } from '../smtp/transaction.ts';
import { ThroughRelay } from './through.ts';

const sender = { address: 's@example.org', params: {} };
const to = (address: string) => ({ address, params: {} });
const source = spoolOf(Buffer.from('Subject: through\r\n\r\nbody\r\n'));

let first: ScriptedMta;
let second: ScriptedMta;
let downstreams: Map<string, Downstream>;
let relay: ThroughRelay;

beforeEach(async () => {
  first = new ScriptedMta({ protocol: 'smtp' });
  second = new ScriptedMta({ protocol: 'lmtp' });
  await first.start();
  await second.start();
  const common = { hostname: 'gate.test', tls: 'none', host: '127.0.0.1', log: silentLog } as const;
  downstreams = new Map([
    ['first', smtpDownstream({ ...common, name: 'first', protocol: 'smtp', port: first.port })],
    ['second', smtpDownstream({ ...common, name: 'second', protocol: 'lmtp', port: second.port })],
  ]);
  relay = new ThroughRelay(downstreams);
});

afterEach(async () => {
  await relay.abort();
  await Promise.all([...downstreams.values()].map((downstream) => downstream.close(0)));
  await first.stop();
  await second.stop();
});

describe('ThroughRelay', () => {
  it('answers with what the downstream says, and sends in the transaction that is open', async () => {
    first.script = {
      rcpt: (address) => (address.includes('no') ? '550 5.1.1 nobody here' : '250 2.1.5 fine'),
      data: () => '250 2.6.0 taken as 17',
    };
    expect(await relay.mail(sender, 'first')).toMatchObject({ code: 250 });
    expect(await relay.rcpt(to('a@example.com'), 'first')).toMatchObject({ code: 250, lines: ['fine'] });
    expect(await relay.rcpt(to('no@example.com'), 'first')).toMatchObject({ code: 550, enhanced: '5.1.1' });
    const replies = await relay.deliver([
      { source, sender, recipients: [to('a@example.com')], downstream: 'first' },
    ]);
    expect(replies).toEqual([[expect.objectContaining({ code: 250, lines: ['taken as 17'] })]]);
    expect(first.mails.map((mail) => mail.to)).toEqual([['<a@example.com>']]);
    expect(first.connections).toBe(1);
  });

  it('gives up the open transaction when the recipients are no longer those, and none of them hears of it twice', async () => {
    await relay.mail(sender, 'first');
    await relay.rcpt(to('a@example.com'), 'first');
    await relay.rcpt(to('held@example.com'), 'first');
    await relay.deliver([{ source, sender, recipients: [to('a@example.com')], downstream: 'first' }]);
    expect(first.mails.map((mail) => mail.to)).toEqual([['<a@example.com>']]);
  });

  it('says a recipient anew who is filed, where the downstream takes folders, and only there', async () => {
    const common = { hostname: 'gate.test', tls: 'none', host: '127.0.0.1', log: silentLog } as const;
    const detail = { ...common, folder: 'detail' } as const;
    downstreams.set(
      'filing',
      smtpDownstream({ ...detail, name: 'filing', protocol: 'smtp', port: first.port }),
    );
    const filed = { ...to('a@example.com'), folder: 'Junk' };
    const heard: string[] = [];
    first.script = second.script = {
      rcpt: (address) => {
        heard.push(address);
        return '250 2.1.5 fine';
      },
    };
    for (const downstream of ['filing', 'second']) {
      await relay.mail(sender, downstream);
      await relay.rcpt(to('a@example.com'), downstream);
      await relay.deliver([{ source, sender, recipients: [filed], downstream }]);
    }
    expect(heard).toEqual(['<a@example.com>', '<a+Junk@example.com>', '<a@example.com>']);
    expect(first.mails.map((mail) => mail.to)).toEqual([['<a+Junk@example.com>']]);
    expect(second.mails.map((mail) => mail.to)).toEqual([['<a@example.com>']]);
  });

  it('sends variants to several downstreams, each with its replies', async () => {
    second.script = { data: () => '452 4.2.2 full' };
    await relay.mail(sender, 'first');
    await relay.rcpt(to('a@example.com'), 'first');
    await relay.rcpt(to('b@example.com'), 'second');
    const replies = await relay.deliver([
      { source, sender, recipients: [to('a@example.com')], downstream: 'first' },
      { source, sender, recipients: [to('b@example.com')], downstream: 'second' },
      { source, sender, recipients: [to('c@example.com')], downstream: 'nowhere' },
    ]);
    expect(replies.map((variant) => variant.map(({ code }) => code))).toEqual([[250], [452], [451]]);
    expect(second.mails).toHaveLength(0);
  });

  it('answers 451 for a downstream that does not exist, and remembers it for its recipients', async () => {
    expect(await relay.mail(sender, 'nowhere')).toMatchObject({ code: 451, enhanced: '4.3.5', local: true });
    expect(await relay.rcpt(to('a@example.com'), 'nowhere')).toMatchObject({ code: 451, local: true });
  });

  it('can be aborted at any time, twice, and leaves nothing at the downstream', async () => {
    await relay.mail(sender, 'first');
    await relay.rcpt(to('a@example.com'), 'first');
    await relay.abort();
    await relay.abort();
    expect(first.mails).toHaveLength(0);
  });
});
