import { foldCase, Part } from '../../sdk/assemblyscript';
import { extensionOf, hasDoubleExtension, oneLine } from './file-name';
import { Policy } from './policy';
import { HEAD_SIZE, isProgram, realTypeOf } from './real-type';

/** An attachment that the policy blocks. */
export class Finding {
  part: Part;
  /** Its name for people: on one line, never empty. */
  label: string;
  reason: string;

  constructor(part: Part, reason: string) {
    this.part = part;
    const name = oneLine(part.name);
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
    const reason = reasonToBlock(part, policy);
    if (reason.length == 0) continue;
    blocked[i] = true;
    findings.push(new Finding(part, reason));
  }
  return findings;
}

/** '' if there is none. */
function reasonToBlock(part: Part, policy: Policy): string {
  const type = foldCase(part.type);
  const extension = extensionOf(part.name);
  if (policy.blocksExtension(extension)) {
    const hidden = hasDoubleExtension(part.name) ? ', least of all behind another extension' : '';
    return 'files with the extension .' + extension + ' are not allowed' + hidden;
  }
  if (policy.blocksType(type)) return 'the type ' + type + ' is not allowed';
  // What a multipart or a message holds are parts of their own.
  if (type.startsWith('multipart/') || type == 'message/rfc822') return '';

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
