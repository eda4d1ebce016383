import type { ByteSource } from '../base/bytes.ts';
import type { Log } from '../base/log.ts';
import { addressProblem, domainOf, isAscii, plainAddress } from '../mail/address.ts';
import type { Recipient } from '../mail/envelope.ts';
import { withFolderField } from './folder-field.ts';
import type { Downstream, DownstreamReply, DownstreamTransaction, SendRequest } from './transaction.ts';

/**
 * How a server is told the folder that services advise for a recipient's mail:
 *
 * - `detail`: in the address, `ann+Junk@example.com` (RFC 5233). An address that has a detail keeps it, and one that would not be valid is
 *   not made; then the mail goes to the address as it is, and so it does if the server refuses the one with the folder.
 * - `header`: in the field `X-Postern-Folder`, for a Sieve script. Fields of that name which came with the message go.
 *   Recipients with different folders get the message in transactions of their own.
 *
 * It is advice: for its sake no mail is lost, bounced or held up.
 */
export type FolderOptions =
  { readonly folder: 'detail'; readonly recipientDelimiter: string } | { readonly folder: 'header' };

/** The same downstream, told folders in this way. */
export const tellingFolders = (
  inner: Downstream,
  options: FolderOptions & { readonly log: Log },
): Downstream => (options.folder === 'detail' ? new ByDetail(inner, options) : new ByField(inner));

abstract class TellingFolders implements Downstream {
  readonly name: string;
  readonly takesFolders = true;
  protected readonly inner: Downstream;

  constructor(inner: Downstream) {
    this.name = inner.name;
    this.inner = inner;
  }

  extensions(): Promise<ReadonlyMap<string, string>> {
    return this.inner.extensions();
  }

  open(): DownstreamTransaction {
    return this.inner.open();
  }

  abstract send(request: SendRequest): Promise<DownstreamReply[]>;

  close(deadlineMs: number): Promise<void> {
    return this.inner.close(deadlineMs);
  }
}

class ByDetail extends TellingFolders {
  readonly #delimiter: string;
  readonly #log: Log;

  constructor(inner: Downstream, options: { readonly recipientDelimiter: string; readonly log: Log }) {
    super(inner);
    this.#delimiter = options.recipientDelimiter;
    this.#log = options.log;
  }

  override async send(request: SendRequest): Promise<DownstreamReply[]> {
    const recipients = request.recipients.map((recipient) => this.#withDetail(recipient));
    const replies = await this.inner.send({ ...request, recipients });
    const refused = recipients.flatMap((recipient, at) =>
      recipient !== request.recipients[at] && replies[at]!.code >= 500 ? [at] : [],
    );
    if (refused.length === 0) return replies;
    const plain = refused.map((at) => request.recipients[at]!);
    const again = await this.inner.send({ ...request, recipients: plain });
    for (const [index, at] of refused.entries()) replies[at] = again[index]!;
    return replies;
  }

  #withDetail(recipient: Recipient): Recipient {
    const { address, folder } = recipient;
    if (folder === undefined) return recipient;
    const detailed = detailedAddress(address, { folder, delimiter: this.#delimiter });
    if (detailed !== undefined) return { ...recipient, address: detailed };
    const fields = { downstream: this.name, recipient: address, folder };
    this.#log.info(fields, 'not filed: the address can not have this folder as its detail');
    return recipient;
  }
}

/** Undefined if the address has a detail already, or could not have this one. */
function detailedAddress(
  address: string,
  { folder, delimiter }: { folder: string; delimiter: string },
): string | undefined {
  const domain = domainOf(address);
  const local = address.slice(0, -1 - domain.length);
  if (local === '' || local.startsWith('"') || local.includes(delimiter)) return undefined;
  const quoted = `${local}${delimiter}${folder}`.replaceAll(/["\\]/g, '\\$&');
  const detailed = plainAddress(`"${quoted}"@${domain}`);
  // An address in ASCII stays in ASCII: whether the server has SMTPUTF8 is not known yet.
  return addressProblem(detailed, { smtputf8: !isAscii(address) }) === undefined ? detailed : undefined;
}

class ByField extends TellingFolders {
  override open(): DownstreamTransaction {
    const inner = this.inner.open();
    return {
      mail: (sender) => inner.mail(sender),
      rcpt: (recipient) => inner.rcpt(recipient),
      data: async (message) => inner.data(await told(message, undefined)),
      abort: () => inner.abort(),
    };
  }

  override async send(request: SendRequest): Promise<DownstreamReply[]> {
    const { recipients } = request;
    const replies: DownstreamReply[] = [];
    for (const folder of new Set(recipients.map((recipient) => recipient.folder))) {
      const places = [...recipients.keys()].filter((at) => recipients[at]!.folder === folder);
      const message = await told(request.message, folder);
      const own = places.map((at) => recipients[at]!);
      const said = await this.inner.send({ ...request, recipients: own, message });
      for (const [index, at] of places.entries()) replies[at] = said[index]!;
    }
    return replies;
  }
}

async function told(message: ByteSource, folder: string | undefined): Promise<ByteSource> {
  try {
    return await withFolderField(message, folder);
  } catch {
    // It can't be read: that it is being sent fails in the same way, and has a reply for it.
    return message;
  }
}
