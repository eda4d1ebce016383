import { join } from 'node:path';
import { silentLog, type Log } from '../../src/base/log.ts';
import { spoolOf } from '../../src/base/spool.ts';
import { Converter } from '../../src/delivery/converter.ts';
import { Forwarder, type MailToStore } from '../../src/delivery/forwarder.ts';
import { DEFAULT_DELIVERY, type DeliveryPolicy } from '../../src/delivery/policy.ts';
import { startQueueRunner, type QueueRunner } from '../../src/delivery/queue-runner.ts';
import { imageOf } from '../../src/mail/image.ts';
import { LibraryThreads } from '../../src/sandbox/capabilities/library-threads.ts';
import { smtpDownstream } from '../../src/smtp/client.ts';
import type { Downstream } from '../../src/smtp/transaction.ts';
import { IncidentRunner } from '../../src/delivery/incidents/runner.ts';
import { Notices } from '../../src/delivery/notices.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';

/** The defaults with all waits cut to milliseconds. Notices go to `back`. */
export const QUICK: DeliveryPolicy = {
  ...DEFAULT_DELIVERY,
  retry: { firstMs: 30, maxMs: 100 },
  rest: { firstMs: 30, maxMs: 100 },
  pollMs: 15,
  bounceDownstream: () => 'back',
};

export interface DeliveryOptions {
  /** For the database; kept after `close`, so it can be opened again. */
  readonly directory: string;
  /** Ports of the server that takes mail over LMTP, and of the one that takes notices over SMTP. */
  readonly ports: { readonly mx: number; readonly back: number };
  readonly log: Log;
  readonly policy?: Partial<DeliveryPolicy> | undefined;
  /** Stands between delivery and the real store. */
  readonly through?: ((store: Store) => Store) | undefined;
  readonly more?: Readonly<Record<string, Downstream>> | undefined;
  readonly hold?: (() => () => void) | undefined;
}

export interface Delivery {
  readonly store: Store;
  readonly runner: QueueRunner;
  readonly forwarder: Forwarder;
  readonly downstreams: Map<string, Downstream>;
  close(deadlineMs: number): Promise<void>;
}

/** Store, client, runner and forwarder, put together as the gate does. */
export async function openDelivery(options: DeliveryOptions): Promise<Delivery> {
  const { directory, ports, log, policy, through = (store) => store, more = {} } = options;
  const store = through(
    await openSqliteStore({ path: join(directory, 'queue.db'), role: 'server', log: silentLog }),
  );
  const common = { hostname: 'gate.test', tls: 'none', host: '127.0.0.1', log: silentLog } as const;
  const downstreams = new Map<string, Downstream>(Object.entries(more));
  downstreams.set('mx', smtpDownstream({ ...common, name: 'mx', protocol: 'lmtp', port: ports.mx }));
  downstreams.set('back', smtpDownstream({ ...common, name: 'back', protocol: 'smtp', port: ports.back }));
  const settings = {
    store,
    downstreams,
    policy: { ...QUICK, ...policy },
    log,
    hostname: 'gate.test',
    opesSystem: 'mailto:postmaster@gate.test',
    hold: options.hold ?? (() => () => {}),
    notices: new Notices(),
    noticeSettings: {
      from: 'MAILER-DAEMON@gate.test',
      postmaster: 'postmaster@gate.test',
      perHour: 1000,
      perRecipientPerHour: 10,
    },
    incidents: new IncidentRunner({ store: store.incidents, log }),
  };
  const threads = new LibraryThreads();
  const converter = new Converter({ spoolDirectory: directory, threads, log });
  const runner = startQueueRunner({ ...settings, converter, notesPath: join(directory, 'served') });
  return {
    store,
    runner,
    downstreams,
    forwarder: new Forwarder({ ...settings, runner }),
    async close(deadlineMs) {
      await runner.stop(deadlineMs);
      await Promise.all([...downstreams.values()].map((downstream) => downstream.close(0)));
      await Promise.all([store.close(), threads.close()]);
    },
  };
}

export interface MailOrder {
  /** Latin-1, CRLF lines. */
  readonly text?: string;
  readonly sender?: string;
  /** Of MAIL. */
  readonly params?: Readonly<Record<string, string>>;
  readonly recipients?: readonly (string | { address: string; params: Record<string, string> })[];
  readonly downstream?: string;
}

export const MESSAGE = 'Subject: hello\r\nX-Long: a\r\n b\r\n\r\n.dots\r\n..and more\r\n\r\nend\r\n';

/** A message as the proxy hands it over. */
export function mailOf(order: MailOrder = {}): MailToStore {
  const spool = spoolOf(Buffer.from(order.text ?? MESSAGE, 'latin1'));
  const recipients = (order.recipients ?? ['r@example.com']).map((recipient) =>
    typeof recipient === 'string' ? { address: recipient, params: {} } : recipient,
  );
  const variant = {
    image: imageOf(spool.handle),
    source: spool,
    sender: { address: order.sender ?? 's@example.org', params: order.params ?? {} },
    recipients,
    downstream: order.downstream ?? 'mx',
  };
  return { transaction: 'transaction', queue: [variant], quarantine: [], bounces: [] };
}
