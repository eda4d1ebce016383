import { foldCase } from '../../../sdk/assemblyscript';
import { withoutComments } from './params';

/** Spellings that are none, with what they mean. */
const SPELLINGS: string[] = [
  '',
  '7bit',
  '7-bit',
  '7bit',
  '7bits',
  '7bit',
  'us-ascii',
  '7bit',
  '8-bit',
  '8bit',
  '8bits',
  '8bit',
  'none',
  '8bit',
  'base-64',
  'base64',
  'base 64',
  'base64',
  'mime64',
  'base64',
  'x-base64',
  'base64',
  'quoted printable',
  'quoted-printable',
  'quotedprintable',
  'quoted-printable',
  'quoted_printable',
  'quoted-printable',
  'qp',
  'quoted-printable',
  'uuencode',
  'x-uuencode',
  'uue',
  'x-uuencode',
  'x-uue',
  'x-uuencode',
];

/** What a Content-Transfer-Encoding means: in lower case, without comments and quotes, spelled as the standards do. */
export function understoodEncoding(value: string): string {
  const encoding = foldCase(withoutComments(value).replaceAll('"', '').replaceAll(';', '').trim());
  for (let i = 0; i < SPELLINGS.length; i += 2) {
    if (SPELLINGS[i] == encoding) return SPELLINGS[i + 1];
  }
  return encoding;
}

export function isKnownEncoding(encoding: string): bool {
  return (
    encoding == '7bit' ||
    encoding == '8bit' ||
    encoding == 'binary' ||
    encoding == 'base64' ||
    encoding == 'quoted-printable'
  );
}
