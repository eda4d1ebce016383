/**
 * A frame between Postern and a confined process: two lengths (32 bits, little-endian), so many octets of JSON, so many of anything.
 * They take turns: the process says something only when it has been told or answered something.
 */
export const FRAME_HEAD = 8;

/** Octets of the message that go along with a call. */
export const HEAD_BYTES = 64 * 1024;
/** Octets of the message that a process asks for at a time. */
export const WINDOW_BYTES = 256 * 1024;

export interface FrameLengths {
  readonly json: number;
  readonly octets: number;
}

export function frameOf(message: object, parts: readonly Uint8Array[]): Buffer {
  const json = Buffer.from(JSON.stringify(message));
  const head = Buffer.allocUnsafe(FRAME_HEAD);
  head.writeUInt32LE(json.length, 0);
  head.writeUInt32LE(
    parts.reduce((sum, { length }) => sum + length, 0),
    4,
  );
  return Buffer.concat([head, json, ...parts]);
}

export function readHead(octets: Buffer): FrameLengths {
  return { json: octets.readUInt32LE(0), octets: octets.readUInt32LE(4) };
}

/** The frame in exactly these octets, its JSON unread. */
export function splitFrame(frame: Buffer): { json: string; octets: Uint8Array } {
  const end = FRAME_HEAD + readHead(frame).json;
  return { json: frame.toString('utf8', FRAME_HEAD, end), octets: frame.subarray(end) };
}
