import { join } from 'node:path';
import type { ByteSource } from '../base/bytes.ts';
import { withDeadline } from '../base/deadline.ts';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Recipient, Sender } from '../mail/envelope.ts';
import { reply } from '../mail/reply.ts';
import type { Downstream, DownstreamReply, DownstreamTransaction, SendRequest } from '../smtp/transaction.ts';
import { deliverFile } from './maildir-file.ts';
import { directoryName, folderDirectory, UniqueNames } from './maildir-name.ts';

/**
 * A downstream that is a directory of Maildirs, one for each recipient: `<path>/<address>/{tmp,new,cur}`, made when the
 * first mail comes (see `directoryName` for the name). There is no list of users: whoever the listener accepts gets
 * a mailbox, so it is the listener's domains that bound what can come about here.
 *
 * The folder that services advise is one of Maildir++ in there, `<path>/<address>/.Junk/`, made in the same way (`folderDirectory`).
 * Where that can't be the name of one the message is put into the inbox, and the log says so: it is advice.
 *
 * A message is stored as it is, with CRLF, after `Return-Path` (RFC 5321 section 4.4) and `Delivered-To`. Each
 * recipient has its own reply: `452 4.3.1` for a full disk or quota, `451 4.3.0` for any other failure.
 * At most 16 files are written at a time; a delivery waits its turn at most 30 s and is given up as failed after 120 s.
 */
export interface MaildirOptions {
  readonly name: string;
  /** The directory that holds the Maildirs. */
  readonly path: string;
  /** Our own name, part of each file's. */
  readonly hostname: string;
  readonly log: Log;
}

export function maildirDownstream(options: MaildirOptions): Downstream {
  return new MaildirDownstream(options);
}

const PARALLEL = 16;
const TURN_MS = 30_000;
const DELIVERY_MS = 120_000;

/** All that a file can hold. */
const TAKEN = new Map([
  ['8BITMIME', ''],
  ['CHUNKING', ''],
  ['BINARYMIME', ''],
  ['SMTPUTF8', ''],
]);
const SENDER_FINE = reply(250, '2.1.0', 'sender ok');
const RECIPIENT_FINE = reply(250, '2.1.5', 'recipient ok');
const STORED = reply(250, '2.0.0', 'stored');
const BAD_SENDER = reply(553, '5.1.7', 'the sender address is not valid');
const BAD_RECIPIENT = reply(553, '5.1.3', 'the recipient address is not valid');
const BAD_SEQUENCE = reply(503, '5.5.1', 'bad sequence of commands');

class MaildirDownstream implements Downstream {
  readonly name: string;
  readonly takesFolders = true;
  readonly #options: MaildirOptions;
  readonly #names: UniqueNames;
  readonly #line = new Set<() => void>();
  #writing = 0;
  #closing = false;
  #idle: (() => void) | undefined;

  constructor(options: MaildirOptions) {
    this.name = options.name;
    this.#options = options;
    this.#names = new UniqueNames(options.hostname);
  }

  async extensions(): Promise<ReadonlyMap<string, string>> {
    return TAKEN;
  }

  open(): DownstreamTransaction {
    return new MaildirTransaction((request) => this.send(request));
  }

