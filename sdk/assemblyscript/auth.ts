import { Answer, isGrantedHere, question } from './answer';
import { Json } from './json';
import { JsonObject } from './json-writer';
import { auth } from './ocp_smtp_v1';
import { must } from './result';

/** What one mechanism found: `result` is a word of RFC 8601 section 2.7, the other texts are '' where there are none. */
export class AuthResult {
  json: Json;
  result: string;
  /** Why, in words. */
  reason: string;
  domain: string;

  constructor(json: Json) {
    this.json = json;
    this.result = json.get('result').text();
    this.reason = json.get('reason').text();
    this.domain = json.get('domain').text();
  }
}

export class AuthResults {
  spf: AuthResult;
  /** Of each signature. */
  dkim: AuthResult[] = [];
  arc: AuthResult;
  dmarc: AuthResult;
  /** What the author's domain asks to be done with mail that fails DMARC: `none`, `quarantine`, `reject`. */
  policy: string;
  /** Who sealed a chain that holds, the first hop first. */
  sealers: string[];
  /** What the last of them said it had found. */
  sealed: string;
  /** All of it as Authentication-Results says it, one item for each. */
  texts: string[];

  constructor(json: Json) {
    this.spf = new AuthResult(json.get('spf'));
    this.arc = new AuthResult(json.get('arc'));
    this.dmarc = new AuthResult(json.get('dmarc'));
    this.policy = json.get('dmarc').get('policy').text('none');
    this.sealers = json.get('arc').get('sealers').texts();
    this.sealed = json.get('arc').get('results').text();
    this.texts = json.get('texts').texts();
    const dkim = json.get('dkim');
    for (let i = 0; i < dkim.length; i++) this.dkim.push(new AuthResult(dkim.at(i)));
  }
}

/**
 * SPF, and at stage `message` DKIM, ARC and DMARC, of the message as it arrived (capability `auth`). From `mail` on. Worked out once for all
 * services. What can't be worked out ends the call: the operator's rule for outages applies.
 */
export namespace Auth {
  /** For what the manifest has as optional. */
  export function isGranted(): bool {
    return isGrantedHere('auth');
  }

  export function results(): AuthResults {
    const octets = question(new JsonObject());
    const size = must(auth(octets.dataStart, octets.length), 'authenticate the message');
    return new AuthResults(new Answer(size).fields);
  }
}
