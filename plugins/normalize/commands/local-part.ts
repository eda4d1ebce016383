import { encodeUtf8, localPartOf } from '../../../sdk/assemblyscript';
import { actionOf, REJECT } from '../policy';

/** RFC 5321 section 4.5.3.1.1, octets. */
const LOCAL_PART_LIMIT: i32 = 64;

/** Why a command is refused. */
export class Problem {
  rule: string;
  text: string;

  constructor(rule: string, text: string) {
    this.rule = rule;
    this.text = text;
  }
}

/**
 * The rules `routedLocalPart`, `longLocalPart` and `quotedLocalPart`. A local part means what its own host says, so none can be
 * rewritten: what is not wanted is refused. Routes are looked for in recipients only, where they would make a relay of the next server.
 */
export function problemWithLocalPart(address: string, isRecipient: bool): Problem | null {
  const local = localPartOf(address);
  if (isRecipient && actionOf('routedLocalPart') == REJECT && isRouted(local)) {
    return new Problem('routedLocalPart', 'Routes in the local part are not accepted');
  }
  if (actionOf('longLocalPart') == REJECT && encodeUtf8(local).length > LOCAL_PART_LIMIT) {
    return new Problem('longLocalPart', 'Local part too long, at most 64 octets');
  }
  if (actionOf('quotedLocalPart') == REJECT && local.startsWith('"')) {
    return new Problem('quotedLocalPart', 'Quoted local parts are not accepted');
  }
  return null;
}

/** `user%host`, `host!user`, `"user@host"`: what RFC 5321 appendix C and RFC 1123 section 5.2.16 have gateways take for a route. */
function isRouted(local: string): bool {
  return local.includes('%') || local.includes('!') || local.includes('@');
}
