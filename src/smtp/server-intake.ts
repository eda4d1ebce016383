import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { SpoolWriter, type Spool } from '../base/spool.ts';
import { reply, type Reply } from '../mail/reply.ts';
import type { MessageRefusal } from './handler.ts';
import type { MessageSink } from './receiver.ts';
import { DataReader, type DataFault, type DataOptions, MAX_DATA_LINE } from './server-data.ts';

export interface IntakeOptions extends DataOptions {
  readonly spoolDirectory: string;
  readonly log: Log;
  readonly sessionId: string;
}

/** The message in its spool, which the caller now owns, or why it was not taken. */
export type Intake = { readonly spool: Spool } | { readonly refusal: MessageRefusal };

/** The longest line that RFC 5321 section 4.5.3.1.6 promises to carry, without CRLF. */
const TEXT_LINE = 998;

/**
 * Brings one message into a spool. Once it is clear that it will be refused nothing more is stored, and what was is
 * removed at once; the rest is swallowed. A disk that does not take it is a 452 (RFC 5321 section 4.2.2).
 */
export class MessageIntake implements MessageSink {
  readonly #options: IntakeOptions;
  readonly #reader: DataReader;
  #writer: SpoolWriter | undefined;
  #diskFailure: string | undefined;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#reader = new DataReader(options);
    this.#writer = new SpoolWriter(options.spoolDirectory);
  }

  async take(chunk: Buffer): Promise<{ consumed: number; ended: boolean }> {
    const step = this.#reader.feed(chunk);
    if (this.#writer !== undefined) {
      if (this.#reader.fault !== undefined) await this.abandon();
      else if (step.content !== undefined) await this.#store(this.#writer, step.content);
    }
    return step;
  }

  /** Why it will not be taken, as far as that is clear. */
  get refusal(): MessageRefusal | undefined {
    const { fault, size } = this.#reader;
    if (fault !== undefined) {
      const said = fault === 'size' ? tooLarge(this.#options.maxSize) : REFUSALS[fault];
      return { reply: said, cause: fault, size, ours: false };
    }
    if (this.#diskFailure === undefined) return undefined;
    const cause = `cannot spool the message: ${this.#diskFailure}`;
    return { reply: DISK_REFUSAL, cause, size, ours: true };
  }

  /** All octets have been taken. */
  async finish(): Promise<Intake> {
    const { log, sessionId } = this.#options;
    const rest = this.#reader.end();
    if (rest !== undefined && this.#writer !== undefined) await this.#store(this.#writer, rest);
    if (this.#reader.longestLine > TEXT_LINE) {
      log.debug({ session: sessionId, octets: this.#reader.longestLine }, 'message has overlong lines');
    }
    if (this.refusal === undefined) {
      const writer = this.#writer!;
      try {
        const spool = await writer.finish();
        this.#writer = undefined;
        return { spool };
      } catch (error) {
        this.#diskFailure = describeError(error);
      }
    }
    await this.abandon();
    return { refusal: this.refusal! };
  }

  /** Forgets what was stored: the client went away, or the message is refused. */
  async abandon(): Promise<void> {
    const writer = this.#writer;
    this.#writer = undefined;
    try {
      await writer?.abandon();
    } catch (error) {
      const { log, sessionId, spoolDirectory } = this.#options;
      log.error(
        { session: sessionId, spoolDirectory, cause: describeError(error) },
        'the spool file was not removed',
      );
    }
  }

  async #store(writer: SpoolWriter, content: Buffer): Promise<void> {
    try {
      await writer.write(content);
    } catch (error) {
      this.#diskFailure = describeError(error);
      await this.abandon();
    }
  }
}

const DISK_REFUSAL = reply(452, '4.3.1', 'Insufficient storage, try again later');

export const tooLarge = (maxSize: number): Reply =>
  reply(552, '5.3.4', `Message too large, at most ${maxSize} octets`);

const REFUSALS: Readonly<Record<Exclude<DataFault, 'size'>, Reply>> = {
  line: reply(552, '5.3.4', `Line of more than ${MAX_DATA_LINE} octets in the message`),
  nul: reply(550, '5.6.0', 'NUL in the message is not allowed (RFC 5322 section 3.5)'),
  bareLf: reply(550, '5.6.0', 'bare LF in the message, lines must end with CRLF (RFC 5321 section 2.3.8)'),
  bareCr: reply(550, '5.6.0', 'bare CR in the message, lines must end with CRLF (RFC 5321 section 2.3.8)'),
};
