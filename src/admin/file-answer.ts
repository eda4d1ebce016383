import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { attachmentDisposition } from '../base/content-disposition.ts';
import type { ServedBlob } from '../ocp/blob.ts';

/** How a file is answered: status, header and which octets of it. It is always downloaded, never shown: what is in it is a stranger's. */
export interface FileAnswer {
  readonly status: 200 | 206 | 416;
  readonly headers: OutgoingHttpHeaders;
  /** Up to, and not with, `end`. */
  readonly range: { readonly start: number; readonly end: number };
}

/** On every answer: nothing of it is kept, named to others, framed, run or guessed at. */
export const SAFE_HEADERS: OutgoingHttpHeaders = {
  'cache-control': 'private, no-store',
  'content-security-policy': "default-src 'none'; sandbox",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'x-robots-tag': 'noindex, nofollow',
};

/** Ranges (RFC 9110 section 14) only where downloads are not counted: each part would be one. */
export function fileAnswer(blob: ServedBlob, request: IncomingHttpHeaders): FileAnswer {
  const { size, sha256, name, type, downloads } = blob;
  const etag = `"${sha256}"`;
  const whole = { start: 0, end: size };
  const common = {
    ...SAFE_HEADERS,
    'content-type': type,
    'content-disposition': attachmentDisposition(name),
    etag,
    'accept-ranges': downloads === undefined ? 'bytes' : 'none',
  };
  const wanted = downloads === undefined && isFor(request, etag) ? rangeIn(request.range, size) : undefined;
  if (wanted === undefined) {
    return { status: 200, headers: { ...common, 'content-length': size }, range: whole };
  }
  if (wanted === 'beyond') {
    const headers = { ...SAFE_HEADERS, 'content-range': `bytes */${size}`, 'content-length': 0 };
    return { status: 416, headers, range: { start: 0, end: 0 } };
  }
  const { start, end } = wanted;
  const headers = {
    ...common,
    'content-length': end - start,
    'content-range': `bytes ${start}-${end - 1}/${size}`,
  };
  return { status: 206, headers, range: wanted };
}

/** RFC 9110 section 13.1.5. */
function isFor({ 'if-range': condition }: IncomingHttpHeaders, etag: string): boolean {
  return condition === undefined || condition === etag;
}

/** One range; several, or what is none, is as if nothing had been said. */
function rangeIn(
  field: string | undefined,
  size: number,
): { start: number; end: number } | 'beyond' | undefined {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(field ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  if (first === '')
    return last === '0' || size === 0 ? 'beyond' : { start: Math.max(0, size - Number(last)), end: size };
  const start = Number(first);
  if (last !== '' && Number(last) < start) return undefined;
  return start >= size ? 'beyond' : { start, end: last === '' ? size : Math.min(size, Number(last) + 1) };
}
