import { silentLog } from '../base/log.ts';
import { spoolOf } from '../base/spool.ts';
import { formatReply } from '../mail/reply.ts';
import { smtpDownstream } from './client.ts';
import type { ClientTimeouts, SmtpDownstreamOptions } from './client-options.ts';
import { Peer, type Script } from './client-testing.ts';
import type { Downstream, DownstreamReply } from './transaction.ts';

/** What the tests of the client share: a client of a scripted downstream, and a message for it. */
/** What else is to be ended. */
export const closers: (() => Promise<void>)[] = [];
/** Ends what `start` has begun. */
export async function endAll(): Promise<void> {
  for (const close of closers.splice(0)) await close();
}

interface Extra {
  protocol?: 'smtp' | 'lmtp';
  timeouts?: Partial<ClientTimeouts>;
  maxConnections?: number;
  idleSeconds?: number;
  maxTransactionsPerConnection?: number;
}

export async function start(
  script: Script,
  extra: Extra = {},
): Promise<{ peer: Peer; downstream: Downstream }> {
  const peer = new Peer(script);
  const port = await peer.listen();
  const options: SmtpDownstreamOptions = {
    name: 'store',
    protocol: 'smtp',
    host: '127.0.0.1',
    port,
    hostname: 'gate.test',
    tls: 'none',
    log: silentLog,
    ...extra,
  };
  const downstream = smtpDownstream(options);
  closers.push(
    () => downstream.close(100),
    () => peer.close(),
  );
  return { peer, downstream };
}

export const from = (address: string) => ({ address, params: {} });
export const to = (...addresses: string[]) => addresses.map(from);
export const message = spoolOf(Buffer.from('Subject: x\r\n\r\n.dot\r\nend\r\n'));
export const WIRE = 'Subject: x\r\n\r\n..dot\r\nend\r\n.\r\n';
export const said = (replies: readonly DownstreamReply[]) =>
  replies.map((reply) => `${reply.local === true ? 'local ' : ''}${formatReply(reply)}`);
export const requestTo = (...addresses: string[]) => ({
  sender: from('s@x.test'),
  recipients: to(...addresses),
  message,
});

export const LOST = 'local 421 4.4.2 downstream store closed the connection';
export const SLOW = 'local 421 4.4.2 downstream store did not answer in time';
