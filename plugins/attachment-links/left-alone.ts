import { covers, decodeUtf8, Part } from '../../sdk/assemblyscript';

/** Octets of a text in which OpenPGP is looked for. */
const HEAD: i32 = 4096;

/** Mail that a reader may take apart in another way, or that has OpenPGP in its text (RFC 9580 section 6.2): what else is in it belongs to that. */
export function isOpaqueMessage(parts: Part[]): bool {
  if (!parts[0].complete) return true;
  for (let i = 0; i < parts.length; i++) {
    if (parts[i].type == 'text/plain' && hasPgp(parts[i])) return true;
  }
  return false;
}

function hasPgp(part: Part): bool {
  const head = new Uint8Array(HEAD);
  return decodeUtf8(head, 0, part.read(0, head)).includes('-----BEGIN PGP ');
}

/**
 * A part that must stay: what people read, what holds other parts, what is signed or encrypted or is in what is, what the HTML beside it
 * shows, and what readers may see differently.
 */
export function isLeftAlone(part: Part, parts: Part[]): bool {
  if (part.ambiguous || isEncrypted(part.type) || part.type.startsWith('multipart/')) return true;
  if (part.index + 1 < parts.length && parts[part.index + 1].parent == part.index) return true;
  const isText = part.type == 'text/plain' || part.type == 'text/html';
  if (isText && part.disposition != 'attachment' && part.names.length == 0) return true;
  if (part.index == 0) return covers(part.type);
  const parent = parts[part.parent].type;
  if (parent == 'multipart/related' || parent == 'multipart/alternative') return true;
  for (let at = part.index; at >= 0; at = parts[at].parent) {
    if (covers(parts[at].type)) return true;
  }
  return false;
}

/** S/MIME (RFC 8551) and OpenPGP (RFC 3156). */
function isEncrypted(type: string): bool {
  return (
    type == 'application/pkcs7-mime' ||
    type == 'application/x-pkcs7-mime' ||
    type == 'application/pkcs7-signature' ||
    type == 'application/x-pkcs7-signature' ||
    type == 'application/pgp-encrypted' ||
    type == 'application/pgp-signature'
  );
}
