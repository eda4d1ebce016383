import { decodeUtf8, domainOf, foldCase, Message, Part } from '../../sdk/assemblyscript';
import { readable } from '../../sdk/assemblyscript/text/headers';
import { textOfPart } from '../../sdk/assemblyscript/text/part-text';
import { addHosts } from './links';
import { Words } from './words';

/** Octets of a message's texts, and of its header, that are looked at. */
const TEXT_LIMIT: i32 = 128 * 1024;
const HEADER_LIMIT: i32 = 32 * 1024;

/** What a message says: its Subject and its texts, attachments left out. */
export class Content {
  /** Those of the Subject first. */
  words: Words = new Words();
  subjectWords: i32 = 0;
  /** The domain of From, in lower case; '' if there is none. */
  author: string = '';
  hosts: string[] = [];

  /** `root` is the part that the message is: 0, or what is below one of type message/rfc822. */
  constructor(parts: Part[], root: i32) {
    this.readHeader(parts[root]);
    let left = TEXT_LIMIT;
    const links: string[] = [];
    for (let i = root; i < parts.length && left > 0; i++) {
      const part = parts[i];
      if (i > root && part.depth <= parts[root].depth) break;
      if (!part.type.startsWith('text/') || part.disposition == 'attachment') continue;
      const text = textOfPart(part, left, links);
      left -= part.size;
      this.words.add(text);
      addHosts(text, this.hosts);
    }
    addHosts(links.join(' '), this.hosts);
  }

  private readHeader(part: Part): void {
    const buffer = new Uint8Array(min(HEADER_LIMIT, part.headerSize));
    const header = decodeUtf8(buffer, 0, Message.read(part.offset, buffer));
    this.words.add(readable(valueOf(header, 'subject')));
    this.subjectWords = this.words.list.length;
    const from = valueOf(header, 'from').trim();
    const domain = domainOf(from.endsWith('>') ? from.substring(0, from.length - 1) : from);
    this.author = foldCase(domain).split(' ')[0];
  }
}

/** Of the first field of that name, unfolded. */
function valueOf(header: string, name: string): string {
  const lines = header.split('\r\n');
  for (let i = 0; i < lines.length; i++) {
    if (foldCase(lines[i].substring(0, name.length + 1)) != name + ':') continue;
    let value = lines[i].substring(name.length + 1);
    for (let next = i + 1; next < lines.length; next++) {
      if (!lines[next].startsWith(' ') && !lines[next].startsWith('\t')) break;
      value += ' ' + lines[next].trim();
    }
    return value;
  }
  return '';
}
