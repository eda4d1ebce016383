import { foldCase } from '../../sdk/assemblyscript';
import { aliasesOf, extensionOf } from './file-name';

/** What is a ZIP archive whatever it begins with, for readers that go by the directory at its end. */
const EXTENSIONS: string[] =
  'zip jar war docx docm dotx dotm xlsx xlsm xltx xltm xlsb pptx pptm potx ppsx odt ods odp odg apk xpi epub'.split(
    ' ',
  );
const TYPES: string[] = ['application/zip', 'application/x-zip-compressed', 'application/java-archive'];
const TYPES_BEGIN: string[] = [
  'application/vnd.openxmlformats-officedocument.',
  'application/vnd.oasis.opendocument.',
];

/** Whether one of a file's names, or its declared type ('' if none), says that it is a ZIP archive. */
export function claimsToBeZip(names: string[], declared: string): bool {
  for (let i = 0; i < names.length; i++) {
    const aliases = aliasesOf(names[i]);
    for (let j = 0; j < aliases.length; j++) {
      if (EXTENSIONS.includes(extensionOf(aliases[j]))) return true;
    }
  }
  const type = foldCase(declared);
  for (let i = 0; i < TYPES_BEGIN.length; i++) {
    if (type.startsWith(TYPES_BEGIN[i])) return true;
  }
  return TYPES.includes(type) || type.endsWith('+zip') || type.endsWith('.macroenabled.12');
}
