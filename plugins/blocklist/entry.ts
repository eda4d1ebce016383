import {
  addressMatches,
  Decision,
  Facts,
  foldCase,
  globMatches,
  inNetwork,
  Json,
  Message,
  parseNetwork,
} from '../../sdk/assemblyscript';
import { wordsDecoded } from '../../sdk/assemblyscript/text/words';

/** Where an entry is asked: as soon as all that it names is known. */
export const MAIL: i32 = 0;
export const RCPT: i32 = 1;
export const MESSAGE: i32 = 2;

/** One entry of the list: what it blocks, and the reply. */
export class Entry {
  json: Json;

  constructor(json: Json) {
    this.json = json;
  }

  get at(): i32 {
    if (!this.json.get('header').isMissing || !this.json.get('subject').isMissing) return MESSAGE;
    return this.json.get('recipient').isMissing ? MAIL : RCPT;
  }

  /** Whether all that it names is so; of each list, any. `recipient` is in its normal form. */
  blocks(now: Facts, recipient: string): bool {
    const json = this.json;
    return (
      (json.get('client').isMissing || inNetworks(json.get('client').texts(), now.clientAddress)) &&
      (json.get('sender').isMissing || isAddress(json.get('sender').texts(), now.senderNormal)) &&
      (json.get('recipient').isMissing || isAddress(json.get('recipient').texts(), recipient)) &&
      (json.get('subject').isMissing || hasHeader('Subject', json.get('subject').texts())) &&
      hasHeaders(json.get('header'))
    );
  }

  refuse(decision: Decision): void {
    decision.reject(this.code, this.enhanced, this.text).reason('blocked: ' + this.text);
  }

  refuseRecipient(decision: Decision, address: string): void {
    decision.recipient(address).reject(this.code, this.enhanced, this.text);
  }

  private get code(): i32 {
    return this.json.get('reply').get('code').integer(550);
  }

  private get enhanced(): string {
    return this.json.get('reply').get('enhanced').text('5.7.1');
  }

  private get text(): string {
    return this.json.get('reply').get('text').text('Blocked by local policy');
  }
}

export function isAddress(patterns: string[], address: string): bool {
  for (let i = 0; i < patterns.length; i++) {
    if (addressMatches(foldCase(patterns[i]), address)) return true;
  }
  return false;
}

function inNetworks(networks: string[], address: string): bool {
  const client = parseNetwork(address);
  for (let i = 0; client !== null && i < networks.length; i++) {
    const network = parseNetwork(networks[i]);
    if (network !== null && inNetwork(client, network)) return true;
  }
  return false;
}

/** An object of header names and patterns: each name must have a field that matches. */
function hasHeaders(header: Json): bool {
  for (let i = 0; i < header.length; i++) {
    if (!hasHeader(header.nameAt(i), header.at(i).texts())) return false;
  }
  return true;
}

/** Encoded words undone, in lower case as far as ASCII goes. */
function hasHeader(name: string, patterns: string[]): bool {
  for (let index = Message.headerFind(name), nth = 1; index >= 0; index = Message.headerFind(name, nth++)) {
    const value = foldCase(readable(Message.headerValue(index)));
    for (let i = 0; i < patterns.length; i++) {
      if (globMatches(foldCase(patterns[i]), value)) return true;
    }
  }
  return false;
}

/** What is beyond ASCII as it is, outside encoded words, stays. */
function readable(value: string): string {
  const words = value.split(' ');
  const pieces: string[] = [];
  for (let i = 0; i < words.length; i++) {
    let run = words[i];
    while (isWord(words[i]) && i + 1 < words.length && isWord(words[i + 1])) run += ' ' + words[++i];
    const decoded = isWord(words[i]) ? wordsDecoded(run, 'windows-1252') : run;
    pieces.push(decoded === null ? run : decoded);
  }
  return pieces.join(' ');
}

function isWord(text: string): bool {
  if (!text.includes('=?') || !text.includes('?=')) return false;
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) return false;
  }
  return true;
}
