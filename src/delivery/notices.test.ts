import { describe, expect, it } from 'vitest';
import { RecordingLog } from '../../test/support/recording-log.ts';
import { Notices } from './notices.ts';
import type { NoticeOrder } from '../ocp/notice.ts';
import { DEFAULT_DELIVERY } from './policy.ts';

const policy = {
  ...DEFAULT_DELIVERY,
  bounceDownstream: (address: string) => (address.endsWith('@nowhere.test') ? undefined : 'out'),
};
const settings = {
  from: 'MAILER-DAEMON@gate.test',
  postmaster: 'admin@gate.test',
  perHour: 100,
  perRecipientPerHour: 3,
};
const HOUR = 3_600_000;

function start(postmaster = settings.postmaster) {
  const clock = { ms: 0 };
  const notices = new Notices(() => clock.ms);
  const log = new RecordingLog();
  let texts = 0;
  const order = (
    more: Partial<NoticeOrder> & { to?: 'sender' | 'recipients' | 'postmaster' } = {},
  ): NoticeOrder => {
    const { to = 'postmaster', ...others } = more;
    return {
      service: 'antivirus',
      notice: { kind: 'notice', to, subject: 'A virus', text: `text ${(texts += 1)}` },
      perHour: 50,
      sender: 'bob@example.net',
      recipients: [{ address: 'ann@example.com', downstream: 'local' }],
      headers: new Uint8Array(),
      ...others,
    };
  };
  const sent = (...orders: NoticeOrder[]) =>
    notices.entriesFor(orders, {
      transaction: 't',
      policy,
      settings: { ...settings, postmaster },
      hostname: 'gate.test',
      log,
      now: 1_800_000_000_000,
    });
  return { clock, log, order, sent };
}

describe('limits', () => {
  it('hold for an address, in whatever spelling, and are filled again within the hour', () => {
    const { clock, log, order, sent } = start();
    const to = (address: string) =>
      order({ to: 'recipients', recipients: [{ address, downstream: 'local' }] });
    const spellings = ['ann@example.com', 'Ann@Example.com', '"ann"@example.com', 'ANN@example.com'];
    expect(spellings.flatMap((address) => sent(to(address)))).toHaveLength(3);
    expect(log.said('a notice is over the limits')).toMatchObject([
      { to: 'ANN@example.com', limit: 'notices.perRecipientPerHour', overLimits: 1 },
    ]);
    expect(sent(to('carl@example.com'))).toHaveLength(1);
    clock.ms += HOUR / 3;
    expect([...sent(to('ann@example.com')), ...sent(to('ann@example.com'))]).toHaveLength(1);
  });

  it('hold for a service and for all together, counted by address', () => {
    const { order, sent, log } = start();
    const many = Array.from({ length: 200 }, (_, index) => ({
      address: `r${index}@example.com`,
      downstream: 'local',
    }));
    const about = (service: string) => sent(order({ service, to: 'recipients', recipients: many }));
    expect(about('one')).toHaveLength(50);
    // What is over a limit of the service uses none of the others up.
    const fresh = Array.from({ length: 200 }, (_, index) => ({
      address: `s${index}@example.com`,
      downstream: 'local',
    }));
    expect(sent(order({ service: 'two', to: 'recipients', recipients: fresh, perHour: 80 }))).toHaveLength(
      50,
    );
    const limits = log.said('a notice is over the limits').map(({ limit }) => limit);
    expect(new Set(limits)).toEqual(
      new Set([
        'services.one.grants.notify.perHour',
        'notices.perHour',
        'services.two.grants.notify.perHour',
      ]),
    );
    expect(log.said('a notice is over the limits').at(-1)).toMatchObject({ overLimits: 300 });
  });
});

it('goes by the routes of bounces, to recipients by that of their mail, and to nobody without a route', () => {
  const { order, sent, log } = start();
  const all = (['sender', 'recipients', 'postmaster'] as const).map((to) => order({ to }));
  expect(
    sent(...all).map(({ recipients, downstream, sender }) => [
      recipients[0]!.address,
      downstream,
      sender.address,
    ]),
  ).toEqual([
    ['bob@example.net', 'out', ''],
    ['ann@example.com', 'local', ''],
    ['admin@gate.test', 'out', ''],
  ]);
  expect(sent(order({ to: 'sender', sender: 'x@nowhere.test' }))).toEqual([]);
  const own = [{ address: 'mailer-daemon@GATE.test', downstream: 'local' }];
  expect(sent(order({ to: 'recipients', recipients: own }))).toEqual([]);
  expect(log.said('a notice is not sent').map(({ reason }) => reason)).toEqual([
    'nothing takes notices to it; set bounce.downstream',
    'it is our own address of notices',
  ]);
});

it('warns that nothing leads to the postmaster, and says what to do', () => {
  const { order, sent, log } = start('admin@nowhere.test');
  expect(sent(order({ to: 'postmaster' }))).toEqual([]);
  expect(log.lines).toMatchObject([
    {
      level: 'warn',
      message: 'a notice is not sent',
      fields: {
        to: 'admin@nowhere.test',
        reason:
          'nothing takes notices to it; set postmaster to an address in the domains of a listener, or bounce.downstream',
      },
    },
  ]);
});

it('says the same to one reader once', () => {
  const { order, sent } = start();
  const one = order();
  expect(
    sent(one, { ...one, recipients: [{ address: 'carl@example.com', downstream: 'local' }] }),
  ).toHaveLength(1);
  expect(sent(one)).toHaveLength(1);
});

it.each([
  ['Auto-Submitted: auto-replied (vacation)', 0],
  ['Auto-Submitted: no; owner=x', 1],
  ['Auto-Submitted: none', 0],
  ['AUTO-SUBMITTED:\r\n auto-generated', 0],
  ['Subject: Auto-Submitted: auto-generated', 1],
])('about mail with %j: %i', (field, count) => {
  const { order, sent } = start();
  expect(sent(order({ headers: Buffer.from(`${field}\r\n`) }))).toHaveLength(count);
});
