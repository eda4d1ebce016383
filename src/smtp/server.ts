import type { AddressInfo, Socket } from 'node:net';
import { TLSSocket, type SecureContext } from 'node:tls';
import { SMTPServer, type SMTPServerSession } from 'smtp-server';
import { OperationalError, describeError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import { reply, type Reply } from '../mail/reply.ts';
import type { HandlerFactory } from './handler.ts';
import { listenerSettings, type ListenerOptions, type ListenerSettings } from './listener-options.ts';
import { ServerSession, type SessionHost } from './server-session.ts';
import { secureContext, type TlsIdentity } from './tls.ts';

/**
 * The server's side of SMTP (RFC 5321), SUBMIT (RFC 6409) and LMTP (RFC 2033), on `smtp-server`. It speaks the protocol and
 * keeps its order; what is taken and what becomes of it is for the SessionHandler (`handler.ts`).
 *
 * What is offered is told by the table in `server-extensions.ts`. Not offered: DSN, XCLIENT, XFORWARD, PROXY, TLS from the first octet.
 *
 *   server.ts           the listener: accepts, counts, shuts down
 *   server-session.ts   one connection: socket, timers, replies
 *   receiver.ts         octets to command lines (server-lines.ts) and messages (server-data.ts)
 *   server-intake.ts    a message into its spool, after DATA or in chunks of BDAT (server-chunks.ts)
 *   server-dialog.ts    the state machine: commands to handler calls and replies; AUTH in server-login.ts and sasl.ts
 *
 * Memory of a session: a chunk of the socket, a message up to 256 KiB (the rest is on disk), the replies not yet sent.
 */
export interface Listener {
  readonly address: string;
  readonly port: number;
  /** Sessions whose handler was not told `close` yet. */
  readonly sessions: number;
  /** Another certificate for the handshakes to come. Throws an OperationalError `tls_invalid`. */
  renewTls(identity: TlsIdentity): void;
  /**
   * Stops accepting, tells sessions without a transaction 421, lets transactions end. After `deadlineMs` milliseconds
   * the rest is cut off, and the promise resolves; a handler that is then still at work is not waited for.
   */
  close(deadlineMs: number): Promise<void>;
}

/** Opens a listener. Throws an OperationalError `listen_failed`, or `tls_invalid` for a bad key or certificate. */
export async function startListener(
  options: ListenerOptions,
  makeHandler: HandlerFactory,
): Promise<Listener> {
  const context = options.tls === undefined ? undefined : contextOf(options.tls);
  const server = new GateServer(listenerSettings(options), { makeHandler, context });
  const { address, port } = await server.open();
  return {
    address,
    port,
    get sessions() {
      return server.sessionCount;
    },
    renewTls: (identity) => void server.secureContext.set('*', secureContext(identity)),
    close: (deadlineMs) => server.shutDown(deadlineMs),
  };
}

const contextOf = (tls: TlsIdentity | SecureContext): SecureContext =>
  'key' in tls ? secureContext(tls) : tls;

class GateServer extends SMTPServer implements SessionHost {
  readonly settings: ListenerSettings;
  readonly makeHandler: HandlerFactory;
  readonly #sessions = new Map<string, ServerSession>();
  readonly #perAddress = new Map<string, number>();
  readonly #whenEmpty: (() => void)[] = [];

  constructor(
    settings: ListenerSettings,
    options: { makeHandler: HandlerFactory; context: SecureContext | undefined },
  ) {
    // A client may close its side after QUIT, or after all it had to say, and still read the replies.
    super({ logger: false, allowHalfOpen: true });
    this.settings = settings;
    this.makeHandler = options.makeHandler;
    // The base class puts a certificate there whose key is public.
    if (options.context === undefined) this.secureContext.clear();
    else this.secureContext.set('*', options.context);
    this.on('error', (error) => {
      settings.log.error({ listener: settings.name, cause: describeError(error) }, 'listener failed');
    });
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  open(): Promise<AddressInfo> {
    const { address, port } = this.settings;
    return new Promise((resolve, reject) => {
      const failed = (error: Error): void => {
        reject(
          new OperationalError('listen_failed', `Cannot listen on ${address} port ${port}`, { cause: error }),
        );
      };
      this.server.once('error', failed);
      this.listen({ host: address, port }, () => {
        this.server.off('error', failed);
        const bound = this.server.address();
        if (bound !== null && typeof bound === 'object') resolve(bound);
      });
    });
  }

  async shutDown(deadlineMs: number): Promise<void> {
    this.server.close();
    const empty = new Promise<void>((resolve) => {
      if (this.#sessions.size === 0) resolve();
      else this.#whenEmpty.push(resolve);
    });
    for (const session of this.#sessions.values()) session.shutDown();
    let timer: NodeJS.Timeout | undefined;
    const expired = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, deadlineMs);
    });
    await Promise.race([empty, expired]);
    clearTimeout(timer);
    for (const session of this.#sessions.values()) session.destroy('shutdown');
  }

  /** PROXY is not spoken: the socket goes on in the same turn, so that no error of it comes before somebody listens. */
  override _handleProxy(_socket: Socket, callback: Parameters<SMTPServer['_handleProxy']>[1]): void {
    callback(null, { id: newId() });
  }

  override connect(socket: Socket, socketOptions: { id: string }): void {
    const session = new ServerSession(this, socket, socketOptions);
    this.connections.add(session);
    this.#sessions.set(session.id, session);
    this.#count(session.remoteAddress, 1);
    session.init();
  }

  override onSecure(
    socket: Socket | TLSSocket,
    session: SMTPServerSession,
    callback: (error?: Error | null) => void,
  ): void {
    if (socket instanceof TLSSocket) this.#sessions.get(session.id)?.secured(socket, callback);
  }

  refuseSession(address: string): Reply | undefined {
    const { sessions, sessionsPerAddress } = this.settings.limits;
    if (this.#sessions.size > sessions) return reply(421, '4.3.2', 'Too many sessions, try again later');
    return (this.#perAddress.get(address) ?? 0) > sessionsPerAddress
      ? reply(421, '4.7.0', 'Too many sessions from your address, try again later')
      : undefined;
  }

  sessionEnded(session: ServerSession): void {
    this.#sessions.delete(session.id);
    this.#count(session.remoteAddress, -1);
    if (this.#sessions.size > 0) return;
    for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }

  #count(address: string, change: 1 | -1): void {
    const count = (this.#perAddress.get(address) ?? 0) + change;
    if (count === 0) this.#perAddress.delete(address);
    else this.#perAddress.set(address, count);
  }
}
