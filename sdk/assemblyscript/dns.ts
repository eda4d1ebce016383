import { Answer, isGrantedHere, question } from './answer';
import { Json } from './json';
import { JsonObject } from './json-writer';
import { dns } from './ocp_smtp_v1';
import { nameOf } from './result';

/** What DNS says, or why it says nothing. */
export class DnsAnswer {
  /** `INVALID`, `DENIED`, `LIMIT` or `UNAVAILABLE` if there is no answer, else ''. */
  error: string = '';
  /** `found`, `nodata` (there is such a name, without records of this type) or `nxdomain` (there is no such name); '' if there is no answer. */
  result: string = '';
  /** Seconds for which it holds. */
  ttl: i32 = 0;
  /** As they are in the answer (`sdk/ABI.md`): texts, of MX maps with `priority` and `exchange`. */
  records: Json = new Json();

  /** Addresses, names, or the texts of TXT records; of MX their exchanges. */
  texts(): string[] {
    const texts: string[] = [];
    for (let i = 0; i < this.records.length; i++) {
      const record = this.records.at(i);
      const exchange = record.get('exchange');
      texts.push(exchange.raw == '' ? record.text() : exchange.text());
    }
    return texts;
  }
}

/**
 * Look-ups in DNS, as far as the operator grants them (capability `dns`). That there is no answer does not end the call: what a filter does then
 * is its own decision. If the call fails after `UNAVAILABLE`, the operator's rule for outages applies.
 */
export namespace Dns {
  /** Whether the operator grants it; without that `query` answers `DENIED`. For what the manifest has as optional. */
  export function isGranted(): bool {
    return isGrantedHere('dns');
  }

  /** The type is `A`, `AAAA`, `MX`, `TXT` or `PTR`, the name is in A-labels. */
  export function query(type: string, name: string): DnsAnswer {
    return ask(new JsonObject().text('type', type).text('name', name));
  }

  /** The names of an address. */
  export function reverse(address: string): DnsAnswer {
    return ask(new JsonObject().text('type', 'PTR').text('address', address));
  }

  /** An address in a list that is published in DNS (RFC 5782), such as `zen.example.org`: `found` if it is listed. */
  export function listed(address: string, zone: string): DnsAnswer {
    return ask(new JsonObject().text('type', 'A').text('address', address).text('name', zone));
  }
}

function ask(fields: JsonObject): DnsAnswer {
  const octets = question(fields);
  const size = dns(octets.dataStart, octets.length);
  const said = new DnsAnswer();
  if (size < 0) {
    said.error = nameOf(size);
    return said;
  }
  const answer = new Answer(size);
  said.result = answer.fields.get('result').text();
  said.ttl = answer.fields.get('ttl').integer();
  said.records = answer.fields.get('records');
  return said;
}
