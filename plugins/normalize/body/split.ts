import { Draft } from './draft';
import { Replacement } from './edits';
import { cleanedName, rawName } from './file-names';
import { Leaf } from './leaf';
import { Params } from './params';
import { Section } from './section';
import { decodeRange } from '../../../sdk/assemblyscript/text/decode';
import { ToBase64 } from '../../../sdk/assemblyscript/text/encode';
import { Sink } from '../../../sdk/assemblyscript/text/sink';
import { Block, Finder, FromUuencode } from './uuencode';

/**
 * A text with uuencoded files in it as a multipart/mixed: the text, and each file as an attachment in base64, in their order. Where only
 * white space would be left of the text, there is no part for it.
 */
export class Split {
  textEncoding: string;
  private finder: Finder;
  private boundary: string;
  private textType: Params;
  private hasHigh: bool;

  constructor(draft: Draft, finder: Finder, textEncoding: string) {
    const section = draft.section;
    this.finder = finder;
    this.textEncoding = textEncoding;
    this.boundary = boundaryFor(section);
    this.hasHigh = section.isIdentity && section.lines.hasHigh;
    // The text takes the type that the part had, with what other rules made of it.
    this.textType = draft.typeToChange();
    const type = new Params('multipart/mixed');
    type.set('boundary', '"' + this.boundary + '"');
    draft.type = type;
    draft.encoding = this.hasHigh && textEncoding == section.encoding ? '8bit' : '';
  }

  write(leaf: Leaf, out: Replacement): void {
    const section = leaf.section;
    leaf.encoding = this.textEncoding;
    const splitter = new Splitter(this, leaf, out, this.finder.blocks, this.finder.hasTextAfter);
    decodeRange(section.bodyStart, section.bodyEnd, section.encoding, splitter);
    out.text('\r\n--' + this.boundary + '--' + (section.endsMessage ? '\r\n' : ''));
  }

  beginText(out: Replacement, isFirst: bool): void {
    out.text((isFirst ? '--' : '\r\n--') + this.boundary + '\r\n' + this.textType.field('Content-Type'));
    const encoding = this.textEncoding == '7bit' && this.hasHigh ? '8bit' : this.textEncoding;
    if (encoding != '7bit') out.text('Content-Transfer-Encoding: ' + encoding + '\r\n');
    out.text('\r\n');
  }

  beginFile(out: Replacement, isFirst: bool, name: string): void {
    const clean = rawName(cleanedName(name));
    const type = new Params('application/octet-stream');
    type.set('name', clean);
    const disposition = new Params('attachment');
    disposition.set('filename', clean);
    out.text((isFirst ? '--' : '\r\n--') + this.boundary + '\r\n' + type.field('Content-Type'));
    out.text('Content-Transfer-Encoding: base64\r\n' + disposition.field('Content-Disposition') + '\r\n');
  }
}

/** One that no part around it has. Inside it every text that could have it as a line is quoted. */
function boundaryFor(section: Section): string {
  let boundary = '=_uu-' + section.index.toString();
  let around: Section | null = section.parent;
  while (around !== null) {
    const one: Section = around;
    if (one.boundary.startsWith(boundary)) boundary = one.boundary + '-';
    around = one.parent;
  }
  return boundary;
}

/** Gives each octet of the decoded text to the part that it belongs to. */
class Splitter extends Sink {
  private split: Split;
  private leaf: Leaf;
  private out: Replacement;
  private blocks: Block[];
  private hasTextAfter: bool;
  private offset: i32 = 0;
  private next: i32 = 0;
  private part: Sink | null = null;
  private isFirst: bool = true;

  constructor(split: Split, leaf: Leaf, out: Replacement, blocks: Block[], hasTextAfter: bool) {
    super();
    this.split = split;
    this.leaf = leaf;
    this.out = out;
    this.blocks = blocks;
    this.hasTextAfter = hasTextAfter;
    this.beginText();
  }

  put(octet: i32): void {
    const block = this.next < this.blocks.length ? this.blocks[this.next] : null;
    if (block !== null && this.offset == block.start) this.endPart();
    if (block !== null && this.offset == block.data) this.beginFile(block.name);
    const part = this.part;
    if (part !== null) part.put(octet);
    this.offset++;
    if (block === null || this.offset != block.end) return;
    this.endPart();
    this.next++;
    this.beginText();
  }

  end(): void {
    this.endPart();
  }

  private beginText(): void {
    const hasText = this.next < this.blocks.length ? this.blocks[this.next].hasTextBefore : this.hasTextAfter;
    if (!hasText) return;
    this.split.beginText(this.out, this.isFirst);
    this.isFirst = false;
    this.part = this.leaf.encoder(this.out, false);
  }

  private beginFile(name: string): void {
    this.split.beginFile(this.out, this.isFirst, name);
    this.isFirst = false;
    this.part = new FromUuencode(new ToBase64(this.out, false));
  }

  private endPart(): void {
    const part = this.part;
    if (part !== null) part.end();
    this.part = null;
  }
}
