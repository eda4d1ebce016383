import type { Facts } from '../ocp/facts.ts';
import type { Stage } from '../ocp/stage.ts';
import type { ClientFacts, TlsFacts } from '../smtp/handler.ts';
import type { ProxyOptions } from './options.ts';
import { recipientFacts, type AcceptedRecipient, type Transaction } from './transaction.ts';

/** What is known of a session so far: who the client is, and what it has said of itself. */
export interface SessionFacts {
  readonly client: ClientFacts;
  readonly helo: Facts['client']['helo'];
  readonly tls: TlsFacts | undefined;
  readonly user: string | undefined;
}

/** What services are told at a stage. */
export function stageFacts(
  stage: Stage,
  about: {
    readonly session: SessionFacts;
    readonly listener: ProxyOptions['listener'];
    /** What services said before. */
    readonly said: Pick<Transaction, 'score'> & { readonly tags: Readonly<Record<string, string>> };
    readonly transaction?: Transaction;
    readonly recipients?: readonly AcceptedRecipient[];
    readonly message?: Facts['message'];
  },
): Omit<Facts, 'service'> {
  const { session, listener, transaction, recipients, message } = about;
  const { client, helo, tls, user } = session;
  const { tags, score } = about.said;
  return {
    stage,
    session: client.sessionId,
    ...(transaction && { transaction: transaction.id, sender: transaction.sender }),
    listener: { name: listener.name, protocol: listener.protocol },
    client: {
      address: client.address,
      port: client.port,
      ...(helo && { helo }),
      ...(tls && { tls: { version: tls.version, cipher: tls.cipher } }),
      ...(user !== undefined && { user }),
    },
    ...(recipients && { recipients: recipients.map(recipientFacts) }),
    ...(message && { message }),
    ...(Object.keys(tags).length > 0 && { tags }),
    ...(score !== 0 && { score }),
  };
}
