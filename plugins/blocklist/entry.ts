import { anyAddressMatches, Decision, Facts, inNetworks, Json } from '../../sdk/assemblyscript';
import { hasHeader, hasHeaders } from '../../sdk/assemblyscript/text/headers';

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
      (json.get('sender').isMissing || anyAddressMatches(json.get('sender').texts(), now.senderNormal)) &&
      (json.get('recipient').isMissing || anyAddressMatches(json.get('recipient').texts(), recipient)) &&
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
