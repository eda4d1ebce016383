import { foldCase, oneLine } from '../../sdk/assemblyscript';
import { Inflated, Inflater, Output } from './inflate';
import { hasMacros } from './macros';
import { reasonAgainstName, reasonAgainstType } from './judge';
import { MemoryOctets, Octets, RangeOctets, readExactly, u16At } from './octets';
import { Policy } from './policy';
import { HEAD_SIZE, realTypeOf } from './real-type';
import { isTar, nextInTar } from './tar';
import { readZip, ZipEntry } from './zip';
import { claimsToBeZip } from './zip-claim';

/**
 * Looks into archives, and into those in them: ZIP (and what is made of it: documents, jar), gzip and tar. Of each file its names, its first
 * octets and whether it is an archive itself are judged; nothing more of it is unpacked. What one message may cost is bounded here,
 * whatever its archives say of themselves.
 */
const DEPTH: i32 = 5;
const ENTRIES: i32 = 10_000;
/** Octets that are unpacked of all archives together. */
const UNPACKED: i32 = 32 * 1024 * 1024;
/** Octets for each packed one, of a file that is larger than so many: DEFLATE's most is 1032. */
const RATIO: i64 = 250;
const RATIO_FROM: i64 = 1024 * 1024;

const STORED: i32 = 0;
const DEFLATED: i32 = 8;

/** One for all archives of a message, under one policy. */
export class Archives {
  private policy: Policy;
  private inflater: Inflater = new Inflater();
  private entries: i32 = 0;
  private unpacked: i32 = 0;

  constructor(policy: Policy) {
    this.policy = policy;
  }

  /**
   * What the policy has against what is in there, '' if nothing. `names`: all that the file may be called; `type`: as it is declared;
   * `head`: its first octets.
   */
  reasonIn(octets: Octets, names: string[], type: string, head: Uint8Array): string {
    return this.lookInto(octets, names, claimsToBeZip(names, type), head, 1);
  }

  /** The same of a file in an archive; its end is only read if there is a reason to: going back in a part costs a pass. */
  private look(octets: Octets, names: string[], head: Uint8Array, depth: i32): string {
    const isZip = claimsToBeZip(names, '');
    return this.isWanted(isZip, head) ? this.lookInto(octets, names, isZip, head, depth) : '';
  }

  /** As all that it may be to some reader: ZIP archives go by their end, others by their first octets, so one file may be both. */
  private lookInto(octets: Octets, names: string[], claimsZip: bool, head: Uint8Array, depth: i32): string {
    const kind = realTypeOf(head, false);
    const isTarred = isTar(head);
    if ((kind == 'gz' || isTarred) && depth > DEPTH) return this.tooDeep();
    let reason = '';
    if (kind == 'ole2' && this.policy.blocksMacros && hasMacros(octets)) reason = 'it has macros';
    else if (kind == 'gz') reason = this.lookIntoGzip(octets, names[0], depth);
    else if (isTarred) reason = this.lookIntoTar(octets, depth);
    if (reason.length > 0) return reason;
    return this.lookIntoZip(octets, kind == 'zip' || kind == 'jar', claimsZip, depth);
  }

  private lookIntoZip(octets: Octets, hasMagic: bool, claimsZip: bool, depth: i32): string {
    const directory = readZip(octets, ENTRIES - this.entries);
    // A file that only is called so, or that has the mark of a directory by chance.
    if (!hasMagic && !(claimsZip ? directory.isArchive : directory.endsIt)) return '';
    if (depth > DEPTH) return this.tooDeep();
    const entries = directory.entries;
    for (let i = 0; i < entries.length; i++) {
      this.entries++;
      const reason = this.judgeNames(entries[i].names);
      if (reason.length > 0) return reason;
    }
    if (directory.fault.length > 0) return this.unreadable(directory.fault);
    for (let i = 0; i < entries.length; i++) {
      const reason = this.judgeZipped(octets, entries[i], depth);
      if (reason.length > 0) return reason;
    }
    return '';
  }

  private judgeZipped(octets: Octets, entry: ZipEntry, depth: i32): string {
    const name = entry.names[0];
    if (entry.packed == 0) return '';
    if (entry.isEncrypted) return this.encrypted(name);
    if (entry.unpacked > RATIO_FROM && entry.unpacked / entry.packed > RATIO) {
      return this.unreadable(oneLine(name) + ' unpacks to ' + entry.unpacked.toString() + ' octets');
    }
    if (entry.method == STORED) {
      if (entry.unpacked != entry.packed)
        return this.unreadable('the size of ' + oneLine(name) + ' is wrong');
      return this.judgeFile(new RangeOctets(octets, entry.start, <i32>entry.packed), entry.names, depth);
    }
    if (entry.method != DEFLATED) {
      return this.unreadable(oneLine(name) + ' is compressed in a way that is not known');
    }
    const head = new Output(HEAD_SIZE);
    const stop = entry.start + <i32>entry.packed;
    const begun = this.inflater.run(octets, entry.start, stop, head);
    if (begun.fault.length > 0) return this.damaged(name, begun);
    const reason = this.judgeHead(name, head.result());
    const isWanted = this.isWanted(claimsToBeZip(entry.names, ''), head.result());
    if (reason.length > 0 || !isWanted) return reason;
    const whole = new Output(this.room);
    const done = this.inflater.run(octets, entry.start, stop, whole);
    this.unpacked += whole.length;
    if (done.fault.length > 0) return this.damaged(name, done);
    if (!done.isWhole) return this.tooLarge();
    return this.look(new MemoryOctets(whole.result()), entry.names, head.result(), depth + 1);
  }

