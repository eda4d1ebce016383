import type { ByteSource } from '../base/bytes.ts';
import { isAscii } from '../mail/address.ts';
import type { Sender } from '../mail/envelope.ts';
import { isPositive } from '../mail/reply.ts';
import { begin, discard, reset, type ClientContext } from './client-begin.ts';
import { mailCommand, rcptCommand, type Command, type CommandContext } from './client-command.ts';
import type { ClientConnection } from './client-connection.ts';
import { sendChunks, sendMessage } from './client-message.ts';
import { declaredAs, wayOf } from './client-way.ts';
import type { DownstreamReply, SendRequest } from './transaction.ts';

/**
 * A whole transaction: MAIL, all RCPTs and DATA in one write where the downstream offers PIPELINING (RFC 2920),
 * else one after the other; BDAT comes when RCPT was answered. Returns one reply for each recipient, in their order.
 */
export async function sendWhole(request: SendRequest, context: ClientContext): Promise<DownstreamReply[]> {
  const { recipients } = request;
  if (recipients.length === 0) return [];
  const begun = await begin(context, (connection) => sayEnvelope(connection, { request, context }));
  if ('failure' in begun) return recipients.map(() => begun.failure);
  const { connection, said } = begun;
  const accepted = isPositive(said.mail) ? said.rcpts.filter(isPositive).length : 0;
  const ready = said.data !== undefined && isPositive(said.data);

  let finals: DownstreamReply[] = [];
  if ((ready || said.verb === 'BDAT') && accepted > 0) {
    finals = await sendBody(connection, { context, said, count: accepted });
  } else {
    void endWithoutMessage(connection, { context, ready, begun: isPositive(said.mail) });
    if (said.data !== undefined) finals = Array.from({ length: accepted }, () => said.data!);
  }
  if (!isPositive(said.mail)) return recipients.map(() => said.mail);
  let next = 0;
  return said.rcpts.map((answer) => (isPositive(answer) ? finals[next++]! : answer));
}

/** The message itself. The connection is given back. */
async function sendBody(
  connection: ClientConnection,
  options: { context: ClientContext; said: Envelope; count: number },
): Promise<DownstreamReply[]> {
  const { context, said, count } = options;
  const { settings, locals, pool } = context;
  const body = { settings, locals, message: said.message, count };
  try {
    if (said.verb === 'DATA') {
      const replies = await sendMessage(connection, body);
      pool.release(connection);
      return replies;
    }
    const { replies, isOpen } = await sendChunks(connection, body);
    if (isOpen) void reset(connection, context);
    else pool.release(connection);
    return replies;
  } catch (error) {
    discard(connection, context);
    throw error;
  }
}

interface Envelope {
  /** As the downstream takes it. */
  readonly message: ByteSource;
  /** What begins it. */
  readonly verb: 'DATA' | 'BDAT';
  readonly mail: DownstreamReply;
  /** One for each recipient; empty if MAIL was refused before they were said. */
  readonly rcpts: readonly DownstreamReply[];
  /** Undefined if DATA was not said, or is not the verb. */
  readonly data: DownstreamReply | undefined;
}

async function sayEnvelope(
  connection: ClientConnection,
  { request, context }: { request: SendRequest; context: ClientContext },
): Promise<Envelope> {
  const { wire, extensions } = connection;
  const composing = { extensions, locals: context.locals };
  const fit = await fitted(request, composing);
  const { message } = request;
  if ('failure' in fit) return { message, verb: 'DATA', mail: fit.failure, rcpts: [], data: undefined };
  const mail = mailCommand(senderOf(fit, extensions), composing);
  const begun = { message: fit.message, verb: fit.verb };
  if ('refusal' in mail) return { ...begun, mail: mail.refusal, rcpts: [], data: undefined };
  const rcpts = request.recipients.map((recipient) => rcptCommand(recipient, composing));
  const sayable = rcpts.filter((command) => 'line' in command);
  const ms = context.settings.timeouts.commandMs;
  const receive = (command: Command) =>
    'refusal' in command ? Promise.resolve(command.refusal) : wire.receive({ ms, positive: 2 });

  const isData = fit.verb === 'DATA';
  if (extensions.has('PIPELINING') && sayable.length > 0) {
    const lines = [mail, ...sayable].map(({ line }) => line);
    wire.write([...lines, ...(isData ? ['DATA'] : []), ''].join('\r\n'));
    const mailReply = receive(mail);
    const rcptReplies = rcpts.map(receive);
    const data = isData ? wire.receive({ ms, positive: 3 }) : undefined;
    return { ...begun, mail: await mailReply, rcpts: await Promise.all(rcptReplies), data: await data };
  }
  wire.write(`${mail.line}\r\n`);
  const mailReply = await receive(mail);
  if (!isPositive(mailReply)) return { ...begun, mail: mailReply, rcpts: [], data: undefined };
  const rcptReplies: DownstreamReply[] = [];
  for (const command of rcpts) {
    if ('line' in command) wire.write(`${command.line}\r\n`);
    rcptReplies.push(await receive(command));
  }
  const replies = { ...begun, mail: mailReply, rcpts: rcptReplies };
  if (!isData || !rcptReplies.some(isPositive)) return { ...replies, data: undefined };
  wire.write('DATA\r\n');
  return { ...replies, data: await wire.receive({ ms, positive: 3 }) };
}

/** The request with a message that this downstream takes, and the sender's word for it; or what to tell if there is none. */
async function fitted(
  request: SendRequest,
  { extensions, locals }: CommandContext,
): Promise<(SendRequest & { readonly verb: 'DATA' | 'BDAT' }) | { readonly failure: DownstreamReply }> {
  const way = wayOf(request.sender, extensions);
  if (!('needs' in way)) return { ...request, verb: way.verb };
  if (request.convert === undefined) return { failure: locals.notConverted('8-bit or binary') };
  const converted = await request.convert(way.needs);
  if ('failure' in converted) return { failure: { ...converted.failure, local: true } };
  const sender = declaredAs(way.needs, request.sender);
  return { ...request, sender, message: converted.message, verb: way.verb };
}

/** The size is that of what is sent now; what the client once said may have been before a service's changes. */
function senderOf(
  { sender, recipients, message }: SendRequest,
  extensions: ReadonlyMap<string, string>,
): Sender {
  const params = { ...sender.params, SIZE: String(message.size) };
  // RFC 6531 section 3.4: one internationalised recipient makes it an internationalised transaction.
  const utf8 = extensions.has('SMTPUTF8') && !recipients.every(({ address }) => isAscii(address));
  return { address: sender.address, params: utf8 ? { ...params, SMTPUTF8: '' } : params };
}

/** Brings the connection back to where MAIL may be said. Never rejects. */
async function endWithoutMessage(connection: ClientConnection, options: Ending): Promise<void> {
  const { context, begun, ready } = options;
  if (!ready) {
    if (begun) await reset(connection, context);
    else context.pool.release(connection);
    return;
  }
  // It waits for a message although it accepted nobody. RFC 2920 section 3.1: a lone dot ends that.
  if (context.settings.protocol === 'lmtp') {
    // RFC 2033 section 4.2 has no reply for nobody, so there would be nothing to wait for.
    discard(connection, context);
    return;
  }
  connection.wire.write('.\r\n');
  await connection.wire.receive({ ms: context.settings.timeouts.finalReplyMs, positive: 2 });
  context.pool.release(connection);
}

interface Ending {
  readonly context: ClientContext;
  /** DATA was answered with 354. */
  readonly ready: boolean;
  /** MAIL was answered with 2xx. */
  readonly begun: boolean;
}
