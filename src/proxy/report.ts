import { describeError } from '../base/errors.ts';
import type { Facts } from '../ocp/facts.ts';
import type { PartTable } from '../ocp/part-table.ts';
import { tellIncidents } from './incidents.ts';
import type { ProxyOptions } from './options.ts';
import { logServiceLines } from './service-log.ts';
import { stageFacts, type SessionFacts } from './session-facts.ts';
import type { Transaction } from './transaction.ts';

/**
 * The stage `report`, once the client has its answer. One-way: nothing waits for it, and nothing it does can reach the mail. It is
 * the last of the transaction, and releases it.
 */
export function report(
  transaction: Transaction,
  about: {
    readonly session: SessionFacts;
    readonly options: ProxyOptions;
    readonly size: number;
    readonly outcomes: NonNullable<Facts['outcomes']>;
    readonly parts: Promise<PartTable | undefined>;
  },
): void {
  const { session, options, size, outcomes, parts } = about;
  const { dispatcher, listener, log } = options;
  if (dispatcher === undefined || !dispatcher.listens('report')) return transaction.release();
  const { recipients } = transaction;
  const facts = stageFacts('report', { session, listener, said: transaction, transaction, recipients });
  parts
    .then((table) => {
      const message = { size, ...table };
      return dispatcher.ask({
        facts: { ...facts, message, outcomes },
        state: transaction.state,
        isBypassed: transaction.bypass.covers,
      });
    })
    .then((answered) => {
      logServiceLines(log, { transaction: transaction.id }, answered);
      tellIncidents(answered, { facts, options });
      for (const { service, result: said } of answered.parts.flatMap((part) => part.outcomes)) {
        if (said.kind !== 'failure') continue;
        log.warn(
          { transaction: transaction.id, service, failure: said.failure, cause: said.cause },
          'report failed',
        );
      }
    })
    .catch((error: unknown) => {
      log.error({ transaction: transaction.id, cause: describeError(error) }, 'report failed');
    })
    .finally(transaction.release);
}
