import { Answer, isGrantedHere, question } from './answer';
import { JsonList, JsonObject } from './json-writer';
import { key } from './ocp_smtp_v1';
import { nameOf } from './result';

/** Header fields that the host has made with a key that it holds, or why there are none. */
export class SignedFields {
  /** `INVALID`, `DENIED`, `LIMIT` or `UNAVAILABLE`, else ''. */
  error: string = '';
  /** As they are, to be put before all others: `Message.splice(0, 0, fields)`. Empty if there are none to add. */
  fields: Uint8Array = new Uint8Array(0);
}

/**
 * Signs with private keys that the host holds, by their names (capability `key`). That there is no signature does not end the call: what a
 * filter does then is its own decision.
 */
export namespace Signing {
  /** Whether the operator grants it; without that the others answer `DENIED`. For what the manifest has as optional. */
  export function isGranted(): bool {
    return isGrantedHere('key');
  }

  /** A DKIM-Signature. `options` are `headers`, `oversign`, `canonicalization` and `expires` of `sdk/ABI.md`. */
  export function dkim(keyName: string, options: JsonObject | null = null): SignedFields {
    return ask(new JsonObject(options).text('op', 'dkim-sign').text('key', keyName));
  }

  /** The three fields of ARC. `results` are those of this hop, as `Auth.results().texts` has them. */
  export function arc(keyName: string, authservId: string, results: string[]): SignedFields {
    const texts = new JsonList();
    for (let i = 0; i < results.length; i++) texts.text(results[i]);
    const fields = new JsonObject()
      .text('op', 'arc-seal')
      .text('key', keyName)
      .text('authservId', authservId);
    return ask(fields.json('results', texts.toString()));
  }
}

function ask(fields: JsonObject): SignedFields {
  const octets = question(fields);
  const size = key(octets.dataStart, octets.length);
  const signed = new SignedFields();
  if (size < 0) signed.error = nameOf(size);
  else signed.fields = new Answer(size).octets;
  return signed;
}
