import { isAscii } from './address.ts';
import { formatDate } from './date.ts';
import type { Recipient, Sender } from './envelope.ts';
import { composeField } from './header-edit.ts';
import { isProblem } from './image.ts';
import { serviceUri } from './opes.ts';
import { formatReply, type Reply } from './reply.ts';
import { replaceControls } from './text.ts';
import { encodeText } from './transfer-encoding.ts';
import { decodeXtext } from './xtext.ts';

/**
 * Composes a delivery status notification (RFC 3464) as a multipart/report (RFC 6522) of three parts: a text for people, the
 * message/delivery-status for programs, and the header of the original as text/rfc822-headers. It goes to the sender of
 * the original, with the null reverse-path. The whole is ASCII unless the sender's address is not.
 *
 * Replies, addresses and the original's header come from strangers: control characters are taken out of the first two, and what
 * of the third is not plain short ASCII lines travels encoded, so nothing in them can forge a field or a part.
 */
export interface DsnRequest {
  /** `failed`: Postern has given up. `delayed`: it goes on trying. */
  readonly action: 'failed' | 'delayed';
  /** Ours: Reporting-MTA, and the domain that the notice comes from. */
  readonly hostname: string;
  /** URI of our OPES system: the notice has its trace (RFC 4902 section 4). */
  readonly opesSystem: string;
  /** For the Message-ID and the boundary. */
  readonly id: string;
  /** Of the notice. */
  readonly date: Date;
  /** Of the original; not the null reverse-path. ENVID among its parameters is given back. */
  readonly sender: Sender;
  /** When the original came in. */
  readonly arrivalDate: Date;
  /** Only with `delayed`: when Postern will give up. */
  readonly retryUntil?: Date;
  /** Those that the notice is about, at least one. */
  readonly recipients: readonly DsnRecipient[];
  /** Header of the original, in whatever state it is. */
  readonly originalHeader: Uint8Array;
}

export interface DsnRecipient {
  /** ORCPT among its parameters is given back. */
  readonly recipient: Recipient;
  /** The last one; its enhanced code becomes the Status. */
  readonly reply: Reply;
  /** Name or address of the host that said it; absent if Postern itself did. */
  readonly remote?: string;
  /** The service that decided it, if one did. */
  readonly service?: string;
}

