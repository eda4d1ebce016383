import { join } from 'node:path';
import { run } from './servers.ts';

/** What Python's email module makes of a message. */
export interface ReadMail {
  /** Names in lower case. */
  readonly header: Readonly<Record<string, string>>;
  readonly reportType: string | null;
  /** The message itself and all parts, each before those inside it. */
  readonly parts: readonly {
    readonly type: string;
    readonly name: string | null;
    /** Decoded octets as Latin-1; not of multiparts. */
    readonly text?: string;
    /** The blocks of fields of a message/delivery-status. */
    readonly status?: readonly Readonly<Record<string, string>>[];
  }[];
  readonly defects: readonly string[];
}

export async function readMail(text: string): Promise<ReadMail> {
  const script = join(import.meta.dirname, 'read-mail.py');
  const { code, output } = await run('python3', [script], Buffer.from(text, 'latin1'));
  if (code !== 0) throw new Error(`Cannot read the message: ${output}`);
  return JSON.parse(output) as ReadMail;
}