  private lookIntoGzip(octets: Octets, name: string, depth: i32): string {
    const whole = new Output(this.room);
    let inner = withoutGz(name);
    let packed = 0;
    // Several streams, one after another, are one file.
    for (let at = 0; at < octets.size;) {
      const header = gzipHeader(octets, at);
      if (header.size == 0 && at > 0) break;
      if (header.size == 0) return this.unreadable('it is damaged');
      const names: string[] = header.name.length > 0 ? [header.name] : [];
      const reason = this.judgeNames(names);
      if (reason.length > 0) return reason;
      if (header.name.length > 0) inner = header.name;
      const done = this.inflater.run(octets, at + header.size, octets.size, whole);
      if (done.fault.length > 0) {
        const against = this.judgeHead(inner, whole.result().subarray(0, min(HEAD_SIZE, whole.length)));
        return against.length > 0 ? against : this.damaged(name, done);
      }
      packed = done.end;
      at = done.end + 8;
      if (!done.isWhole) break;
    }
    this.unpacked += whole.length;
    const reason = this.judgeNames([withoutGz(name)]);
    if (reason.length > 0) return reason;
    const head = whole.result().subarray(0, min(HEAD_SIZE, whole.length));
    const against = this.judgeHead(inner, head);
    if (against.length > 0) return against;
    if (whole.length > RATIO_FROM && whole.length / packed > RATIO) {
      return this.unreadable(oneLine(inner) + ' unpacks to over ' + RATIO.toString() + ' times its size');
    }
    const inners = [inner, withoutGz(name)];
    const isZip = claimsToBeZip(inners, '');
    if (whole.isFull && this.isWanted(isZip, head)) return this.tooLarge();
    return this.lookInto(new MemoryOctets(whole.result()), inners, isZip, head, depth + 1);
  }

  private lookIntoTar(octets: Octets, depth: i32): string {
    for (let at = 0; at >= 0;) {
      const entry = nextInTar(octets, at);
      if (entry === null) return '';
      at = entry.next;
      if (++this.entries > ENTRIES) return this.unreadable('it has more files than can be looked at');
      const reason = this.judgeNames(entry.names);
      if (reason.length > 0) return reason;
      if (entry.fault.length > 0) return this.unreadable(entry.fault);
      if (entry.size == 0) continue;
      const file = new RangeOctets(octets, entry.start, entry.size);
      const against = this.judgeFile(file, entry.names, depth);
      if (against.length > 0) return against;
    }
    return '';
  }

  private judgeFile(file: Octets, names: string[], depth: i32): string {
    const name = names[0];
    const head = readExactly(file, 0, min(HEAD_SIZE, file.size));
    if (head === null) return this.unreadable(oneLine(name) + ' is cut off');
    const reason = this.judgeHead(name, head);
    return reason.length > 0 ? reason : this.look(file, names, head, depth + 1);
  }

  private judgeNames(names: string[]): string {
    for (let i = 0; i < names.length; i++) {
      const reason = reasonAgainstName(names[i], this.policy);
      if (reason.length > 0) return 'in it, ' + oneLine(names[i]) + ': ' + reason;
      if (this.policy.blocksMacros && foldCase(names[i]).endsWith('vbaproject.bin')) return 'it has macros';
    }
    return '';
  }

  private judgeHead(name: string, head: Uint8Array): string {
    const reason = reasonAgainstType('', name, head, this.policy);
    return reason.length > 0 ? 'in it, ' + oneLine(name) + ': ' + reason : '';
  }

  /** Whether a file in an archive is one to look into. `head`: its first octets. */
  private isWanted(claimsZip: bool, head: Uint8Array): bool {
    const kind = realTypeOf(head, false);
    if (kind == 'ole2' && this.policy.blocksMacros) return true;
    return claimsZip || kind == 'zip' || kind == 'jar' || kind == 'gz' || isTar(head);
  }

  private get room(): i32 {
    return max(1, UNPACKED - this.unpacked);
  }

  private encrypted(name: string): string {
    return this.policy.blocksEncrypted ? oneLine(name) + ' in it is encrypted' : '';
  }

  private damaged(name: string, done: Inflated): string {
    return this.unreadable(oneLine(name) + ': ' + done.fault);
  }

  private tooDeep(): string {
    return this.unreadable('archives lie too deep in one another');
  }

  private tooLarge(): string {
    return this.unreadable('it unpacks to more than can be looked at');
  }

  private unreadable(why: string): string {
    return this.policy.blocksUnreadable ? 'it cannot be looked into: ' + why : '';
  }
}

function withoutGz(name: string): string {
  const folded = foldCase(name);
  if (folded.endsWith('.tgz')) return name.substring(0, name.length - 4) + '.tar';
  return folded.endsWith('.gz') ? name.substring(0, name.length - 3) : name;
}

class GzipHeader {
  /** 0 if there is none. */
  size: i32 = 0;
  name: string = '';
}

/** RFC 1952 section 2.3. */
function gzipHeader(octets: Octets, at: i32): GzipHeader {
  const header = new GzipHeader();
  const head = readExactly(octets, at, min(4096, octets.size - at));
  if (head === null || head.length < 10 || head[0] != 0x1f || head[1] != 0x8b || head[2] != 8) return header;
  const flags = head[3];
  let end = 10;
  if ((flags & 4) != 0) {
    if (end + 2 > head.length) return header;
    end += 2 + u16At(head, end);
  }
  if ((flags & 8) != 0) {
    // RFC 1952: ISO 8859-1, one character an octet.
    const kept: string[] = [];
    for (; end < head.length && head[end] != 0; end++) kept.push(String.fromCharCode(head[end]));
    header.name = kept.join('');
    end++;
  }
  if ((flags & 16) != 0) {
    while (end < head.length && head[end] != 0) end++;
    end++;
  }
  if ((flags & 2) != 0) end += 2;
  if (end < head.length) header.size = end;
  return header;
}
