import type { Log } from '../base/log.ts';
import { formatReply } from '../mail/reply.ts';
import type { AnsweredPart } from '../ocp/dispatch.ts';
import type { Stage } from '../ocp/stage.ts';
import type { Answer } from '../smtp/handler.ts';
import type { ProxyOptions } from './options.ts';
import { recordOf } from './service-log.ts';
import type { SessionFacts } from './session-facts.ts';
import type { Transaction } from './transaction.ts';

/** A stage before MAIL, if the command was refused or a service failed; what else was said there the log has from the services. */
export function logStage(
  stage: Stage,
  about: {
    readonly part: AnsweredPart;
    readonly refusal: Answer | undefined;
    readonly session: SessionFacts;
    readonly options: Pick<ProxyOptions, 'listener' | 'log'>;
  },
): void {
  const { part, refusal, session, options } = about;
  if (refusal === undefined && part.outcomes.every(({ result }) => result.kind !== 'failure')) return;
  const services = part.outcomes.map((outcome) => recordOf(stage, outcome));
  const reply = refusal && formatReply(refusal.reply);
  options.log.info({ ...sessionFields(session, options), stage, services, reply }, 'session');
}

/** The one line that tells of a transaction, at its end; `ended` says how that came. */
export function logTransaction(
  transaction: Transaction,
  about: {
    readonly session: SessionFacts;
    readonly options: Pick<ProxyOptions, 'listener' | 'log'>;
    readonly ended: object;
    readonly level?: keyof Log;
  },
): void {
  const { session, options, ended, level = 'info' } = about;
  const { refused, tags, score } = transaction;
  options.log[level](
    {
      transaction: transaction.id,
      ...sessionFields(session, options),
      sender: transaction.sender.address,
      recipients: transaction.recipients.map(({ given }) => given.address),
      ...(refused.length > 0 && {
        refused: refused.map(({ address, reply }) => ({ address, reply: formatReply(reply) })),
      }),
      services: transaction.asked,
      ...(Object.keys(tags).length > 0 && { tags }),
      ...(score !== 0 && { score }),
      ...ended,
      ms: Date.now() - transaction.startedAt,
    },
    'transaction',
  );
}

function sessionFields(
  { client, helo, tls, user }: SessionFacts,
  { listener }: Pick<ProxyOptions, 'listener'>,
): object {
  return {
    session: client.sessionId,
    listener: listener.name,
    client: client.address,
    ...(helo && { helo: helo.name }),
    ...(tls && { tls: tls.version }),
    ...(user !== undefined && { user }),
  };
}
