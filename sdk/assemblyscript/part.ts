import { Json, parseJson } from './json';
import { part_count, part_info, part_read, part_replace } from './ocp_smtp_v1';
import { partSays } from './part-search';
import { must } from './result';
import { encodeUtf8 } from './utf8';

/** A MIME part of the message; part 0 is the message itself. Stage `message` only. */
export class Part {
  /** All the part's facts, for what has no accessor here. */
  json: Json;
  index: i32;

  constructor(index: i32) {
    this.index = index;
    let buffer = new Uint8Array(1024);
    const size = must(part_info(index, buffer.dataStart, buffer.length), 'read the facts of a part');
    if (size > buffer.length) {
      buffer = new Uint8Array(size);
      part_info(index, buffer.dataStart, size);
    }
    const json = parseJson(buffer.subarray(0, size));
    if (json === null) throw new Error('Cannot read the facts of a part: not JSON');
    this.json = json;
  }

  /** All parts in document order. */
  static all(): Part[] {
    const count = must(part_count(), 'count the parts');
    const parts: Part[] = [];
    for (let i = 0; i < count; i++) parts.push(new Part(i));
    return parts;
  }

  /** Index of the part that this one is in; -1 for part 0. */
  get parent(): i32 {
    return this.index == 0 ? -1 : this.json.get('parent').integer(-1);
  }

  get depth(): i32 {
    return this.json.get('depth').integer();
  }

  /** `application/pdf`, in lower case. */
  get type(): string {
    return this.json.get('type').text();
  }

  get charset(): string {
    return this.json.get('charset').text();
  }

  /** The file name, decoded; '' if it has none. The sender chose it: it may hold any character. */
  get name(): string {
    return this.json.get('name').text();
  }

  /** Every name that some reader may take for the file name, `name` first: judge them all. */
  get names(): string[] {
    return this.json.get('names').texts();
  }

  /** Of part 0: the message is taken apart to the end, within the host's bounds. If not, there is more than `all` tells. */
  get complete(): bool {
    return this.json.get('complete').bool(true);
  }

  /** Readers may disagree about its type, its encoding, its boundary or its names. */
  get ambiguous(): bool {
    return this.json.get('ambiguous').bool();
  }

  /** `attachment`, `inline` or ''. */
  get disposition(): string {
    return this.json.get('disposition').text();
  }

  /** The Content-Transfer-Encoding. */
  get encoding(): string {
    return this.json.get('encoding').text();
  }

  /** Where the part's header begins in the message. */
  get offset(): i32 {
    return this.json.get('offset').integer();
  }

  /** Octets of its header with the empty line. */
  get headerSize(): i32 {
    return this.json.get('headerSize').integer();
  }

  /** Octets of its body as encoded. */
  get size(): i32 {
    return this.json.get('size').integer();
  }

  /**
   * Fills `buffer` from offset `offset` of the decoded body; gives the octets copied, fewer at the end, 0 past it.
   * Going from front to back costs one pass, going back starts a new one.
   */
  read(offset: i32, buffer: Uint8Array): i32 {
    return must(part_read(this.index, offset, buffer.dataStart, buffer.length), 'read a part');
  }

  /**
   * Whether its decoded body has the word, ASCII letters in either case, wherever one read ends and the next begins. No part says the empty
   * word. Its octets in UTF-8 are looked for: text in another charset may have others.
   */
  says(word: string): bool {
    return partSays(this.index, word);
  }

  /** Puts a part of that Content-Type (`text/plain; charset=utf-8`) with that text in its place. */
  replace(type: string, text: string): void {
    const contentType = encodeUtf8(type);
    const octets = encodeUtf8(text);
    must(
      part_replace(this.index, contentType.dataStart, contentType.length, octets.dataStart, octets.length),
      'replace a part',
    );
  }
}
