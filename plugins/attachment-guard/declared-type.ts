/**
 * What files of a name or a MIME type really are, as `real-type.ts` tells it. Real types that are not in the list of a claim contradict it;
 * one that can't be told ('') contradicts nothing. Documents of Office that are encrypted are OLE2 files.
 */
const EXTENSIONS: StaticArray<string> = [
  'pdf=pdf',
  'png=png',
  'jpg jpeg jpe jfif=jpeg',
  'gif=gif',
  'doc dot xls xlt ppt pps pot msi msg=ole2',
  'docx docm dotx dotm xlsx xlsm xltx xlsb pptx pptm potx ppsx=zip ole2',
  'odt ods odp odg epub=zip jar',
  'zip=zip jar',
  'jar war apk=jar zip',
  'rar=rar',
  '7z=7z',
  'gz tgz=gz',
  'exe dll scr com sys ocx cpl=pe',
  'txt csv tsv log ini json xml html htm svg ics vcf eml md=script',
  'sh bash py pl rb=script',
  'bmp tif tiff webp ico heic mp3 wav mp4 mov avi mkv=',
];

const TYPES: StaticArray<string> = [
  'application/pdf=pdf',
  'image/png=png',
  'image/jpeg image/jpg=jpeg',
  'image/gif=gif',
  'application/msword application/vnd.ms-excel application/vnd.ms-powerpoint=ole2 zip',
  'application/zip application/x-zip-compressed=zip jar',
  'application/java-archive=jar zip',
  'application/gzip application/x-gzip=gz',
  'application/vnd.rar application/x-rar-compressed=rar',
  'application/x-7z-compressed=7z',
];

/** What a file claims to be that it is not, '' if it does not contradict itself. All in lower case. */
export function contradiction(type: string, extension: string, real: string): string {
  if (real == '') return '';
  if (denies(EXTENSIONS, extension, real)) return 'a .' + extension;
  if (denies(TYPES, type, real)) return type;
  const isMedia = type.startsWith('audio/') || type.startsWith('video/');
  return isMedia || (type.startsWith('text/') && real != 'script') ? type : '';
}

function denies(table: StaticArray<string>, claim: string, real: string): bool {
  if (claim == '') return false;
  for (let i = 0; i < table.length; i++) {
    const at = table[i].indexOf('=');
    if (table[i].substring(0, at).split(' ').includes(claim))
      return !table[i]
        .substring(at + 1)
        .split(' ')
        .includes(real);
  }
  return false;
}
