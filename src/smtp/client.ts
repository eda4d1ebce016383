import { Connector } from './client-connection.ts';
import { withDefaults, type SmtpDownstreamOptions } from './client-options.ts';
import { localReplies } from './client-replies.ts';
import { sendWhole } from './client-send.ts';
import { StepwiseTransaction } from './client-transaction.ts';
import { tellingFolders } from './folders.ts';
import { ConnectionPool } from './pool.ts';
import type { ClientContext } from './client-begin.ts';
import type { Downstream, DownstreamReply, DownstreamTransaction, SendRequest } from './transaction.ts';

/**
 * A downstream that speaks SMTP (RFC 5321) or LMTP (RFC 2033).
 *
 * `open` is for through mode: one command, one reply, the downstream's own. `send` is for the queue: everything in
 * as few round trips as PIPELINING allows. Both share the kept connections.
 *
 * Nothing that a downstream does makes these reject; it is a reply, with `local: true` where the words are ours:
 *
 *   421 4.4.1  cannot be reached                 450 4.3.2  no free connection in time
 *   421 4.4.2  closed, or did not answer in time 451 4.3.0  would not begin a session; message not readable
 *   451 4.4.2  LMTP: no reply for this recipient 451 4.5.0  answered nonsense
 *   451 4.7.4  no TLS where it is required       451 4.7.5  TLS failed where it is required
 *   550 5.6.0  bare CR or LF in the message      550 5.6.7  SMTPUTF8 needed and not offered
 *   554 5.6.3  8-bit or binary, not taken there, and not converted
 *   553 5.1.3, 5.1.7  an address that can't be put into a command
 *
 * A message goes after DATA, one with BODY=BINARYMIME in chunks of BDAT (RFC 3030), and only where BINARYMIME and CHUNKING are offered.
 * `open` converts nothing; `send` has converted what the downstream does not take (`client-way.ts`).
 *
 * A downstream that says 421 and closes is quoted: its 421 stands for the replies that it left out.
 */
export function smtpDownstream(options: SmtpDownstreamOptions): Downstream {
  const downstream = new SmtpDownstream(options);
  const { folder = 'none', recipientDelimiter = '+', log } = options;
  return folder === 'none' ? downstream : tellingFolders(downstream, { folder, recipientDelimiter, log });
}

class SmtpDownstream implements Downstream {
  readonly name: string;
  readonly takesFolders = false;
  #extensions: ReadonlyMap<string, string> | undefined;
  #asking: Promise<void> | undefined;
  readonly #context: ClientContext;

  constructor(options: SmtpDownstreamOptions) {
    const settings = withDefaults(options);
    const locals = localReplies(settings.name);
    const connector = new Connector(settings, locals);
    const pool = new ConnectionPool({
      connect: async () => {
        const connected = await connector.connect();
        if ('connection' in connected) this.#extensions = connected.connection.extensions;
        return connected;
      },
      max: settings.maxConnections,
      idleMs: settings.idleSeconds * 1000,
      waitMs: settings.timeouts.connectMs,
      maxTransactions: settings.maxTransactionsPerConnection,
      locals,
    });
    this.name = settings.name;
    this.#context = { settings, locals, pool };
  }

  async extensions(): Promise<ReadonlyMap<string, string>> {
    if (this.#extensions === undefined) {
      this.#asking ??= this.#connectOnce().finally(() => {
        this.#asking = undefined;
      });
      await this.#asking;
    }
    return this.#extensions ?? new Map();
  }

  async #connectOnce(): Promise<void> {
    const { pool } = this.#context;
    const connected = await pool.acquire();
    if ('failure' in connected) return;
    // It may be closed while it is idle, as one that had a transaction.
    connected.connection.transactions += 1;
    pool.release(connected.connection);
  }

  open(): DownstreamTransaction {
    return new StepwiseTransaction(this.#context);
  }

  send(request: SendRequest): Promise<DownstreamReply[]> {
    return sendWhole(request, this.#context);
  }

  close(deadlineMs: number): Promise<void> {
    return this.#context.pool.close(deadlineMs);
  }
}
