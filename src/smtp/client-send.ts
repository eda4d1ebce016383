import { isAscii } from '../mail/address.ts';
import type { Sender } from '../mail/envelope.ts';
import { isPositive } from '../mail/reply.ts';
import { begin, discard, reset, type ClientContext } from './client-begin.ts';
import { mailCommand, rcptCommand, type Command } from './client-command.ts';
import type { ClientConnection } from './client-connection.ts';
import { sendMessage } from './client-message.ts';
import type { DownstreamReply, SendRequest } from './transaction.ts';

/**
 * A whole transaction: MAIL, all RCPTs and DATA in one write where the downstream offers PIPELINING (RFC 2920),
 * else one after the other. Returns one reply for each recipient, in their order.
 */
export async function sendWhole(request: SendRequest, context: ClientContext): Promise<DownstreamReply[]> {
  const { recipients, message } = request;
  if (recipients.length === 0) return [];
  const begun = await begin(context, (connection) => sayEnvelope(connection, { request, context }));
  if ('failure' in begun) return recipients.map(() => begun.failure);
  const { connection, said } = begun;
  const accepted = isPositive(said.mail) ? said.rcpts.filter(isPositive).length : 0;
  const ready = said.data !== undefined && isPositive(said.data);

  let finals: DownstreamReply[] = [];
  if (ready && accepted > 0) {
    try {
      const { settings, locals } = context;
      finals = await sendMessage(connection, { settings, locals, message, count: accepted });
    } catch (error) {
      discard(connection, context);
      throw error;
    }
    context.pool.release(connection);
  } else {
    void endWithoutMessage(connection, { context, ready, begun: isPositive(said.mail) });
    if (said.data !== undefined) finals = Array.from({ length: accepted }, () => said.data!);
  }
  if (!isPositive(said.mail)) return recipients.map(() => said.mail);
  let next = 0;
  return said.rcpts.map((answer) => (isPositive(answer) ? finals[next++]! : answer));
}

interface Envelope {
  readonly mail: DownstreamReply;
  /** One for each recipient; empty if MAIL was refused before they were said. */
  readonly rcpts: readonly DownstreamReply[];
  /** Undefined if DATA was not said. */
  readonly data: DownstreamReply | undefined;
}

async function sayEnvelope(
  connection: ClientConnection,
  { request, context }: { request: SendRequest; context: ClientContext },
): Promise<Envelope> {
  const { wire, extensions } = connection;
  const composing = { extensions, locals: context.locals };
  const mail = mailCommand(senderOf(request, extensions), composing);
  if ('refusal' in mail) return { mail: mail.refusal, rcpts: [], data: undefined };
  const rcpts = request.recipients.map((recipient) => rcptCommand(recipient, composing));
  const sayable = rcpts.filter((command) => 'line' in command);
  const ms = context.settings.timeouts.commandMs;
  const receive = (command: Command) =>
    'refusal' in command ? Promise.resolve(command.refusal) : wire.receive({ ms, positive: 2 });

  if (extensions.has('PIPELINING') && sayable.length > 0) {
    wire.write(`${[mail, ...sayable].map(({ line }) => line).join('\r\n')}\r\nDATA\r\n`);
    const mailReply = receive(mail);
    const rcptReplies = rcpts.map(receive);
    const data = wire.receive({ ms, positive: 3 });
    return { mail: await mailReply, rcpts: await Promise.all(rcptReplies), data: await data };
  }
  wire.write(`${mail.line}\r\n`);
  const mailReply = await receive(mail);
  if (!isPositive(mailReply)) return { mail: mailReply, rcpts: [], data: undefined };
  const rcptReplies: DownstreamReply[] = [];
  for (const command of rcpts) {
    if ('line' in command) wire.write(`${command.line}\r\n`);
    rcptReplies.push(await receive(command));
  }
  if (!rcptReplies.some(isPositive)) return { mail: mailReply, rcpts: rcptReplies, data: undefined };
  wire.write('DATA\r\n');
  return { mail: mailReply, rcpts: rcptReplies, data: await wire.receive({ ms, positive: 3 }) };
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
