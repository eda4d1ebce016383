import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { chunksOf, type ByteSource } from '../base/bytes.ts';
import { describeError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import { adoptSpoolFile, SpoolWriter, type Spool } from '../base/spool.ts';
import type { LineOctets } from '../mail/conversion.ts';
import { reply, type Reply } from '../mail/reply.ts';
import type { LibraryThreads } from '../sandbox/capabilities/library-threads.ts';

/**
 * Converts messages for downstreams that take no binary or no 8-bit mail (RFC 6152 section 3): `mail/conversion.ts` says how. The message
 * is spooled once more and read in a thread, and what comes out is a file, so that neither its size nor what it consists of holds up anybody.
 */
export interface ConverterOptions {
  /** Must exist. What a crash leaves there is removed at the next start. */
  readonly spoolDirectory: string;
  readonly threads: Pick<LibraryThreads, 'run'>;
  readonly log: Log;
}

/** The message in its new encoding, or why there is none: a 5xx if there can't be one. */
export type Conversion =
  { readonly message: ByteSource; discard(): Promise<void> } | { readonly failure: Reply };

/** For the largest messages, where others wait for the same threads. */
const CONVERT_MS = 120_000;

export class Converter {
  readonly #options: ConverterOptions;

  constructor(options: ConverterOptions) {
    this.#options = options;
  }

  /** Never rejects. */
  async convert(message: ByteSource, needs: LineOctets): Promise<Conversion> {
    const { spoolDirectory, log } = this.#options;
    const path = join(spoolDirectory, `${newId()}.eml`);
    try {
      return await this.#convert(message, { needs, path });
    } catch (error) {
      log.error({ cause: describeError(error) }, 'cannot convert a message');
      await rm(path, { force: true }).catch(() => {});
      return { failure: reply(451, '4.3.0', 'The message could not be converted now') };
    }
  }

  async #convert(
    message: ByteSource,
    { needs, path }: { needs: LineOctets; path: string },
  ): Promise<Conversion> {
    const { threads } = this.#options;
    const signal = AbortSignal.timeout(CONVERT_MS);
    const spool = await this.#spooled(message);
    try {
      const input = { message: spool.handle, needs, path };
      const made = await threads.run({ task: 'convert', input }, { signal });
      if ('fault' in made) throw new Error(made.fault);
      const { output } = made;
      if (output === 'same') return { message, async discard() {} };
      if (output === 'written') {
        const converted = await adoptSpoolFile(path);
        return { message: converted, discard: () => converted.discard() };
      }
      return { failure: reply(554, '5.6.3', `The message can't be converted: ${output.problem}`) };
    } finally {
      await spool.discard();
    }
  }

  async #spooled(message: ByteSource): Promise<Spool> {
    const writer = new SpoolWriter(this.#options.spoolDirectory);
    try {
      for await (const chunk of chunksOf(message)) await writer.write(chunk);
      return await writer.finish();
    } catch (error) {
      await writer.abandon();
      throw error;
    }
  }
}
