import { Report } from '../report';
import { Draft } from './draft';
import { withoutComments } from './params';

/** The rule `mimeVersion`: a message that speaks MIME says so, with the one version that there is (RFC 2045 section 4). */
export function mendMimeVersion(draft: Draft, report: Report): void {
  const section = draft.section;
  if (!section.isMessage) return;
  const header = section.header;
  if (header.find('mime-version') === null) {
    const speaks =
      header.find('content-type') !== null ||
      header.find('content-transfer-encoding') !== null ||
      draft.type !== null ||
      draft.encoding !== null;
    if (!speaks) return;
  } else if (withoutComments(header.value('mime-version')).replaceAll(' ', '') == '1.0') return;
  if (report.mends('mimeVersion', section, 'MIME-Version is missing or malformed')) draft.mimeVersion = true;
}
