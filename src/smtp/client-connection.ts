import { connect, isIP, type Socket } from 'node:net';
import type { Log } from '../base/log.ts';
import { formatReply } from '../mail/reply.ts';
import type { ClientSettings } from './client-options.ts';
import type { LocalReplies } from './client-replies.ts';
import { Wire } from './client-wire.ts';
import type { DownstreamReply } from './transaction.ts';

/**
 * A connection on which transactions can begin: connected, greeted, EHLO (or LHLO) said, TLS as configured
 * (RFC 5321 section 4.1.1.1, RFC 2033 section 4.1, RFC 3207).
 */
export interface ClientConnection {
  readonly wire: Wire;
  /** What EHLO offered, names in upper case; empty after HELO. */
  readonly extensions: ReadonlyMap<string, string>;
  /** Transactions begun here. */
  transactions: number;
}

/** A connection, or what to tell the client in its place. */
export type Connected = { readonly connection: ClientConnection } | { readonly failure: DownstreamReply };

/** Makes connections to one downstream. Failures are values and are logged here with their cause. */
export class Connector {
  readonly #settings: ClientSettings;
  readonly #locals: LocalReplies;
  readonly #log: Log;

  constructor(settings: ClientSettings, locals: LocalReplies) {
    this.#settings = settings;
    this.#locals = locals;
    this.#log = settings.log;
  }

  async connect(): Promise<Connected> {
    const { tls } = this.#settings;
    const first = await this.#attempt({ startTls: tls !== 'none' });
    if (!('failure' in first) || first.handshake !== true || tls !== 'opportunistic') return first;
    return this.#attempt({ startTls: false });
  }

  async #attempt({ startTls }: { startTls: boolean }): Promise<Connected & { handshake?: true }> {
    const { timeouts, tls } = this.#settings;
    const socket = await dial(this.#settings);
    if (typeof socket === 'string') return this.#failed(this.#locals.unreachable(), socket);
    const wire = new Wire(socket, this.#locals);
    const greeting = await wire.receive({ ms: timeouts.commandMs, positive: 2 });
    if (greeting.code >= 400) return this.#refused(wire, greeting);
    let hello = await this.#hello(wire);
    if (hello.reply.code >= 400) return this.#refused(wire, hello.reply);

    if (startTls && hello.extensions.has('STARTTLS')) {
      const answer = await this.#command(wire, 'STARTTLS');
      if (answer.code < 400) {
        const cause = await wire.startTls({ ...this.#tlsOptions(), ms: timeouts.connectMs });
        if (cause !== undefined) {
          return { ...this.#failed(this.#locals.tlsFailed(), `STARTTLS: ${cause}`), handshake: true };
        }
        hello = await this.#hello(wire); // RFC 3207 section 4.2: what was offered in clear text is void
        if (hello.reply.code >= 400) return this.#refused(wire, hello.reply);
      } else if (tls === 'required' || answer.local === true || wire.ending) {
        return this.#refused(wire, answer);
      }
    } else if (tls === 'required') {
      void wire.quit();
      return this.#failed(this.#locals.noTls(), 'STARTTLS is not offered');
    }
    this.#log.debug({ downstream: this.#settings.name }, 'connected to the downstream');
    return { connection: { wire, extensions: hello.extensions, transactions: 0 } };
  }

  /** EHLO, or HELO where that is refused; LHLO for LMTP. */
  async #hello(wire: Wire): Promise<{ reply: DownstreamReply; extensions: ReadonlyMap<string, string> }> {
    const { protocol, hostname, timeouts } = this.#settings;
    wire.write(`${protocol === 'lmtp' ? 'LHLO' : 'EHLO'} ${hostname}\r\n`);
    const { reply, lines } = await wire.receiveRaw({ ms: timeouts.commandMs, positive: 2 });
    if (reply.code >= 500 && protocol === 'smtp') {
      return { reply: await this.#command(wire, `HELO ${hostname}`), extensions: new Map() };
    }
    return { reply, extensions: extensionsOf(lines) };
  }

  #command(wire: Wire, line: string): Promise<DownstreamReply> {
    wire.write(`${line}\r\n`);
    return wire.receive({ ms: this.#settings.timeouts.commandMs, positive: 2 });
  }

  #tlsOptions() {
    const { endpoint, tls, ca } = this.#settings;
    const host = 'host' in endpoint ? endpoint.host : undefined;
    return {
      rejectUnauthorized: tls === 'required',
      ...(host === undefined ? {} : { host }),
      ...(host === undefined || isIP(host) !== 0 ? {} : { servername: host }),
      ...(ca === undefined ? {} : { ca }),
    };
  }

  /**
   * The session was refused, which says nothing about the mail: a 5xx here becomes a 451, so that a downstream in
   * disorder makes the queue wait and not bounce.
   */
  #refused(wire: Wire, said: DownstreamReply): { failure: DownstreamReply } {
    const cause = wire.lost?.cause ?? formatReply(said);
    void wire.quit();
    return this.#failed(said.code < 500 ? said : this.#locals.refused(formatReply(said)), cause);
  }

  #failed(failure: DownstreamReply, cause: string): { failure: DownstreamReply } {
    const { name, endpoint } = this.#settings;
    this.#log.warn({ downstream: name, ...endpoint, cause }, 'cannot connect to the downstream');
    return { failure };
  }
}

/** A connected socket, or the cause why there is none. */
function dial({ endpoint, timeouts }: ClientSettings): Promise<Socket | string> {
  return new Promise((resolve) => {
    const socket = connect({ ...endpoint, noDelay: true, keepAlive: true });
    const timer = setTimeout(
      () => failed(`no connection within ${timeouts.connectMs} ms`),
      timeouts.connectMs,
    );
    const failed = (cause: string) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(cause);
    };
    const onError = (error: NodeJS.ErrnoException) => failed(error.code ?? error.message);
    socket.on('error', onError);
    socket.once('connect', () => {
      clearTimeout(timer);
      resolve(socket);
    });
  });
}

/** `SIZE 1000` → SIZE: `1000`. The first line is the greeting (RFC 5321 section 4.1.1.1). */
function extensionsOf(lines: readonly string[]): ReadonlyMap<string, string> {
  const extensions = new Map<string, string>();
  for (const line of lines.slice(1)) {
    const match = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:[ =](.*))?$/.exec(line);
    if (match !== null) extensions.set(match[1]!.toUpperCase(), match[2] ?? '');
  }
  return extensions;
}
