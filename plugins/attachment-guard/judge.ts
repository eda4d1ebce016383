import { contradiction } from './declared-type';
import { aliasesOf, extensionOf, hasDoubleExtension } from './file-name';
import { Policy } from './policy';
import { isProgram, realTypeOf } from './real-type';

/** Why a file of that name is blocked, '' if it is not. */
export function reasonAgainstName(name: string, policy: Policy): string {
  const aliases = aliasesOf(name);
  for (let i = 0; i < aliases.length; i++) {
    const extension = extensionOf(aliases[i]);
    if (!policy.blocksExtension(extension)) continue;
    const hidden = hasDoubleExtension(aliases[i]) ? ', least of all behind another extension' : '';
    return 'files with the extension .' + extension + ' are not allowed' + hidden;
  }
  return '';
}

/** Why a file of that declared type ('' if none), name and first octets is blocked, '' if it is not. */
export function reasonAgainstType(type: string, name: string, head: Uint8Array, policy: Policy): string {
  const extension = extensionOf(name);
  const real = realTypeOf(head, type.startsWith('text/'));
  if (policy.blocksRealType(real)) return 'it is ' + describe(real) + ', which is not allowed';
  if (isProgram(real) && claimsToBeHarmless(type, extension)) {
    return 'it is ' + describe(real) + ' that claims to be something else';
  }
  if (!policy.blocksMismatch) return '';
  const claim = contradiction(type, extension, real);
  return claim.length > 0 ? 'it claims to be ' + claim + ' and is ' + describe(real) : '';
}

const HARMLESS: string =
  'jpg jpeg png gif bmp webp tif tiff pdf doc docx xls xlsx ppt pptx odt ods odp rtf zip rar 7z gz mp3 mp4 avi mov wav';

function claimsToBeHarmless(type: string, extension: string): bool {
  return (
    type.startsWith('image/') ||
    type.startsWith('audio/') ||
    type.startsWith('video/') ||
    type == 'application/pdf' ||
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
  if (real == 'ole2') return 'an OLE2 file';
  return 'a ' + real + ' file';
}