/** The notice, from its header to the closing delimiter. */
export function composeDsn(request: DsnRequest): Uint8Array {
  const boundary = `=_${request.id.replace(/[^\w-]/g, '_')}`;
  const text = encodeText(Buffer.from(textForPeople(request)));
  const header = encodeText(request.originalHeader);
  return Buffer.concat([
    Buffer.from(headerOf(request, boundary)),
    Buffer.from('\r\nThis is a delivery status notification in MIME format.\r\n'),
    part(boundary, {
      type: 'text/plain; charset=utf-8',
      description: 'Notification',
      ...text,
    }),
    part(boundary, {
      type: 'message/delivery-status',
      description: 'Delivery report',
      encoding: '7bit',
      bytes: Buffer.from(deliveryStatus(request)),
    }),
    part(boundary, { type: 'text/rfc822-headers', description: 'Header of the message', ...header }),
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
}

function headerOf(request: DsnRequest, boundary: string): string {
  const host = printable(request.hostname);
  const sender = printable(request.sender.address);
  const subject = request.action === 'failed' ? 'Your message was not delivered' : 'Your message is delayed';
  return [
    `Date: ${formatDate(request.date)}`,
    `From: Mail Delivery System <MAILER-DAEMON@${host}>`,
    `To: <${sender}>`,
    `Subject: ${subject}`,
    `Message-ID: <${request.id.replace(/[^\w.-]/g, '_')}@${host}>`,
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="${boundary}"`,
    '',
  ].join('\r\n');
}

function part(
  boundary: string,
  content: { type: string; description: string; encoding: string; bytes: Uint8Array },
): Buffer {
  const fields = [
    `\r\n--${boundary}`,
    `Content-Type: ${content.type}`,
    `Content-Description: ${content.description}`,
    `Content-Transfer-Encoding: ${content.encoding}`,
    '\r\n',
  ];
  return Buffer.concat([Buffer.from(fields.join('\r\n')), content.bytes]);
}

function textForPeople(request: DsnRequest): string {
  const failed = request.action === 'failed';
  const intro = failed
    ? [
        'Your message could not be delivered to the recipients named below, and no',
        'further attempt will be made.',
      ]
    : [
        'Your message has not been delivered yet to the recipients named below.',
        untilWhen(request.retryUntil),
      ];
  const { opesSystem } = request;
  const recipients = request.recipients.flatMap(({ recipient, reply, remote, service }) => [
    '',
    `<${printable(recipient.address)}>`,
    `    ${remote === undefined ? '' : `${printable(remote)} said: `}${printable(formatReply(reply))}`,
    ...(service === undefined ? [] : [`    decided by the filter ${serviceUri(opesSystem, service)}`]),
  ]);
  return [
    `This is the mail system at ${printable(request.hostname)}.`,
    '',
    ...intro,
    ...recipients,
    '',
    `The message arrived here on ${formatDate(request.arrivalDate)}.`,
    'Its header is attached.',
    '',
    `Mail here is filtered by the system ${opesSystem}`,
    '',
  ].join('\r\n');
}

const untilWhen = (date: Date | undefined): string =>
  date === undefined
    ? 'You need not do anything: further attempts will be made.'
    : `You need not do anything: attempts go on until ${formatDate(date)}.`;

function deliveryStatus(request: DsnRequest): string {
  const { ENVID } = request.sender.params;
  const perMessage = [
    ENVID === undefined ? '' : statusField('Original-Envelope-Id', decodeXtext(ENVID)),
    statusField('Reporting-MTA', `dns; ${request.hostname}`),
    statusField('Arrival-Date', formatDate(request.arrivalDate)),
    statusField('X-OPES-System', request.opesSystem),
  ];
  const perRecipient = request.recipients.map((recipient) => recipientStatus(request, recipient));
  return [perMessage.join(''), ...perRecipient].join('\r\n');
}

function recipientStatus(request: DsnRequest, failure: DsnRecipient): string {
  const { recipient, reply, remote, service } = failure;
  const { address, params } = recipient;
  const original = /^([\w-]+);(.+)$/.exec(params['ORCPT'] ?? '');
  const final = isAscii(address) ? `rfc822; ${address}` : `utf-8; ${encodeUtf8Address(address)}`;
  const fields = [
    original === null
      ? ''
      : statusField('Original-Recipient', `${original[1]}; ${decodeXtext(original[2]!)}`),
    statusField('Final-Recipient', final),
    statusField('Action', request.action),
    statusField('Status', statusOf(reply, request.action)),
    remote === undefined ? '' : statusField('Remote-MTA', `dns; ${remote}`),
    // RFC 3464 section 2.3.6: type `smtp` only for what another host said.
    statusField('Diagnostic-Code', `${remote === undefined ? 'X-Postern' : 'smtp'}; ${formatReply(reply)}`),
    service === undefined ? '' : statusField('X-OPES-Via', serviceUri(request.opesSystem, service)),
  ];
  if (request.action === 'delayed' && request.retryUntil !== undefined) {
    fields.push(statusField('Will-Retry-Until', formatDate(request.retryUntil)));
  }
  return fields.join('');
}

/** RFC 3464 section 2.3.4. A failure for want of time keeps the 4.x.x that was its cause. */
function statusOf(reply: Reply, action: DsnRequest['action']): string {
  if (reply.enhanced !== undefined && /^[45]\.\d{1,3}\.\d{1,3}$/.test(reply.enhanced)) return reply.enhanced;
  const digit = reply.code >= 400 && reply.code < 600 ? Math.floor(reply.code / 100) : undefined;
  return `${digit ?? (action === 'failed' ? 5 : 4)}.0.0`;
}

/** A field of message/delivery-status, which is ASCII (RFC 3464 section 2.1.1); too much of a value is cut off. */
function statusField(name: string, value: string): string {
  const ascii = printable(value).replace(/[^ -~]/gu, '?');
  const options = { smtputf8: false };
  const field = composeField({ name, value: ascii }, options);
  const fitting = isProblem(field) ? composeField({ name, value: ascii.slice(0, 900) }, options) : field;
  return isProblem(fitting) ? '' : Buffer.from(fitting).toString('latin1');
}

/** RFC 6533 section 3, utf-8-addr-xtext: `\x{FC}` for ü, so that a 7-bit part can carry the address. */
function encodeUtf8Address(address: string): string {
  return address.replace(/[^!-*,-<>-[\]-~]/gu, (char) => {
    return `\\x{${char.codePointAt(0)!.toString(16).toUpperCase().padStart(2, '0')}}`;
  });
}

const printable = (text: string): string => replaceControls(text, ' ');
