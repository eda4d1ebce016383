import { Finding, Part } from '../../sdk/assemblyscript';
import { Share } from './sub-policies';

/**
 * Changes the message for all shares of its recipients, who have one message together: what is taken out for any of them is
 * taken out for all, and each mark that any of them wants is put once. Shares that refuse the message have nothing changed.
 */
export function editFor(shares: Share[], parts: Part[]): void {
  for (let i = 0; i < shares.length; i++) {
    if (shares[i].policy.actions.removeForged()) break;
  }
  const wanting: Share[] = [];
  for (let i = 0; i < shares.length; i++) {
    if (shares[i].findings.length > 0 && !shares[i].policy.actions.does('reject')) wanting.push(shares[i]);
  }
  const replaced = replaceFor(wanting, parts);
  const done: string[] = [];
  for (let i = 0; i < wanting.length; i++) {
    wanting[i].policy.actions.label(wanting[i].findings, parts, replaced, done);
  }
}

/** Of parts in one another the outer one; in document order, so it comes first. */
function replaceFor(shares: Share[], parts: Part[]): Part[] {
  const isGone = new StaticArray<bool>(parts.length);
  const replaced: Part[] = [];
  for (let i = 0; i < parts.length; i++) {
    if (i > 0 && isGone[parts[i].parent]) isGone[i] = true;
    for (let j = 0; j < shares.length && !isGone[i]; j++) {
      const finding = findingOf(parts[i], shares[j]);
      if (finding === null || !shares[j].policy.actions.does('replace')) continue;
      shares[j].policy.actions.replace(finding);
      replaced.push(parts[i]);
      isGone[i] = true;
    }
  }
  return replaced;
}

function findingOf(part: Part, share: Share): Finding | null {
  for (let i = 0; i < share.findings.length; i++) {
    if (share.findings[i].part.index == part.index) return share.findings[i];
  }
  return null;
}
