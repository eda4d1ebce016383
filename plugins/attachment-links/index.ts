import {
  anyAddressMatches,
  Blob,
  BlobRules,
  Check,
  configured,
  decide,
  Decision,
  escapeHtml,
  facts,
  foldCase,
  globMatches,
  insertInBody,
  log,
  Message,
  oneLine,
  Part,
  settings,
} from '../../sdk/assemblyscript';
import { isLeftAlone, isOpaqueMessage } from './left-alone';
export { ocp_smtp_abi_1 } from '../../sdk/assemblyscript';

/**
 * Puts large attachments where people fetch them, and a link in their place and in the text that people read (RFC 4496 section 4.9).
 * Settings: README.md.
 */
const KEYS: string[] = [
  'minSize',
  'types',
  'days',
  'downloads',
  'confirm',
  'clients',
  'senders',
  'recipients',
  'dkim',
  'failure',
  'text',
];
const DKIM: string[] = ['edit', 'leave'];
const FAILURE: string[] = ['keep', 'tempfail'];
const DAY: i32 = 86400;
/** Of one message. What is beyond stays in it. */
const MOST_LINKS: i32 = 50;

export function configure(): i32 {
  const check = Check.settings(KEYS);
  check.get('minSize').integer(0, 1000000000);
  check.get('types').texts(100);
  check.get('days').integer(1, 366);
  check.get('downloads').integer(1, 1000000);
  check.get('confirm').bool();
  check.get('clients').networks(50);
  check.get('senders').addresses(320);
  check.get('recipients').addresses(320);
  check.get('dkim').oneOf(DKIM);
  check.get('failure').oneOf(FAILURE);
  check.get('text').text(500);
  return configured(check.problem);
}

export function on_message(): i32 {
  const decision = new Decision();
  const parts = Part.all();
  if (!isMeant() || isOpaqueMessage(parts)) return decide(decision);
  if (settings().get('dkim').text('edit') == 'leave' && Message.headerFind('DKIM-Signature') >= 0)
    return decide(decision);

  const links = new Links();
  for (let i = 0; i < parts.length && links.parts.length < MOST_LINKS; i++) {
    if (!isLarge(parts[i]) || isLeftAlone(parts[i], parts)) continue;
    const error = links.put(parts[i]);
    if (error.length == 0) continue;
    if (settings().get('failure').text('keep') == 'tempfail') {
      const text = 'The attachments can not be stored now';
      return decide(new Decision().tempfail(451, '4.3.1', text).reason(text + ': ' + error));
    }
    log.warn('an attachment stays in the message, it was not put: ' + error);
  }
  if (links.parts.length == 0) return decide(decision);
  links.show(parts);
  return decide(decision.tag('attachment-links', links.parts.length.toString()));
}

/** What was put, and how it is told. */
class Links {
  parts: Part[] = [];
  /** What stands in the place of each. */
  private texts: string[] = [];
  private text: string;
  private html: string;

  constructor() {
    const intro = settings().get('text').text('Attachments of this message can be downloaded:');
    this.text = intro;
    this.html = '<div style="display:block!important">' + escapeHtml(intro) + '<ul>';
  }

  /** '' or why not. */
  put(part: Part): string {
    const label = oneLine(part.name);
    const name = label.length == 0 ? 'attachment' : label;
    const link = Blob.part(part, name, rules());
    if (link.url.length == 0) return link.error;
    const days = link.expires / DAY;
    const until = days == 1 ? '1 day' : days.toString() + ' days';
    const about = name + ' (' + readable(link.size) + ', for ' + until + ')';
    this.parts.push(part);
    this.texts.push(about + '\r\n' + link.url + '\r\n');
    this.text += '\n\n' + about + '\n' + link.url;
    // On lines of their own: of name and URL, each can be most of what a line may have.
    const tag = '\r\n<li><a\r\nhref="' + escapeHtml(link.url) + '" rel="noreferrer">\r\n';
    this.html += tag + escapeHtml(about) + '</a></li>';
    return '';
  }

  /** In the place of each part, and where people read it, if there is a place for it. */
  show(all: Part[]): void {
    for (let i = 0; i < this.parts.length; i++)
      this.parts[i].replace('text/plain; charset=utf-8', this.texts[i]);
    insertInBody(this.text, this.html + '\r\n</ul></div>', all, this.parts);
  }
}

function rules(): BlobRules {
  const rules = new BlobRules();
  rules.expires = settings().get('days').integer(0) * DAY;
  rules.downloads = settings().get('downloads').integer(0);
  rules.confirm = settings().get('confirm').bool();
  rules.clients = settings().get('clients').texts();
  return rules;
}

/** By sender, and by all recipients: they get one message. */
function isMeant(): bool {
  const senders = settings().get('senders');
  if (!senders.isMissing && !anyAddressMatches(senders.texts(), facts().senderNormal)) return false;
  const recipients = settings().get('recipients');
  if (recipients.isMissing) return true;
  const all = facts().recipients;
  for (let i = 0; i < all.length; i++) {
    if (!anyAddressMatches(recipients.texts(), all[i].normal)) return false;
  }
  return true;
}

function isLarge(part: Part): bool {
  // Lines of base64: 76 characters and CRLF for 57 octets.
  const size = part.encoding == 'base64' ? <i32>((<i64>part.size * 57) / 78) : part.size;
  if (
    size >=
    settings()
      .get('minSize')
      .integer(5 * 1024 * 1024)
  )
    return true;
  const types = settings().get('types').texts();
  for (let i = 0; i < types.length; i++) {
    if (globMatches(foldCase(types[i]), part.type)) return true;
  }
  return false;
}

function readable(size: i64): string {
  if (size < 1024) return size.toString() + ' octets';
  const isSmall = size < 1024 * 1024;
  const tenths = isSmall ? (size * 10) / 1024 : (size * 10) / (1024 * 1024);
  return (tenths / 10).toString() + '.' + (tenths % 10).toString() + (isSmall ? ' KiB' : ' MiB');
}
