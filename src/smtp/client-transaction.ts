import type { ByteSource } from '../base/bytes.ts';
import type { Recipient, Sender } from '../mail/envelope.ts';
import { begin, discard, reset, type ClientContext } from './client-begin.ts';
import { mailCommand, rcptCommand } from './client-command.ts';
import type { ClientConnection } from './client-connection.ts';
import { sendChunks, sendMessage } from './client-message.ts';
import type { DownstreamReply, DownstreamTransaction } from './transaction.ts';
import { wayOf, type Way } from './client-way.ts';

/**
 * A transaction step by step, as through mode needs it: each reply is the downstream's own answer to that command.
 *
 * A refused MAIL gives the connection back, and MAIL may be said again. A call waits for the one before it; so
 * does `abort`, which never cuts a command short: a message that is on its way gets there.
 */
export class StepwiseTransaction implements DownstreamTransaction {
  readonly #context: ClientContext;
  #connection: ClientConnection | undefined;
  #way: Way = { verb: 'DATA' };
  #accepted = 0;
  #ended = false;
  #before: Promise<unknown> = Promise.resolve();

  constructor(context: ClientContext) {
    this.#context = context;
  }

  mail(sender: Sender): Promise<DownstreamReply> {
    return this.#inTurn(async () => {
      const { locals } = this.#context;
      if (this.#ended || this.#connection !== undefined) return locals.badSequence();
      const begun = await begin(this.#context, async (connection) => {
        this.#way = wayOf(sender, connection.extensions);
        if ('needs' in this.#way) return { mail: locals.notConverted('8-bit or binary') };
        const command = mailCommand(sender, { extensions: connection.extensions, locals });
        if ('refusal' in command) return { mail: command.refusal };
        return { mail: await this.#say(connection, command.line) };
      });
      if ('failure' in begun) return begun.failure;
      if (begun.said.mail.code < 400) this.#connection = begun.connection;
      else this.#context.pool.release(begun.connection);
      return begun.said.mail;
    });
  }

  rcpt(recipient: Recipient): Promise<DownstreamReply> {
    return this.#inTurn(async () => {
      const { locals } = this.#context;
      const connection = this.#connection;
      if (connection === undefined) return locals.badSequence();
      const command = rcptCommand(recipient, { extensions: connection.extensions, locals });
      if ('refusal' in command) return command.refusal;
      const answer = await this.#say(connection, command.line);
      if (answer.code < 400) this.#accepted += 1;
      return answer;
    });
  }

  data(message: ByteSource): Promise<DownstreamReply[]> {
    return this.#inTurn(async () => {
      const connection = this.#connection;
      const count = this.#accepted;
      if (connection === undefined) return [];
      if (count === 0) {
        this.#end();
        await reset(connection, this.#context);
        return [];
      }
      const { settings, locals } = this.#context;
      if (this.#way.verb === 'BDAT') {
        const { replies, isOpen } = await sendChunks(connection, { settings, locals, message, count });
        this.#end();
        if (isOpen) void reset(connection, this.#context);
        else this.#context.pool.release(connection);
        return replies;
      }
      connection.wire.write('DATA\r\n');
      const answer = await connection.wire.receive({ ms: settings.timeouts.commandMs, positive: 3 });
      if (answer.code >= 400) {
        this.#end();
        void reset(connection, this.#context);
        return Array.from({ length: count }, () => answer);
      }
      const replies = await sendMessage(connection, { settings, locals, message, count });
      this.#end();
      this.#context.pool.release(connection);
      return replies;
    });
  }

  abort(): Promise<void> {
    return this.#inTurn(async () => {
      const connection = this.#connection;
      this.#end();
      if (connection !== undefined) await reset(connection, this.#context);
    });
  }

  #say(connection: ClientConnection, line: string): Promise<DownstreamReply> {
    connection.wire.write(`${line}\r\n`);
    return connection.wire.receive({ ms: this.#context.settings.timeouts.commandMs, positive: 2 });
  }

  #end(): void {
    this.#ended = true;
    this.#connection = undefined;
  }

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const result = this.#before.then(step).catch((error: unknown) => {
      const connection = this.#connection;
      this.#end();
      if (connection !== undefined) discard(connection, this.#context);
      throw error;
    });
    this.#before = result.catch(() => {});
    return result;
  }
}
