import { expect, test } from 'vitest';
import type { Config } from './config.ts';
import { noticeRoute } from './notice-route.ts';

type Protocol = Config['downstreams'][number]['protocol'];

const DOWNSTREAMS = { store: 'lmtp', local: 'maildir', relay: 'smtp' } as const;

function route(
  sender: string,
  options: { submission?: keyof typeof DOWNSTREAMS; inbound?: keyof typeof DOWNSTREAMS; bounce?: string },
): string | undefined {
  const { submission, inbound = 'store', bounce } = options;
  const listeners = [
    { protocol: 'smtp', domains: ['example.com'], downstream: inbound },
    ...(submission === undefined ? [] : [{ protocol: 'submission', downstream: submission }]),
  ];
  const downstreams = Object.entries(DOWNSTREAMS).map(([name, protocol]: [string, Protocol]) => {
    return { name, protocol };
  });
  const config = { listeners, downstreams, bounce: bounce === undefined ? {} : { downstream: bounce } };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all that it looks at
  return noticeRoute(config as unknown as Config, sender);
}

test.each([
  ['a sender of ours: behind the listener', 'ann@Example.COM', {}, 'store'],
  ['a sender of ours, whatever takes the others', 'ann@example.com', { bounce: 'relay' }, 'store'],
  ['an outside sender, with a mailbox store alone: nowhere', 'bob@example.net', {}, undefined],
  ['an outside sender, relayed inwards: nowhere', 'bob@example.net', { inbound: 'relay' }, undefined],
  ['an outside sender: where submitted mail goes out', 'bob@example.net', { submission: 'relay' }, 'relay'],
  [
    'an outside sender, submitted mail kept here: nowhere',
    'bob@example.net',
    { submission: 'local' },
    undefined,
  ],
  ['an outside sender: where the operator says', 'bob@example.net', { bounce: 'local' }, 'local'],
] as const)('%s', (_, sender, options, expected) => {
  expect(route(sender, options)).toBe(expected);
});
