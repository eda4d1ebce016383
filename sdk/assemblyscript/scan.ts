import { Answer, content, isGrantedHere, question } from './answer';
import { JsonObject } from './json-writer';
import { Message } from './message';
import { scan } from './ocp_smtp_v1';
import { Part } from './part';
import { nameOf } from './result';

/** What a virus scanner says. Neither clean nor of a name is what it gave no verdict about. */
export class ScanVerdict {
  isClean: bool = false;
  /** What was found, on one line; '' if nothing was. */
  name: string = '';
  /** `INVALID`, `DENIED`, `LIMIT` (too long for it, or too much for a minute) or `UNAVAILABLE` if there is no verdict, else ''. */
  error: string = '';
}

/**
 * The verdicts of the virus scanner that the operator grants (capability `scan`). That there is none does not end the call: what a
 * filter does then is its own decision. If the call fails after `UNAVAILABLE`, the operator's rule for outages applies.
 */
export namespace Scan {
  /** Whether the operator grants it; without that each verdict is the error `DENIED`. For what the manifest has as optional. */
  export function isGranted(): bool {
    return isGrantedHere('scan');
  }

  /** The body of a part, its Content-Transfer-Encoding undone. It does not pass through the plugin's memory. */
  export function part(part: Part): ScanVerdict {
    return range(part.offset + part.headerSize, part.size, part.encoding);
  }

  /** The whole message as it is. */
  export function message(): ScanVerdict {
    return range(0, Message.size(), '');
  }

  /** At most 8 MiB, with what the request has besides. */
  export function octets(octets: Uint8Array): ScanVerdict {
    return ask(question(new JsonObject(), octets));
  }

  function range(offset: i32, length: i32, encoding: string): ScanVerdict {
    return ask(question(new JsonObject().json('content', content(offset, length, encoding))));
  }
}

function ask(octets: Uint8Array): ScanVerdict {
  const verdict = new ScanVerdict();
  const size = scan(octets.dataStart, octets.length);
  if (size < 0) {
    verdict.error = nameOf(size);
    return verdict;
  }
  const fields = new Answer(size).fields;
  verdict.isClean = fields.get('clean').bool();
  verdict.name = fields.get('name').text();
  return verdict;
}
