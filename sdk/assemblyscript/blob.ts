import { Answer, content, isGrantedHere, question } from './answer';
import { JsonList, JsonObject } from './json-writer';
import { blob } from './ocp_smtp_v1';
import { Part } from './part';
import { must, nameOf } from './result';

/** Who may fetch a file, how often and how long. What is not set is not limited, but by the grant. */
export class BlobRules {
  /** Seconds. */
  expires: i32 = 0;
  downloads: i32 = 0;
  /** With one download it is a code for once. */
  password: string = '';
  /** Addresses and CIDR networks. */
  clients: string[] = [];
  /** A page with a button comes first, so that programs which follow links count as no download. */
  confirm: bool = false;
}

/** A file that was put. One without an URL was not. */
export class BlobLink {
  url: string = '';
  id: string = '';
  /** Octets, its Content-Transfer-Encoding undone. */
  size: i64 = 0;
  /** In hexadecimal digits. */
  sha256: string = '';
  /** In how many seconds it is gone. */
  expires: i64 = 0;
  /** `INVALID`, `DENIED`, `LIMIT` (of the grant) or `UNAVAILABLE` if it was not put, else ''. */
  error: string = '';
}

/**
 * Files that people fetch by an URL that nobody can guess, from Postern or from the operator's store, as far as it is granted (capability
 * `blob`). That one is not put does not end the call: what a filter does then is its own decision. If the call fails after `UNAVAILABLE`, the
 * operator's rule for outages applies. What was put is removed if the transaction comes to nothing.
 */
export namespace Blob {
  /** Whether the operator grants it; without that nothing is put, with the error `DENIED`. For what the manifest has as optional. */
  export function isGranted(): bool {
    return isGrantedHere('blob');
  }

  /** The body of a part, its Content-Transfer-Encoding undone. It does not pass through the plugin's memory. */
  export function part(part: Part, name: string, rules: BlobRules): BlobLink {
    const range = content(part.offset + part.headerSize, part.size, part.encoding);
    return put(fieldsOf(name, part.type, rules).json('content', range), null);
  }

  /** At most 8 MiB, with what the request has besides. */
  export function octets(octets: Uint8Array, name: string, type: string, rules: BlobRules): BlobLink {
    return put(fieldsOf(name, type, rules), octets);
  }

  /** Whether there was one. */
  export function remove(id: string): bool {
    const asked = question(new JsonObject().text('op', 'remove').text('id', id));
    const size = must(blob(asked.dataStart, asked.length), 'remove the file ' + id);
    return new Answer(size).fields.get('removed').bool();
  }
}

function fieldsOf(name: string, type: string, rules: BlobRules): JsonObject {
  const fields = new JsonObject()
    .text('op', 'put')
    .text('name', name.length == 0 ? 'file' : name.substring(0, 200))
    .text('type', isPlainType(type) ? type : 'application/octet-stream');
  if (rules.expires > 0) fields.integer('expires', rules.expires);
  if (rules.downloads > 0) fields.integer('downloads', rules.downloads);
  const access = new JsonObject();
  if (rules.password.length > 0) access.text('password', rules.password);
  if (rules.clients.length > 0) {
    const clients = new JsonList();
    for (let i = 0; i < rules.clients.length; i++) clients.text(rules.clients[i]);
    access.json('clients', clients.toString());
  }
  if (rules.confirm) access.bool('confirm', true);
  return fields.json('access', access.toString());
}

function put(fields: JsonObject, octets: Uint8Array | null): BlobLink {
  const asked = question(fields, octets);
  const link = new BlobLink();
  const size = blob(asked.dataStart, asked.length);
  if (size < 0) {
    link.error = nameOf(size);
    return link;
  }
  const answer = new Answer(size);
  link.url = answer.fields.get('url').text();
  link.id = answer.fields.get('id').text();
  link.size = answer.integer('size');
  link.sha256 = answer.fields.get('sha256').text();
  link.expires = answer.integer('expires');
  return link;
}

/** A sender writes what it likes; a server that is to send it as a header can't. */
function isPlainType(type: string): bool {
  const halves = type.split('/');
  if (halves.length != 2) return false;
  for (let i = 0; i < 2; i++) {
    const half = halves[i];
    if (half.length == 0 || half.length > 63) return false;
    for (let j = 0; j < half.length; j++) {
      const unit = half.charCodeAt(j);
      const isWord = (unit >= 0x61 && unit <= 0x7a) || (unit >= 0x30 && unit <= 0x39);
      if (!isWord && (j == 0 || !'!#$&^_.+-'.includes(half.charAt(j)))) return false;
    }
  }
  return true;
}
