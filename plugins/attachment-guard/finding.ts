import { Finding, foldCase, oneLine, Part, uuencodedNames } from '../../sdk/assemblyscript';
import { Archives } from './archive';
import { reasonAgainstName, reasonAgainstType } from './judge';
import { PartOctets } from './octets';
import { Policy } from './policy';
import { HEAD_SIZE } from './real-type';

/** In document order. What lies inside a blocked part goes with it and is not found again. */
export function findIn(parts: Part[], policy: Policy): Finding[] {
  const findings: Finding[] = [];
  const archives = new Archives(policy);
  const isBlocked = new StaticArray<bool>(parts.length);
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    if (part.parent >= 0 && isBlocked[part.parent]) {
      isBlocked[i] = true;
      continue;
    }
    const finding = judge(part, policy, archives);
    if (finding === null) continue;
    isBlocked[i] = true;
    findings.push(finding);
  }
  return findings;
}

/** Why not every attachment of the message can be found, '' if it can: what can't be looked at is not harmless. */
export function obscurity(parts: Part[]): string {
  if (!parts[0].complete) return 'it has more parts, or nests them deeper, than can be looked at';
  for (let i = 0; i < parts.length; i++) {
    const what = obscurityOf(parts[i]);
    if (what.length > 0) return 'its part ' + i.toString() + ' ' + what;
  }
  return '';
}

function obscurityOf(part: Part): string {
  const type = foldCase(part.type);
  const encoding = foldCase(part.encoding);
  const plain = encoding == '7bit' || encoding == '8bit' || encoding == 'binary';
  if (part.ambiguous) return 'can be read in several ways';
  if (!plain && encoding != 'base64' && encoding != 'quoted-printable') {
    return 'has the encoding ' + oneLine(part.encoding) + ', which is not known';
  }
  if (type == 'message/partial') return 'is a fragment of a message';
  if (type == 'message/external-body') return 'lies somewhere else';
  return '';
}

function holdsMessage(type: string): bool {
  return type == 'message/rfc822' || type == 'message/global';
}

function judge(part: Part, policy: Policy, archives: Archives): Finding | null {
  const names = part.names;
  for (let i = 0; i < names.length; i++) {
    const reason = reasonAgainstName(names[i], policy);
    if (reason.length > 0) return blocked(part, names[i], reason);
  }
  const reason = reasonToBlock(part, policy, archives);
  if (reason.length > 0) return blocked(part, part.name, reason);
  if (!foldCase(part.type).startsWith('text/')) return null;
  const encoded = uuencodedNames(part);
  for (let i = 0; i < encoded.length; i++) {
    const against = reasonAgainstName(encoded[i], policy);
    if (against.length > 0) return blocked(part, encoded[i], against);
  }
  return null;
}

const blocked = (part: Part, name: string, reason: string): Finding =>
  new Finding(part, name, reason, 'blocked-attachment');

/** '' if there is none. */
function reasonToBlock(part: Part, policy: Policy, archives: Archives): string {
  const type = foldCase(part.type);
  if (policy.blocksType(type)) return 'the type ' + type + ' is not allowed';
  // What a multipart or a message holds are parts of their own.
  if (type.startsWith('multipart/') || holdsMessage(type)) return '';

  const buffer = new Uint8Array(HEAD_SIZE);
  const head = buffer.subarray(0, part.read(0, buffer));
  const reason = reasonAgainstType(type, part.name, head, policy);
  if (reason.length > 0) return reason;
  const names = part.names.length > 0 ? part.names : [''];
  return archives.reasonIn(new PartOctets(part), names, type, head);
}
