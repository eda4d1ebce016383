import { SMTPStream } from 'smtp-server/lib/smtp-stream.js';
import { LineReader, type CommandLine, type LineOptions } from './server-lines.ts';

/**
 * The receiving end of a session: command lines, and messages between them. `smtp-server`'s stream is the frame (the
 * socket is piped into it, a closed one drops what it gets); the parsing is ours, since the original takes a bare LF for
 * a line end, and its message is a stream that somebody must drain.
 *
 * The owner is asked one thing at a time, and nothing more is parsed before it is done: that, and the socket pausing while
 * the stream is full, is the back pressure. Memory: one chunk of the socket, the stream's buffer, one partial line.
 */
export interface ReceiverOwner {
  /** One command line, or what is wrong with it. */
  command(line: CommandLine): Promise<void>;
  /** The message has been taken up to its end. */
  messageEnd(): Promise<void>;
  /** More of a message came. */
  progress(): void;
  /** All that came has been dealt with, and the client has to send more before anything happens. */
  drained(): void;
  /** The client has closed its side. */
  hungUp(): void;
}

/** Takes the octets of one message. */
export interface MessageSink {
  /** Resolves when more may come. `consumed` octets of the chunk were the message's. */
  take(chunk: Buffer): Promise<{ consumed: number; ended: boolean }>;
}

/** Commands handled in a row before other sessions get a turn. */
const COMMANDS_IN_A_ROW = 50;

export class Receiver extends SMTPStream {
  readonly #owner: ReceiverOwner;
  readonly #lines: LineReader;
  #sink: MessageSink | undefined;
  #rest = 0;
  #chunk = 0;
  #inARow = 0;
  #consuming: Promise<void> = Promise.resolve();

  constructor(owner: ReceiverOwner, options: LineOptions) {
    super();
    this.#owner = owner;
    this.#lines = new LineReader(options);
  }

  /** From the next octet on a message comes. Called while a command is being handled. */
  receiveMessage(sink: MessageSink): void {
    this.#sink = sink;
  }

  /** Octets that have come but were not looked at, the start of a line included. */
  get unread(): number {
    return this.writableLength - this.#chunk + this.#rest + this.#lines.pending;
  }

  /** Resolves when what is being handled now is done. After `isClosed` was set nothing follows it. */
  get settled(): Promise<void> {
    return this.#consuming;
  }

  override _write(chunk: Buffer, _encoding: string, next: (error?: Error | null) => void): void {
    this.#chunk = chunk.length;
    this.#consuming = this.#consume(chunk, next);
  }

  /** The client's side ended: a line without its CRLF is no command. */
  override _flushData(): void {
    if (!this.isClosed) this.#owner.hungUp();
  }

  async #consume(chunk: Buffer, next: (error?: Error | null) => void): Promise<void> {
    let failure: Error | null = null;
    try {
      let rest = chunk;
      while (rest.length > 0 && !this.isClosed) {
        rest = this.#sink === undefined ? await this.#command(rest) : await this.#message(rest, this.#sink);
      }
      if (!this.isClosed) this.#owner.drained();
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
    }
    this.#chunk = 0;
    this.#rest = 0;
    next(failure);
  }

  async #command(chunk: Buffer): Promise<Buffer> {
    const { line, consumed } = this.#lines.next(chunk);
    const rest = chunk.subarray(consumed);
    this.#rest = rest.length;
    if (line === undefined) return rest;
    await this.#owner.command(line);
    this.#inARow += 1;
    if (this.#inARow >= COMMANDS_IN_A_ROW) {
      this.#inARow = 0;
      await new Promise(setImmediate);
    }
    return rest;
  }

  async #message(chunk: Buffer, sink: MessageSink): Promise<Buffer> {
    const { consumed, ended } = await sink.take(chunk);
    const rest = chunk.subarray(consumed);
    this.#rest = rest.length;
    if (this.isClosed) return rest;
    this.#owner.progress();
    if (ended) {
      this.#sink = undefined;
      await this.#owner.messageEnd();
    }
    return rest;
  }
}