  async send({ sender, recipients, message }: SendRequest): Promise<DownstreamReply[]> {
    if (!isOneLine(sender.address)) return recipients.map(() => BAD_SENDER);
    return Promise.all(recipients.map((recipient) => this.#deliver(recipient, { sender, message })));
  }

  async close(deadlineMs: number): Promise<void> {
    this.#closing = true;
    for (const next of this.#line) next();
    if (this.#writing === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
      timer = setTimeout(resolve, deadlineMs);
    });
    clearTimeout(timer);
  }

  async #deliver(
    recipient: Recipient,
    mail: { sender: Sender; message: ByteSource },
  ): Promise<DownstreamReply> {
    const { address } = recipient;
    if (!isMailbox(address)) return BAD_RECIPIENT;
    const refusal = await this.#turn();
    if (refusal !== undefined) return refusal;
    const header = `Return-Path: <${mail.sender.address}>\r\nDelivered-To: ${address}\r\n`;
    const directory = join(this.#options.path, directoryName(address));
    // A disk that hangs keeps its place until it answers: that bounds what can pile up. Should it answer after the
    // deadline the mail is there twice once it is tried again, and not lost.
    const delivery = deliverFile(directory, {
      folder: this.#folderOf(recipient),
      name: this.#names.next(),
      header,
      message: mail.message,
    }).finally(() => this.#endTurn());
    try {
      await withDeadline(delivery, { ms: DELIVERY_MS, what: 'a delivery to a Maildir' });
      return STORED;
    } catch (error) {
      const cause = describeError(error);
      this.#options.log.error(
        { downstream: this.name, recipient: address, cause },
        'cannot deliver to a Maildir',
      );
      return isFull(error)
        ? local(452, '4.3.1', `no space left at downstream ${this.name}`)
        : local(451, '4.3.0', `downstream ${this.name} cannot store the message`);
    }
  }

  #folderOf({ address, folder = 'INBOX' }: Recipient): string {
    const directory = folderDirectory(folder);
    if (directory === undefined) {
      const fields = { downstream: this.name, recipient: address, folder };
      this.#options.log.warn(fields, 'not filed: this is no name of a folder');
    }
    return directory ?? '';
  }

  /** Takes a place, waiting in line for it; the reply to give if there is none. */
  async #turn(): Promise<DownstreamReply | undefined> {
    if (this.#closing) return local(421, '4.3.2', 'this server is shutting down');
    if (this.#writing < PARALLEL) {
      this.#writing += 1;
      return undefined;
    }
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#line.delete(next);
        resolve(local(450, '4.3.2', `downstream ${this.name} is too busy`));
      }, TURN_MS);
      const next = () => {
        clearTimeout(timer);
        this.#line.delete(next);
        resolve(this.#closing ? local(421, '4.3.2', 'this server is shutting down') : undefined);
      };
      this.#line.add(next);
    });
  }

  /** Hands the place to the next in line. */
  #endTurn(): void {
    const [next] = this.#line;
    if (next !== undefined) {
      next();
      return;
    }
    this.#writing -= 1;
    if (this.#writing === 0) this.#idle?.();
  }
}

/** Collects the envelope; everything happens at `data`. */
class MaildirTransaction implements DownstreamTransaction {
  readonly #send: (request: SendRequest) => Promise<DownstreamReply[]>;
  #sender: Sender | undefined;
  #recipients: Recipient[] = [];
  #ended = false;

  constructor(send: (request: SendRequest) => Promise<DownstreamReply[]>) {
    this.#send = send;
  }

  async mail(sender: Sender): Promise<DownstreamReply> {
    if (this.#ended || this.#sender !== undefined) return BAD_SEQUENCE;
    if (!isOneLine(sender.address)) return BAD_SENDER;
    this.#sender = sender;
    return SENDER_FINE;
  }

  async rcpt(recipient: Recipient): Promise<DownstreamReply> {
    if (this.#ended || this.#sender === undefined) return BAD_SEQUENCE;
    if (!isMailbox(recipient.address)) return BAD_RECIPIENT;
    this.#recipients.push(recipient);
    return RECIPIENT_FINE;
  }

  async data(message: ByteSource): Promise<DownstreamReply[]> {
    const sender = this.#sender;
    const recipients = this.#recipients;
    await this.abort();
    return sender === undefined ? [] : this.#send({ sender, recipients, message });
  }

  async abort(): Promise<void> {
    this.#ended = true;
    this.#sender = undefined;
    this.#recipients = [];
  }
}

/** Both addresses become header fields of one line. */
// oxlint-disable-next-line no-control-regex -- control characters are what this refuses
const isOneLine = (address: string): boolean => !/[\u0000-\u001f\u007f]/.test(address);

const isMailbox = (address: string): boolean => address !== '' && isOneLine(address);

const isFull = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');

const local = (code: number, enhanced: string, text: string): DownstreamReply => ({
  ...reply(code, enhanced, text),
  local: true,
});
