import { open, type FileHandle } from 'node:fs/promises';
import type { ByteSource } from '../base/bytes.ts';
import { describeError } from '../base/errors.ts';
import type { SpoolHandle } from '../base/spool.ts';
import { imageSource } from '../mail/image-reader.ts';
import type { MessageImage } from '../mail/image.ts';

/** A message as Postern reads it for a confined process, which has no way to it: by range, without making the event loop wait. */
export class HostMessage {
  readonly image: MessageImage;
  /** Why it can't be read, once that has happened. */
  broken: string | undefined;
  /** Octets that the process was given. */
  readBytes = 0;
  readonly #source: ByteSource;
  #file: FileHandle | undefined;

  constructor(image: MessageImage) {
    this.image = image;
    const { spool } = image;
    this.#source = imageSource(
      { size: spool.size, read: (...range) => this.#readSpool(spool, ...range) },
      image,
    );
  }

  /** Octets from `offset`, fewer only at the end; none if they can't be read. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    try {
      const octets = await this.#source.read(offset, length);
      this.readBytes += octets.length;
      return octets;
    } catch (thrown) {
      this.broken ??= `Cannot read the message: ${describeError(thrown)}`;
      return new Uint8Array();
    }
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }

  async #readSpool(spool: SpoolHandle, offset: number, length: number): Promise<Uint8Array> {
    if (spool.kind === 'memory') return new Uint8Array(spool.bytes, offset, length);
    this.#file ??= await open(spool.path, 'r');
    const buffer = Buffer.allocUnsafe(length);
    const { bytesRead } = await this.#file.read(buffer, 0, length, offset);
    if (bytesRead < length) throw new Error(`the spool ends before octet ${offset + length}`);
    return buffer;
  }
}
