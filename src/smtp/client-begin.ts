import type { ClientConnection } from './client-connection.ts';
import type { ClientSettings } from './client-options.ts';
import type { LocalReplies } from './client-replies.ts';
import type { ConnectionPool } from './pool.ts';
import type { DownstreamReply } from './transaction.ts';

/** What every transaction with one downstream shares. */
export interface ClientContext {
  readonly settings: ClientSettings;
  readonly locals: LocalReplies;
  readonly pool: ConnectionPool;
}

/**
 * Begins a transaction: takes a connection and lets `say` say MAIL there (and perhaps more) and tell its reply.
 *
 * A kept connection may have been closed by the downstream while it was idle, which shows only now. Then, if MAIL
 * got no answer, or a 421, all is said once more on a new connection. No duplicate can come of it: nothing
 * of a message was sent.
 */
export async function begin<T extends { readonly mail: DownstreamReply }>(
  context: ClientContext,
  say: (connection: ClientConnection) => Promise<T>,
): Promise<{ connection: ClientConnection; said: T } | { failure: DownstreamReply }> {
  let connected = await context.pool.acquire();
  for (;;) {
    if ('failure' in connected) return connected;
    const { connection } = connected;
    const kept = connection.transactions > 0;
    connection.transactions += 1;
    let said: T;
    try {
      said = await say(connection);
    } catch (error) {
      discard(connection, context);
      throw error;
    }
    if (!kept || !isStale(connection, said.mail)) return { connection, said };
    connected = await context.pool.renew(connection);
  }
}

function isStale({ wire }: ClientConnection, mail: DownstreamReply): boolean {
  if (mail.local !== true) return mail.code === 421;
  return wire.lost?.kind === 'closed';
}

/** Says RSET (RFC 5321 section 4.1.1.5) and gives the connection back. Never rejects. */
export async function reset(connection: ClientConnection, { pool, settings }: ClientContext): Promise<void> {
  const { wire } = connection;
  wire.write('RSET\r\n');
  const answer = await wire.receive({ ms: settings.timeouts.commandMs, positive: 2 });
  if (answer.code >= 400) wire.end({ kind: 'ours', reply: answer, cause: 'RSET refused' });
  pool.release(connection);
}

/** Ends a connection of which nobody knows any more what was said on it. */
export function discard(connection: ClientConnection, { pool, locals }: ClientContext): void {
  connection.wire.end({ kind: 'ours', reply: locals.closed(), cause: 'discarded' });
  pool.release(connection);
}
