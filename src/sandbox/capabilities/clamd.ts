import { connect, type Socket } from 'node:net';
import { describeError } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';
import { TimeLimitError, withTimeLimit } from '../../base/time-limit.ts';
import type { Scanner } from '../../ocp/capability.ts';
import type { Content } from './content.ts';

/**
 * One scan by ClamAV's daemon, on a connection of its own: `zINSTREAM`, the octets in pieces with their length before each, a piece
 * of no octets, and one reply (clamd(8), "INSTREAM"). A connection for each, as for other capabilities: none is ever in a state that
 * another scan left, and to a socket on the same machine it costs nothing beside the scan.
 */
export type ScanResult =
  | { readonly kind: 'clean' }
  /** `name`: the signature's, printable. */
  | { readonly kind: 'found'; readonly name: string }
  /** It is longer than may be scanned. */
  | { readonly kind: 'tooLong'; readonly cause: string }
  | { readonly kind: 'outage'; readonly cause: string };

/** Octets of a reply; clamd's are far shorter. */
const REPLY_LIMIT = 4096;
const NAME_LIMIT = 200;
/** Octets that go with one length before them. */
const PIECE = 64 * 1024;

/** Never rejects for anything that the scanner does; only for a message that can't be read. */
export async function scanWith(
  scanner: Scanner,
  { content, signal }: { content: Content; signal: AbortSignal },
): Promise<ScanResult> {
  const { endpoint, timeoutMs, maxBytes } = scanner;
  return withTimeLimit({ ms: timeoutMs, signal }, async (limit) => {
    const socket = connect(endpoint);
    const reply = replyOf(socket);
    const stop = (): void => {
      const late = limit.reason instanceof TimeLimitError;
      const why = late ? `there was no verdict within ${timeoutMs} ms` : 'nobody waits for it any more';
      socket.destroy(new Error(why));
    };
    limit.addEventListener('abort', stop);
    if (limit.aborted) stop();
    try {
      const sent = await send(socket, { content, maxBytes, isAnswered: () => reply.isThere });
      if (sent > maxBytes) {
        return { kind: 'tooLong', cause: `it has more than the ${maxBytes} octets that this scanner takes` };
      }
      return judge(await reply.text);
    } finally {
      socket.destroy();
    }
  });
}

/** Octets sent; more than `maxBytes` if there were more, which were not sent. Ends early when there is a reply, or can be none. */
async function send(
  socket: Socket,
  options: { content: Content; maxBytes: number; isAnswered: () => boolean },
): Promise<number> {
  const { content, maxBytes, isAnswered } = options;
  let sent = 0;
  await write(socket, Buffer.from('zINSTREAM\0'));
  for await (const octets of content.octets()) {
    for (let at = 0; at < octets.length; at += PIECE) {
      const piece = octets.subarray(at, at + PIECE);
      sent += piece.length;
      if (sent > maxBytes || isAnswered() || socket.destroyed) return sent;
      await write(socket, framed(piece));
    }
  }
  await write(socket, framed(new Uint8Array()));
  return sent;
}

function framed(piece: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(piece.length);
  return Buffer.concat([length, piece]);
}

/** Waits until it is on its way, and gives what the scanner said meanwhile a chance to be read. What went wrong shows in the reply. */
async function write(socket: Socket, octets: Buffer): Promise<void> {
  await new Promise<void>((resolve) => {
    if (socket.destroyed) return resolve();
    // Nothing is written any more once it is closed.
    socket.once('close', resolve);
    socket.write(octets, () => {
      socket.off('close', resolve);
      setImmediate(resolve);
    });
  });
}

/** The one reply, up to its NUL; an Error in its place where there is none. */
function replyOf(socket: Socket): { readonly isThere: boolean; readonly text: Promise<string | Error> } {
  let isThere = false;
  const text = new Promise<string | Error>((resolve) => {
    let said = '';
    let fault = new Error('it closed the connection without a verdict');
    socket.setEncoding('latin1');
    socket.on('data', (piece: string) => {
      said += piece;
      const end = said.indexOf('\0');
      if (end < 0 && said.length <= REPLY_LIMIT) return;
      isThere = true;
      resolve(end < 0 ? new Error('its reply has no end') : said.slice(0, end));
    });
    socket.on('error', (thrown) => {
      fault = thrown;
    });
    socket.on('close', () => resolve(fault));
  });
  return {
    get isThere() {
      return isThere;
    },
    text,
  };
}

function judge(reply: string | Error): ScanResult {
  if (typeof reply !== 'string') return { kind: 'outage', cause: describeError(reply) };
  if (reply === 'stream: OK') return { kind: 'clean' };
  const found = /^stream: (\S.*) FOUND$/.exec(reply);
  if (found !== null) return { kind: 'found', name: printable(found[1]!.slice(0, NAME_LIMIT)) };
  if (/size limit exceeded/i.test(reply)) {
    return { kind: 'tooLong', cause: 'it is longer than the StreamMaxLength of this scanner' };
  }
  return { kind: 'outage', cause: `it said "${printable(reply.slice(0, NAME_LIMIT))}"` };
}
