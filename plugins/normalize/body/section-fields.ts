import { Report } from '../report';
import { foldCase } from '../../../sdk/assemblyscript';
import { understoodType } from './content-type';
import { Draft, STRUCTURED } from './draft';
import { Header } from './header';
import { Param, Params } from './params';
import { understoodValue, writtenType } from './section';
import { understoodEncoding } from './transfer-encoding';

/** The rule `contentType`: spellings, forgotten semicolons and quotes, fields and parameters given twice. The first one counts. */
export function mendContentType(draft: Draft, report: Report): void {
  const section = draft.section;
  const header = section.header;
  if (isRepeated(header) && report.mends('contentType', section, 'a field of MIME is there twice')) {
    draft.dropsRepeated = true;
  }
  if (header.find('content-type') === null) return;
  const value = understoodValue(header);
  const params = new Params(value);
  const type = understoodType(header, '');
  const sound =
    value == header.value('content-type') &&
    type == writtenType(header) &&
    !isOdd(params) &&
    !isRepeatedIn(params);
  if (sound || !report.mends('contentType', section, 'Content-Type is malformed')) return;
  const mended = draft.typeToChange();
  mended.head = type;
  const kept: Param[] = [];
  const names: string[] = [];
  for (let i = 0; i < mended.list.length; i++) {
    const param = mended.list[i];
    if (names.includes(param.name) || param.name.length == 0) continue;
    names.push(param.name);
    kept.push(param);
  }
  mended.list = kept;
}

function isOdd(params: Params): bool {
  for (let i = 0; i < params.list.length; i++) {
    if (params.list[i].isOpen) return true;
  }
  return false;
}

function isRepeatedIn(params: Params): bool {
  for (let i = 0; i < params.list.length; i++) {
    if (params.find(params.list[i].name) !== params.list[i]) return true;
  }
  return false;
}

function isRepeated(header: Header): bool {
  for (let i = 0; i < header.fields.length; i++) {
    const name = header.fields[i].name;
    if (STRUCTURED.includes(name) && header.find(name) !== header.fields[i]) return true;
  }
  return false;
}

/** The rule `transferEncoding`: spellings, and what a part with parts in it must not have (RFC 2045 section 6.4). */
export function mendEncoding(draft: Draft, report: Report): void {
  const section = draft.section;
  const field = section.header.find('content-transfer-encoding');
  if (field === null) return;
  const encoding = section.encoding;
  if (section.isMultipart && !section.isIdentity) {
    if (report.mends('transferEncoding', section, 'a multipart is encoded')) draft.encoding = '8bit';
    return;
  }
  if (section.type == 'message/rfc822' || section.type == 'message/global') {
    if (!section.isIdentity) report.cannotMend('transferEncoding', 'an attached message is encoded');
  }
  // What was taken for another encoding than it says needs no second spelling.
  const written = foldCase(field.value);
  // Some readers take white space at the end for a part of the word.
  const isSound = !field.raw.endsWith(' \r\n') && !field.raw.endsWith('\t\r\n');
  if (isSound && (written == encoding || understoodEncoding(written) == written || encoding == 'x-uuencode'))
    return;
  if (!report.mends('transferEncoding', section, 'Content-Transfer-Encoding is malformed')) return;
  draft.encoding = encoding;
}
