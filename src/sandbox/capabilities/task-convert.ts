import { closeSync, openSync, writeSync } from 'node:fs';
import { openSpool, type SpoolHandle } from '../../base/spool.ts';
import { convertedOctets } from '../../mail/conversion-octets.ts';
import { planConversion, type LineOctets } from '../../mail/conversion.ts';
import { isProblem, type Problem } from '../../mail/image.ts';

export interface ConvertInput {
  readonly message: SpoolHandle;
  readonly needs: LineOctets;
  /** Where the converted message goes: a file that is not there yet. */
  readonly path: string;
}

/** `same`: nothing has to change, and there is no file. */
export type ConvertOutput = 'written' | 'same' | Problem;

/** In a thread of `library-threads.ts`: a message for a downstream that takes no binary or no 8-bit mail. */
export async function runConvert({ message, needs, path }: ConvertInput): Promise<ConvertOutput> {
  const source = openSpool(message);
  try {
    const edits = planConversion(source, needs);
    if (isProblem(edits)) return edits;
    if (edits.length === 0) return 'same';
    const file = openSync(path, 'wx', 0o600);
    try {
      for (const octets of convertedOctets(source, edits)) writeAll(file, octets);
    } finally {
      closeSync(file);
    }
    return 'written';
  } finally {
    source.close();
  }
}

function writeAll(file: number, octets: Uint8Array): void {
  for (let done = 0; done < octets.length;) done += writeSync(file, octets, done);
}
