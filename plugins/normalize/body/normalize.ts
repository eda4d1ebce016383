import { Decision, facts } from '../../../sdk/assemblyscript';
import { actionOf, leavesSigned, REWRITE } from '../policy';
import { Report } from '../report';
import { closeMultiparts, cutTails, mendBoundary } from './boundaries';
import { Draft } from './draft';
import { mendFileNames } from './file-names';
import { mendHeaderOctets } from './header-octets';
import { planLeaf, Leaf } from './leaf';
import { mendHeaderLines, removeLongMargins } from './long-lines';
import { mendMimeVersion } from './mime-version';
import { Scan } from './scan';
import { mendContentType, mendEncoding } from './section-fields';

/** Reads the message once, has each rule look at each section, and proposes what they want to be changed. */
export function normalizeMessage(): Decision {
  const seals: StaticArray<bool> = [leavesSigned('smime'), leavesSigned('pgp'), leavesSigned('dkim')];
  const scan = new Scan(seals, actionOf('boundaries') == REWRITE);
  // Past the limits nobody knows what belongs to what.
  if (!scan.complete) return new Decision().tag('normalize', 'too-complex');

  const smtputf8 = !facts().json.get('sender').get('params').get('SMTPUTF8').isMissing;
  const report = new Report();
  const drafts: Draft[] = [];
  const leaves: Leaf[] = [];
  for (let i = 0; i < scan.sections.length; i++) {
    const draft = new Draft(scan.sections[i]);
    drafts.push(draft);
    mendContentType(draft, report);
    mendBoundary(draft, report);
    mendEncoding(draft, report);
    mendFileNames(draft, report);
    mendHeaderOctets(draft, report, smtputf8);
    mendHeaderLines(draft, report);
    if (draft.section.isLeaf) leaves.push(planLeaf(draft, report));
    mendMimeVersion(draft, report);
  }
  if (report.isRefused) return report.decision();
  for (let i = 0; i < drafts.length; i++) {
    drafts[i].write();
    cutTails(drafts[i].section);
    removeLongMargins(drafts[i].section, report);
  }
  for (let i = 0; i < leaves.length; i++) leaves[i].write();
  closeMultiparts(scan.sections, report);
  return report.decision();
}
