import { Header } from './header';
import { writtenType } from './section';

/** Spellings that are none, with what they mean. */
const SPELLINGS: string[] = [
  'text',
  'text/plain',
  'plain',
  'text/plain',
  'text/text',
  'text/plain',
  'text/txt',
  'text/plain',
  'plain/text',
  'text/plain',
  'txt',
  'text/plain',
  'html',
  'text/html',
  'text/htm',
  'text/html',
  'text/x-html',
  'text/html',
  'html/text',
  'text/html',
  'multipart',
  'multipart/mixed',
  'multipart/mix',
  'multipart/mixed',
  'multipart/alternate',
  'multipart/alternative',
  'image/jpg',
  'image/jpeg',
  'image/pjpeg',
  'image/jpeg',
  'image/x-png',
  'image/png',
  'application/x-pdf',
  'application/pdf',
  'application/octetstream',
  'application/octet-stream',
  'application/octect-stream',
  'application/octet-stream',
  'application/x-octet-stream',
  'application/octet-stream',
  'octet-stream',
  'application/octet-stream',
  'message/rfc-822',
  'message/rfc822',
];

/** What a spelling means; itself if it is not known to be wrong. */
export function spelled(type: string): string {
  for (let i = 0; i < SPELLINGS.length; i += 2) {
    if (SPELLINGS[i] == type) return SPELLINGS[i + 1];
  }
  return type;
}

/** The type of a part; a Content-Type that can't be read means text/plain (RFC 2045 section 5.2). */
export function understoodType(header: Header, fallback: string): string {
  if (header.find('content-type') === null) return fallback;
  const type = spelled(writtenType(header).replaceAll(' ', '').replaceAll('\t', ''));
  return isType(type) ? type : 'text/plain';
}

/** `type/subtype`, both tokens (RFC 2045 section 5.1). */
export function isType(type: string): bool {
  const slash = type.indexOf('/');
  if (slash < 1 || slash == type.length - 1) return false;
  for (let i = 0; i < type.length; i++) {
    const unit = type.charCodeAt(i);
    if (unit <= 0x20 || unit >= 0x7f || (i != slash && '()<>@,;:\\"/[]?='.includes(type.charAt(i))))
      return false;
  }
  return true;
}
