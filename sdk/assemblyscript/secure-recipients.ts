import { domainOf, foldCase } from './address';
import { Check, checkComparable } from './check';
import { facts, RecipientFacts } from './facts';
import { settings } from './settings';

export const POLICIES: string[] = ['must', 'may', 'never'];

/** For whom a gateway encrypts, by the settings `encrypt` and `recipients`: for all or for nobody, since one message in clear beside tells what the other hides. */
export class SecureRecipients {
  /** Addresses in normal form. */
  encrypted: string[] = [];
  plain: RecipientFacts[] = [];
  /** Those for whom it can't be encrypted, and must. */
  refused: RecipientFacts[] = [];

  /** `known` are those for whom there is a key. */
  constructor(known: string[]) {
    const all = facts().recipients;
    let must = false;
    for (let i = 0; i < all.length; i++) {
      const policy = policyOf(all[i].normal);
      const isKnown = policy != 'never' && known.includes(all[i].normal);
      if (isKnown) this.encrypted.push(all[i].normal);
      else if (policy == 'must') this.refused.push(all[i]);
      else this.plain.push(all[i]);
      if (policy == 'must') must = true;
    }
    if (must) {
      this.refused = this.refused.concat(this.plain);
      this.plain = [];
    } else if (this.plain.length > 0) {
      this.encrypted = [];
    }
  }
}

/** A key that no normal form is equal to would have mail for it go out in clear. */
export function checkRecipients(recipients: Check): void {
  if (!recipients.value.isMissing && !recipients.value.isObject) {
    recipients.refuse('allowed is a map from addresses and domains to must, may and never');
  }
  for (let i = 0; i < recipients.value.length; i++) {
    const name = recipients.value.nameAt(i);
    const recipient = recipients.get(name).oneOf(POLICIES);
    checkComparable(recipient, name.includes('@') ? name : '@' + name);
  }
}

/** Of the address, else of its domain, else of all. */
function policyOf(address: string): string {
  const fallback = settings().get('encrypt').text('may');
  const recipients = settings().get('recipients');
  let policy = fallback;
  for (let i = 0; i < recipients.length; i++) {
    const name = foldCase(recipients.nameAt(i));
    if (name == address) return recipients.at(i).text();
    if (name == domainOf(address)) policy = recipients.at(i).text();
  }
  return policy;
}
