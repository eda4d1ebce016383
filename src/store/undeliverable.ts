import { formatReply, type Reply } from '../mail/reply.ts';

/** How the quarantine names mail that no service held: it can be neither delivered nor bounced, and waits for the operator. */
export function undeliverable(replies: readonly Reply[]): { service: string; reason: string } {
  const said = [...new Set(replies.map(formatReply))].join('; ');
  return { service: 'delivery', reason: `cannot be delivered or bounced: ${said}` };
}
