import { Field, Header } from './header';
import { replaceOctets } from './edits';
import { Params } from './params';
import { Section, understoodValue } from './section';

/** A section's header as it is to become. What is null stays as it is. */
export class Draft {
  section: Section;
  type: Params | null = null;
  disposition: Params | null = null;
  /** '' takes the field away. */
  encoding: string | null = null;
  mimeVersion: bool = false;
  /** Puts the empty line behind it. */
  ends: bool = false;
  /** Fields of these names that follow the first of their name go. */
  dropsRepeated: bool = false;
  /** Other fields with new octets, line end included. */
  private changed: Map<i32, string> = new Map<i32, string>();

  constructor(section: Section) {
    this.section = section;
  }

  get header(): Header {
    return this.section.header;
  }

  /** The Content-Type, to be changed. */
  typeToChange(): Params {
    const known = this.type;
    if (known !== null) return known;
    const hasType = this.header.find('content-type') !== null;
    const params = new Params(hasType ? understoodValue(this.header) : this.section.type);
    this.type = params;
    return params;
  }

  change(index: i32, octets: string): void {
    this.changed.set(index, octets);
  }

  /** Proposes the edits. */
  write(): void {
    const fields = this.header.fields;
    const seen: string[] = [];
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i];
      if (this.changed.has(i)) replaceOctets(field.start, field.end, this.changed.get(i));
      if (!STRUCTURED.includes(field.name)) continue;
      if (!seen.includes(field.name)) {
        seen.push(field.name);
        this.writeOver(field);
      } else if (this.dropsRepeated) replaceOctets(field.start, field.end, '');
    }
    let added = '';
    if (this.mimeVersion && !seen.includes('mime-version')) added += 'MIME-Version: 1.0\r\n';
    const type = this.type;
    if (type !== null && !seen.includes('content-type')) added += type.field('Content-Type');
    const encoding = this.encoding;
    if (encoding !== null && encoding.length > 0 && !seen.includes('content-transfer-encoding')) {
      added += 'Content-Transfer-Encoding: ' + encoding + '\r\n';
    }
    const disposition = this.disposition;
    if (disposition !== null && !seen.includes('content-disposition')) {
      added += disposition.field('Content-Disposition');
    }
    if (this.ends) added += '\r\n';
    if (added.length > 0) replaceOctets(this.header.end, this.header.end, added);
  }

  private writeOver(field: Field): void {
    const name = field.written;
    const type = this.type;
    const disposition = this.disposition;
    const encoding = this.encoding;
    if (field.name == 'mime-version' && this.mimeVersion) {
      replaceOctets(field.start, field.end, 'MIME-Version: 1.0\r\n');
    } else if (field.name == 'content-type' && type !== null) {
      replaceOctets(field.start, field.end, type.field(name));
    } else if (field.name == 'content-disposition' && disposition !== null) {
      replaceOctets(field.start, field.end, disposition.field(name));
    } else if (field.name == 'content-transfer-encoding' && encoding !== null) {
      replaceOctets(field.start, field.end, encoding.length > 0 ? name + ': ' + encoding + '\r\n' : '');
    }
  }
}

/** The fields that say what a part is. */
export const STRUCTURED: string[] = [
  'mime-version',
  'content-type',
  'content-transfer-encoding',
  'content-disposition',
];
