import { foldCase } from './address';
import { isGrantedHere, question } from './answer';
import { Json, parseJson } from './json';
import { JsonList, JsonObject } from './json-writer';
import { Message } from './message';
import { answer_read, key } from './ocp_smtp_v1';
import { Part } from './part';
import { nameOf } from './result';
import { encodeUtf8 } from './utf8';

/** Octets of an answer that are in the plugin's memory at a time. */
const PIECE: i32 = 64 * 1024;
/** Of a message that is protected or opened (`sdk/ABI.md`). */
const MOST_OCTETS: i32 = 50 * 1024 * 1024;
const CR: u8 = 0x0d;
const LF: u8 = 0x0a;

/** What one wrapping of a message was. */
export class SecureLayer {
  /** `encrypted`, `signed` */
  kind: string = '';
  /** `opened failed` of what was encrypted, `good untrusted bad` of what was signed. */
  result: string = '';
  /** Why it is not good. */
  reason: string = '';
}

/** What the host made of the message: content that can take the place of the message's. */
export class SecureAnswer {
  /** `INVALID DENIED LIMIT UNAVAILABLE`; '' if it was done. */
  error: string = '';
  json: Json = new Json();
  /** Where the content begins in the answer, and where that ends. */
  private start: i32 = 0;
  private end: i32 = 0;

  /** Takes the answer of the last request, of that many octets. */
  static read(size: i32): SecureAnswer {
    const answer = new SecureAnswer();
    const head = new Uint8Array(min(size, PIECE));
    answer_read(0, head.dataStart, head.length);
    let end = head.indexOf(LF);
    if (end < 0) end = head.length;
    const json = parseJson(head.subarray(0, end));
    if (json === null) throw new Error('Cannot read an answer of the host: it is no JSON');
    answer.json = json;
    answer.start = min(end + 1, size);
    answer.end = size;
    return answer;
  }

  /** Whether there is content. */
  get hasContent(): bool {
    return this.end > this.start;
  }

  get layers(): SecureLayer[] {
    const list = this.json.get('layers');
    const found: SecureLayer[] = [];
    for (let i = 0; i < list.length; i++) {
      const layer = new SecureLayer();
      layer.kind = list.at(i).get('kind').text();
      layer.result = list.at(i).get('result').text();
      layer.reason = list.at(i).get('reason').text();
      found.push(layer);
    }
    return found;
  }

  /** Puts the content in the place of the message's: its Content fields and its body. Ask nothing else of the host before: the answer would be gone. */
  apply(): void {
    const piece = new Uint8Array(PIECE);
    if (!this.hasContent) throw new Error('Cannot put the content in its place: there is none');
    if (answer_read(this.end - 1, piece.dataStart, 2) != 1) {
      throw new Error('Cannot put the content in its place: the host was asked something else since');
    }
    for (let i = 0; i < Message.headerCount(); i++) {
      const name = foldCase(Message.headerName(i));
      if (name.startsWith('content-') || name == 'mime-version') Message.headerRemove(i);
    }
    const whole = new Part(0);
    const end = whole.offset + whole.headerSize;
    const from = endOfFields(end);
    // In the place of the empty line: fields that are added go before it, whenever that is proposed.
    Message.splice(from, end - from, encodeUtf8('MIME-Version: 1.0\r\n'));
    for (let at = this.start; at < this.end;) {
      let length = answer_read(at, piece.dataStart, PIECE);
      // Never half a line end.
      if (piece[length - 1] == CR && at + length < this.end) length--;
      Message.splice(end, 0, piece.subarray(0, length));
      at += length;
    }
    Message.splice(end, Message.size() - end, new Uint8Array(0));
  }
}

/** Before the empty line that ends the header, if there is one. */
function endOfFields(end: i32): i32 {
  const last = new Uint8Array(4);
  if (end < 2) return end;
  const length = min(end, 4);
  Message.read(end - length, last.subarray(0, length));
  if (last[length - 1] != LF || last[length - 2] != CR) return end;
  const isEmptyLine = length == 2 || (last[1] == LF && last[0] == CR);
  return isEmptyLine ? end - 2 : end;
}

/** Signing, encrypting and opening messages with keys that the operator grants (capability `key`): by S/MIME or by OpenPGP. */
export class Secure {
  /** `smime` or `openpgp`. */
  private format: string;

  constructor(format: string) {
    this.format = format;
  }

  /** Whether the message has more octets than the host signs, encrypts or opens. */
  static isTooLarge(): bool {
    return Message.size() > MOST_OCTETS;
  }

  /** Whether the operator grants keys. */
  static isGranted(): bool {
    return isGrantedHere('key');
  }

  /** Which recipients of the envelope, in their normal form, can be encrypted to (`recipients`), and whether its sender's mail can be signed (`signs`). */
  find(): SecureAnswer {
    return ask(this.request('find'));
  }

  /** The message signed, and encrypted for these recipients, if there are any. `cipher` is for S/MIME: `aes-256-cbc`, `aes-256-gcm`. */
  protect(sign: bool, encrypt: string[], cipher: string = 'aes-256-cbc'): SecureAnswer {
    const list = new JsonList();
    for (let i = 0; i < encrypt.length; i++) list.text(encrypt[i]);
    const request = this.request('protect').bool('sign', sign).json('encrypt', list.toString());
    return ask(request.text('cipher', cipher));
  }

  /** The message decrypted, and its signatures verified. */
  open(): SecureAnswer {
    return ask(this.request('open'));
  }

  private request(op: string): JsonObject {
    return new JsonObject().text('op', this.format + '-' + op);
  }
}

function ask(request: JsonObject): SecureAnswer {
  const octets = question(request);
  const size = key(octets.dataStart, octets.length);
  if (size >= 0) return SecureAnswer.read(size);
  const refused = new SecureAnswer();
  refused.error = nameOf(size);
  return refused;
}
