import { foldCase, Part } from '../../sdk/assemblyscript';
import { aliasesOf, extensionOf, hasDoubleExtension, oneLine } from './file-name';
import { Policy } from './policy';
import { HEAD_SIZE, isProgram, realTypeOf } from './real-type';
import { uuencodedNames } from './uuencode';

/** An attachment that the policy blocks. */
export class Finding {
  part: Part;
  /** Its name for people: on one line, never empty. */
  label: string;
  reason: string;

  constructor(part: Part, fileName: string, reason: string) {
    this.part = part;
    const name = oneLine(fileName);
    this.label = name.length > 0 ? name : 'without a name';
    this.reason = reason;
  }
}

/** In document order. What lies inside a blocked part goes with it and is not found again. */
export function findIn(parts: Part[], policy: Policy): Finding[] {
  const findings: Finding[] = [];
  const blocked = new StaticArray<bool>(parts.length);
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    if (part.parent >= 0 && blocked[part.parent]) {
      blocked[i] = true;
      continue;
    }
    const finding = judge(part, policy);
    if (finding === null) continue;
    blocked[i] = true;
    findings.push(finding);
  }
  return findings;
}

/** Why not every attachment of the message can be found, '' if it can: what can't be looked at is not harmless. */
export function obscurity(parts: Part[]): string {
  if (!parts[0].complete) return 'it has more parts, or nests them deeper, than can be looked at';
  for (let i = 0; i < parts.length; i++) {
    const what = obscurityOf(parts[i]);
    if (what.length > 0) return 'its part ' + i.toString() + ' ' + what;
  }
  return '';
}

function obscurityOf(part: Part): string {
  const type = foldCase(part.type);
  const encoding = foldCase(part.encoding);
  const plain = encoding == '7bit' || encoding == '8bit' || encoding == 'binary';
  if (part.ambiguous) return 'has a header that can be read in several ways';
  if (!plain && encoding != 'base64' && encoding != 'quoted-printable') {
    return 'has the encoding ' + oneLine(part.encoding) + ', which is not known';
  }
  if (holdsMessage(type) && !plain) return 'is a message that is encoded';
  if (type == 'message/partial') return 'is a fragment of a message';
  if (type == 'message/external-body') return 'lies somewhere else';
  return '';
}

function holdsMessage(type: string): bool {
  return type == 'message/rfc822' || type == 'message/global';
}

function judge(part: Part, policy: Policy): Finding | null {
  const names = part.names;
  for (let i = 0; i < names.length; i++) {
    const reason = reasonAgainstName(names[i], policy);
    if (reason.length > 0) return new Finding(part, names[i], reason);
  }
  const reason = reasonToBlock(part, policy);
  if (reason.length > 0) return new Finding(part, part.name, reason);
  if (!foldCase(part.type).startsWith('text/')) return null;
  const encoded = uuencodedNames(part);
  for (let i = 0; i < encoded.length; i++) {
    const against = reasonAgainstName(encoded[i], policy);
    if (against.length > 0) return new Finding(part, encoded[i], against);
  }
  return null;
}

/** '' if there is none. */
function reasonAgainstName(name: string, policy: Policy): string {
  const aliases = aliasesOf(name);
  for (let i = 0; i < aliases.length; i++) {
    const extension = extensionOf(aliases[i]);
    if (!policy.blocksExtension(extension)) continue;
    const hidden = hasDoubleExtension(aliases[i]) ? ', least of all behind another extension' : '';
    return 'files with the extension .' + extension + ' are not allowed' + hidden;
  }
  return '';
}

/** '' if there is none. */
function reasonToBlock(part: Part, policy: Policy): string {
  const type = foldCase(part.type);
  const extension = extensionOf(part.name);
  if (policy.blocksType(type)) return 'the type ' + type + ' is not allowed';
  // What a multipart or a message holds are parts of their own.
  if (type.startsWith('multipart/') || holdsMessage(type)) return '';

  const head = new Uint8Array(HEAD_SIZE);
  const real = realTypeOf(head.subarray(0, part.read(0, head)), type.startsWith('text/'));
  if (policy.blocksRealType(real)) return 'it is ' + describe(real) + ', which is not allowed';
  if (isProgram(real) && claimsToBeHarmless(type, extension)) {
    return 'it is ' + describe(real) + ' that claims to be something else';
  }
  return '';
}

const HARMLESS: string =
  'jpg jpeg png gif bmp webp tif tiff pdf doc docx xls xlsx ppt pptx odt ods odp rtf zip rar 7z gz mp3 mp4 avi mov wav';

function claimsToBeHarmless(type: string, extension: string): bool {
  return (
    type.startsWith('image/') ||
    type.startsWith('audio/') ||
    type.startsWith('video/') ||
    type == 'application/pdf' ||
    type == 'application/msword' ||
    type == 'application/zip' ||
    type.startsWith('application/vnd.') ||
    (extension.length > 0 && HARMLESS.split(' ').includes(extension))
  );
}

function describe(real: string): string {
  if (real == 'pe') return 'a Windows program';
  if (real == 'elf') return 'a Linux program';
  if (real == 'macho') return 'a macOS program';
  if (real == 'class') return 'a Java program';
  if (real == 'script') return 'a script';
  return 'a ' + real + ' file';
}
