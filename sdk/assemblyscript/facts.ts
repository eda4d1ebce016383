import { readInput } from './extism';
import { input_offset } from './input_offset';
import { Json, parseJson } from './json';

/** What the host tells about the stage: `sdk/ABI.md`, "Facts". What does not apply at the stage is '' or 0. */
export class Facts {
  /** All of it, for what has no accessor here. */
  json: Json;

  constructor(json: Json) {
    this.json = json;
  }

  /** `connect helo starttls auth mail rcpt data message report` */
  get stage(): string {
    return this.json.get('stage').text();
  }

  get session(): string {
    return this.json.get('session').text();
  }

  get transaction(): string {
    return this.json.get('transaction').text();
  }

  /** This service's name, as the operator configured it. */
  get service(): string {
    return this.json.get('service').text();
  }

  get listener(): string {
    return this.json.get('listener').get('name').text();
  }

  /** `smtp submission lmtp` */
  get protocol(): string {
    return this.json.get('listener').get('protocol').text();
  }

  /** The client's IPv4 or IPv6 address. */
  get clientAddress(): string {
    return this.client('address').text();
  }

  get clientPort(): i32 {
    return this.client('port').integer();
  }

  /** The name that the client gave with HELO, EHLO or LHLO. */
  get helo(): string {
    return this.client('helo').get('name').text();
  }

  /** `HELO EHLO LHLO` */
  get heloVerb(): string {
    return this.client('helo').get('verb').text();
  }

  get hasTls(): bool {
    return !this.client('tls').isMissing;
  }

  get tlsVersion(): string {
    return this.client('tls').get('version').text();
  }

  get tlsCipher(): string {
    return this.client('tls').get('cipher').text();
  }

  /** Who authenticated; '' if nobody did. */
  get user(): string {
    return this.client('user').text();
  }

  /** Tells the null reverse-path from "no MAIL yet": both have the sender ''. */
  get hasSender(): bool {
    return !this.json.get('sender').isMissing;
  }

  get sender(): string {
    return this.json.get('sender').get('address').text();
  }

  /** The form of it to compare: lower case, unquoted where possible, the domain in A-labels. */
  get senderNormal(): string {
    return this.json.get('sender').get('normal').text();
  }

  /** A parameter of MAIL, its name in upper case. */
  senderParam(name: string): string {
    return this.json.get('sender').get('params').get(name).text();
  }

  /** At `rcpt` the one asked about; from `data` on all that were accepted. */
  get recipients(): RecipientFacts[] {
    const list = this.json.get('recipients');
    const found: RecipientFacts[] = [];
    for (let i = 0; i < list.length; i++) found.push(new RecipientFacts(list.at(i)));
    return found;
  }

  /** At `rcpt`: the address asked about. */
  get recipient(): string {
    return this.json.get('recipients').at(0).get('address').text();
  }

  /** The form of it to compare, as `senderNormal`. */
  get recipientNormal(): string {
    return this.json.get('recipients').at(0).get('normal').text();
  }

  /** Octets. */
  get messageSize(): i32 {
    return this.json.get('message').get('size').integer();
  }

  /** Where the manifest asks for `parts`: the message's MIME parts as it arrived, itself first; as many as the facts have room for. */
  get messageParts(): PartFacts[] {
    const parts = this.json.get('message').get('parts');
    const list: PartFacts[] = [];
    for (let i = 0; i < parts.length; i++) list.push(new PartFacts(parts.at(i)));
    return list;
  }

  /** How many the message has. */
  get messagePartCount(): i32 {
    return this.json.get('message').get('partCount').integer();
  }

  /** What an earlier service said with that tag. */
  tag(name: string): string {
    return this.json.get('tags').get(name).text();
  }

  /** The sum of what earlier services said. */
  get score(): f64 {
    return this.json.get('score').number();
  }

  /** At `report`: what became of each recipient. */
  get outcomes(): OutcomeFacts[] {
    const list = this.json.get('outcomes');
    const found: OutcomeFacts[] = [];
    for (let i = 0; i < list.length; i++) found.push(new OutcomeFacts(list.at(i)));
    return found;
  }

  private client(name: string): Json {
    return this.json.get('client').get(name);
  }
}

export class RecipientFacts {
  json: Json;

  constructor(json: Json) {
    this.json = json;
  }

  /** As it now is, after rewrites. */
  get address(): string {
    return this.json.get('address').text();
  }

  /** The form of it to compare: lower case, unquoted where possible, the domain in A-labels. */
  get normal(): string {
    return this.json.get('normal').text();
  }

  /** As the client gave it. */
  get original(): string {
    return this.json.get('original').text(this.address);
  }

  /** A parameter of RCPT, its name in upper case. */
  param(name: string): string {
    return this.json.get('params').get(name).text();
  }
}

/** One MIME part of the message, without its content. */
export class PartFacts {
  json: Json;

  constructor(json: Json) {
    this.json = json;
  }

  /** `type/subtype` in lower case. */
  get type(): string {
    return this.json.get('type').text();
  }

  /** File name, decoded; '' if not given. */
  get name(): string {
    return this.json.get('name').text();
  }

  /** `attachment`, `inline` …; '' if not given. */
  get disposition(): string {
    return this.json.get('disposition').text();
  }

  /** Content-Transfer-Encoding in lower case. */
  get encoding(): string {
    return this.json.get('encoding').text();
  }

  /** 0 for the message itself, 1 for its parts, and so on. */
  get depth(): i32 {
    return this.json.get('depth').integer();
  }

  /** Octets of its body as encoded. */
  get size(): i32 {
    return this.json.get('size').integer();
  }
}

export class OutcomeFacts {
  json: Json;

  constructor(json: Json) {
    this.json = json;
  }

  get recipient(): string {
    return this.json.get('recipient').text();
  }

  /** `deliver reject tempfail discard quarantine bounce` */
  get disposition(): string {
    return this.json.get('disposition').text();
  }

  /** What the client was told, `250 2.0.0 OK`. */
  get reply(): string {
    return this.json.get('reply').text();
  }
}

let current: Facts | null = null;
/** The input that they are from: an instance may answer several calls, each with an input of its own. */
let currentInput: u64 = 0;

/** The facts of this call; not in `configure`, whose input is the settings. */
export function facts(): Facts {
  const known = current;
  const input = input_offset();
  if (known !== null && currentInput == input) return known;
  const json = parseJson(readInput());
  if (json === null) throw new Error('Cannot read the facts: not JSON, or nested deeper than 64');
  const read = new Facts(json);
  current = read;
  currentInput = input;
  return read;
}
