import type { NoticeOrder } from '../ocp/notice.ts';
import type { Unit } from './unit.ts';

/**
 * The notices that services proposed about the recipients whose mail was taken: delivered, held, dropped or bounced. Of mail that
 * was refused or deferred nobody is told more than the client was: its sender knows, and it may come again. A bounce tells the sender enough.
 */
export function noticesAbout(
  taken: readonly Unit[],
  { sender, downstream }: { sender: string; downstream: string },
): Omit<NoticeOrder, 'headers'>[] {
  return [...new Set(taken.map(({ part }) => part))].flatMap((part) => {
    const own = taken.filter((unit) => unit.part === part);
    const told = own.filter(({ disposition }) => disposition.kind !== 'bounce');
    return part.combined.notifications.flatMap(({ service, perHour, notification: notice }) => {
      if (notice.kind !== 'notice') return [];
      const about = notice.to === 'sender' ? told : own;
      if (about.length === 0) return [];
      const recipients = about.map(({ accepted: { address, given, targets } }) => ({
        // The sender knows them by the names that he gave them.
        address: notice.to === 'sender' ? given.address : address,
        downstream: targets[0]?.downstream ?? downstream,
      }));
      return { service, perHour, notice, sender, recipients };
    });
  });
}
