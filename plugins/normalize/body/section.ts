import { foldCase } from '../../../sdk/assemblyscript';
import { Header } from './header';
import { Params, withoutComments } from './params';
import { spelled, understoodType } from './content-type';
import { understoodEncoding } from './transfer-encoding';

/** What the lines of a region are like. */
export class Lines {
  /** Octets of the longest, without its line end. */
  longest: i32 = 0;
  hasHigh: bool = false;
  /** One begins as a uuencoded file does. */
  hasBegin: bool = false;
  /** One begins with two dashes and `=_`: a boundary that this plugin writes could be mistaken for it. */
  hasOwnBoundary: bool = false;
}

/** The message, or a part of it, as it is. Offsets in the message. */
export class Section {
  index: i32 = 0;
  /** Null for the message itself. */
  parent: Section | null = null;
  depth: i32 = 0;
  start: i32 = 0;
  header: Header;
  bodyEnd: i32 = 0;
  /** What Content-Type says, understood as tolerantly as it can be: `multipart/mixed`. */
  type: string;
  /** '' of what is no multipart. */
  boundary: string = '';
  /** The boundary parameter is missing, or is none that comes: this one was found in the body. */
  boundaryFound: bool = false;
  /** A multipart none of whose delimiters comes. */
  isEmpty: bool = false;
  /** Of a multipart: the closing delimiter came. */
  isClosed: bool = false;
  /** Of a multipart without it: where it belongs. */
  closeAt: i32 = 0;
  /** It goes to the end of the message. */
  endsMessage: bool = false;
  /** Of a multipart: where its first delimiter begins, and where the line after its last one. */
  firstDelimiter: i32 = 0;
  epilogueStart: i32 = 0;
  /** Of a multipart: where its delimiters go on behind the boundary, each with the end of the line. */
  tails: i32[] = [];
  /** Of a multipart: one goes on where nothing is to be changed. */
  keepsTail: bool = false;
  /** Of the body; of a multipart, of its preamble. */
  lines: Lines = new Lines();
  /** Of a multipart. */
  epilogue: Lines = new Lines();
  /** A signature covers it, or it is encrypted: nothing in it is to be changed. */
  isSealed: bool = false;
  /** The header of a message, not of a part. */
  isMessage: bool = false;

  constructor(header: Header, fallbackType: string) {
    this.header = header;
    this.type = understoodType(header, fallbackType);
    if (this.isMultipart) {
      this.boundary = this.param('boundary').trimEnd();
    }
  }

  get isMultipart(): bool {
    return this.type.startsWith('multipart/');
  }

  /** A parameter of its Content-Type, '' if there is none. */
  param(name: string): string {
    return new Params(understoodValue(this.header)).text(name);
  }

  get bodyStart(): i32 {
    return this.header.bodyStart;
  }

  /** In lower case; `7bit` if it is not given. */
  get encoding(): string {
    return understoodEncoding(this.header.value('content-transfer-encoding'));
  }

  get isIdentity(): bool {
    const encoding = this.encoding;
    return encoding == '7bit' || encoding == '8bit' || encoding == 'binary';
  }

  get holdsMessage(): bool {
    return (this.type == 'message/rfc822' || this.type == 'message/global') && this.isIdentity;
  }

  /** It has no parts. */
  get isLeaf(): bool {
    return !this.holdsMessage && (!this.isMultipart || this.isEmpty);
  }
}

/** Content-Type's value with the semicolon that was forgotten after the type. */
export function understoodValue(header: Header): string {
  const value = header.value('content-type');
  const type = foldCase(value);
  const stop = endOfType(type);
  const rest = value.substring(stop).trimStart();
  if (rest.length == 0 || rest.startsWith(';') || rest.startsWith('(')) return value;
  const head = value.substring(0, stop);
  const isType = head.includes('/') || spelled(foldCase(head)) != foldCase(head);
  return isType && rest.includes('=') ? head + '; ' + rest : value;
}

function endOfType(value: string): i32 {
  for (let i = 0; i < value.length; i++) {
    if (' \t;("'.includes(value.charAt(i))) return i;
  }
  return value.length;
}

/** The type as it is written: comments and white space gone, in lower case. */
export function writtenType(header: Header): string {
  return foldCase(withoutComments(new Params(understoodValue(header)).head).trim());
}
