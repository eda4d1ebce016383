import { open } from 'node:fs/promises';
import type { IncidentSink } from './sink.ts';

/**
 * A file of one JSON object a line. It is opened for each batch, so a file that was moved away (logrotate) needs no signal; only whole lines
 * are left in it, and they are on disk when they count as taken.
 */
export function fileSink(path: string): IncidentSink {
  return {
    name: 'file',
    batch: 100,
    async deliver(reports) {
      const lines = Buffer.from(reports.map((report) => `${JSON.stringify(report)}\n`).join(''));
      const file = await open(path, 'a', 0o640);
      try {
        const { size } = await file.stat();
        try {
          await file.appendFile(lines);
          await file.datasync();
        } catch (error) {
          await file.truncate(size).catch(() => {});
          throw error;
        }
      } finally {
        await file.close();
      }
    },
  };
}
