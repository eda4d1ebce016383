import { formatDate } from './date.ts';
import { decodeWords } from './encoded-word.ts';
import { composeField } from './header-edit.ts';
import { indexHeader } from './header-index.ts';
import { isProblem } from './image.ts';
import { replaceControls } from './text.ts';
import { encodeText } from './transfer-encoding.ts';

/**
 * Composes a notice (RFC 4496 section 4.1): what a filter says of a message to one who has to do with it, as text/plain. Below the
 * filter's text stands, in the words of the protocol so that it suits any language, which gate says it and of which message.
 * Auto-Submitted marks it as RFC 3834 section 5 asks; it is sent with the null reverse-path.
 *
 * Subject, text and addresses come from strangers: nothing in them can forge a field.
 */
export interface NoticeRequest {
  /** For the Message-ID. */
  readonly id: string;
  readonly date: Date;
  /** Our own name. */
  readonly hostname: string;
  readonly from: string;
  readonly to: string;
  /** It goes to the sender of the message, so it is an answer to it. */
  readonly isAnswer: boolean;
  readonly subject: string;
  /** Lines end in LF. */
  readonly text: string;
  readonly service: string;
  readonly transaction: string;
  /** The envelope of the message, as far as the reader may see it. */
  readonly sender: string;
  readonly recipients: readonly string[];
  /** The message's header, in whatever state it is. */
  readonly header: Uint8Array;
}

/** The notice, from its header to its last line. */
export function composeNotice(request: NoticeRequest): Uint8Array {
  const { encoding, bytes } = encodeText(Buffer.from(`${request.text.trimEnd()}\n\n${frameOf(request)}`));
  const host = clean(request.hostname);
  const { id, references } = threadOf(request.header);
  const header = [
    `Date: ${formatDate(request.date)}\r\n`,
    `From: Mail Gate <${clean(request.from)}>\r\n`,
    `To: <${clean(request.to)}>\r\n`,
    subjectField(request.subject),
    `Message-ID: <${request.id.replace(/[^\w.-]/g, '_')}@${host}>\r\n`,
    ...(id === undefined
      ? []
      : [`In-Reply-To: ${id}\r\n`, `References: ${[...references, id].join('\r\n ')}\r\n`]),
    `Auto-Submitted: ${request.isAnswer ? 'auto-replied' : 'auto-generated'}\r\n`,
    'MIME-Version: 1.0\r\n',
    'Content-Type: text/plain; charset=utf-8\r\n',
    `Content-Transfer-Encoding: ${encoding}\r\n\r\n`,
  ];
  return Buffer.concat([Buffer.from(header.join('')), bytes]);
}

/** Recipients that are named at most. */
const SHOWN = 20;

function frameOf({ hostname, service, transaction, sender, recipients, header }: NoticeRequest): string {
  const fields = indexHeader(header);
  const quoted = ['Date', 'From', 'To', 'Subject', 'Message-ID'].flatMap((name) => {
    const value = fields.first(name);
    return value === undefined ? [] : [`${name}: ${clean(decodeWords(value.slice(0, QUOTED)))}`];
  });
  const shown = recipients.slice(0, SHOWN).map((address) => `RCPT TO: <${clean(address)}>`);
  const more = recipients.length > SHOWN ? [`RCPT TO: … (${recipients.length})`] : [];
  return [
    '-- ',
    `${clean(hostname)} (${service}) ${transaction}`,
    `MAIL FROM: <${clean(sender)}>`,
    ...shown,
    ...more,
    ...quoted,
    '',
  ].join('\n');
}

/** Octets of a field of the message that are quoted. */
const QUOTED = 300;

// A message identification (RFC 5322 section 3.6.4) without what would need folding or quoting.
const MESSAGE_ID = /<[!-;=?-~]{1,250}>/g;
const REFERENCES = 20;

function threadOf(header: Uint8Array): { id: string | undefined; references: string[] } {
  const fields = indexHeader(header);
  const idsIn = (name: string): string[] => fields.first(name)?.slice(0, 20_000).match(MESSAGE_ID) ?? [];
  const [id] = idsIn('Message-ID');
  return { id, references: idsIn('References').slice(-REFERENCES) };
}

function subjectField(subject: string): string {
  const field = composeField({ name: 'Subject', value: clean(subject) }, { smtputf8: false });
  return isProblem(field) ? '' : Buffer.from(field).toString('latin1');
}

const clean = (text: string): string => replaceControls(text, ' ');
