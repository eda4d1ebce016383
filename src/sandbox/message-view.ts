import { describeError } from '../base/errors.ts';
import { openSpool, type SpoolHandle, type SyncByteSource } from '../base/spool.ts';
import { readHeader, type HeaderIndex } from '../mail/header-index.ts';
import { SyncImageReader } from '../mail/image-reader.ts';
import type { MessageImage } from '../mail/image.ts';
import { indexMime, type MimeIndex, type MimePart } from '../mail/mime-index.ts';
import { PartReader } from '../mail/part-reader.ts';

/** Part readers that are kept open in one view; each has a window of the message. */
const OPEN_PARTS = 4;

/**
 * One message as the services of a task see it, until one of them changes it: the octets by range, and the header and MIME
 * indexes, each made when it is first asked for.
 */
export class MessageView {
  readonly size: number;
  readonly #reader: SyncImageReader;
  readonly #parts = new Map<number, PartReader>();
  #header: HeaderIndex | undefined;
  #mime: MimeIndex | undefined;
  readonly #octet = new Uint8Array(1);

  constructor(source: SyncByteSource, image: MessageImage) {
    this.size = image.size;
    this.#reader = new SyncImageReader(source, image);
  }

  readInto(target: Uint8Array, offset: number): number {
    return this.#reader.readInto(target, offset);
  }

  /** The octet at this offset, -1 outside the message. */
  octetAt(offset: number): number {
    return this.#reader.readInto(this.#octet, offset) === 1 ? this.#octet[0]! : -1;
  }

  get reader(): SyncByteSource {
    return this.#reader;
  }

  get header(): HeaderIndex {
    this.#header ??= readHeader(this.#reader);
    return this.#header;
  }

  get mime(): MimeIndex {
    this.#mime ??= indexMime(this.#reader);
    return this.#mime;
  }

  get parts(): readonly MimePart[] {
    return this.mime.parts;
  }

  /** The decoded body of a part that exists. */
  partReader(part: MimePart): PartReader {
    const open = this.#parts.get(part.index);
    if (open !== undefined) return open;
    // The oldest goes: a guest that jumps between many parts pays in its own time.
    const oldest = this.#parts.size < OPEN_PARTS ? undefined : this.#parts.keys().next().value;
    if (oldest !== undefined) this.#parts.delete(oldest);
    const reader = new PartReader(this.#reader, part);
    this.#parts.set(part.index, reader);
    return reader;
  }
}

/**
 * The spool of a task, opened when a service first reads. What goes wrong with it is our failure, not the service's, and is
 * remembered: a guest may catch the exception that passes through it.
 */
export class TaskSpool implements SyncByteSource {
  readonly size: number;
  /** Why it can't be read, once that has happened. */
  broken: string | undefined;
  readonly #handle: SpoolHandle;
  #opened: SyncByteSource | undefined;

  constructor(handle: SpoolHandle) {
    this.size = handle.size;
    this.#handle = handle;
  }

  readInto(target: Uint8Array, offset: number): number {
    try {
      this.#opened ??= openSpool(this.#handle);
      return this.#opened.readInto(target, offset);
    } catch (thrown) {
      this.broken ??= `Cannot read the message: ${describeError(thrown)}`;
      throw thrown;
    }
  }

  close(): void {
    this.#opened?.close();
    this.#opened = undefined;
  }
}
