import { Answer, isGrantedHere, question } from './answer';
import { Json } from './json';
import { JsonObject } from './json-writer';
import { directory } from './ocp_smtp_v1';
import { nameOf } from './result';

/** The rows of a table for a key, or why there are none. */
export class DirectoryAnswer {
  /** `INVALID`, `DENIED`, `LIMIT` or `UNAVAILABLE` if there is no answer, else ''. */
  error: string = '';
  /** A list of maps from a column or attribute to a list of its values. */
  rows: Json = new Json();

  get isFound(): bool {
    return this.rows.length > 0;
  }

  /** The values of a column or attribute, those of all rows in one. */
  values(name: string): string[] {
    const all: string[] = [];
    for (let i = 0; i < this.rows.length; i++) {
      const values = this.rows.at(i).get(name);
      for (let j = 0; j < values.length; j++) all.push(values.at(j).text());
    }
    return all;
  }

  /** The first of them; '' if there is none. */
  value(name: string): string {
    const all = this.values(name);
    return all.length == 0 ? '' : all[0];
  }
}

/**
 * Look-ups in the tables that the operator grants (capability `directory`): CSV, SQLite, LDAP. That there is no answer does not end the call:
 * what a filter does then is its own decision. If the call fails after `UNAVAILABLE`, the operator's rule for outages applies.
 */
export namespace Directory {
  /** Whether the operator grants it; without that `find` answers `DENIED`. For what the manifest has as optional. */
  export function isGranted(): bool {
    return isGrantedHere('directory');
  }

  /** The table is a name in the config; the key is an address in its normal form, say. */
  export function find(table: string, key: string): DirectoryAnswer {
    const octets = question(new JsonObject().text('table', table).text('key', key));
    const size = directory(octets.dataStart, octets.length);
    const found = new DirectoryAnswer();
    if (size < 0) found.error = nameOf(size);
    else found.rows = new Answer(size).fields.get('rows');
    return found;
  }
}
