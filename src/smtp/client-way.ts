import type { LineOctets } from '../mail/conversion.ts';
import type { Sender } from '../mail/envelope.ts';

/** How a message gets to a downstream. */
export type Way =
  /** As it is, after DATA or in chunks (RFC 3030 section 2). */
  | { readonly verb: 'DATA' | 'BDAT' }
  /** After DATA, once it consists of such lines. */
  | { readonly verb: 'DATA'; readonly needs: LineOctets };

/**
 * The way that fits what the sender said of the body (BODY, RFC 6152 section 2 and RFC 3030 section 3) and what the downstream offers.
 * Of which octets a message really consists is not looked at: one that was declared as nothing goes as it came.
 */
export function wayOf({ params }: Sender, extensions: ReadonlyMap<string, string>): Way {
  const body = params['BODY']?.toUpperCase();
  const takes8Bit = extensions.has('8BITMIME');
  if (body === 'BINARYMIME') {
    const takesBinary = extensions.has('BINARYMIME') && extensions.has('CHUNKING');
    return takesBinary ? { verb: 'BDAT' } : { verb: 'DATA', needs: takes8Bit ? '8bit' : '7bit' };
  }
  return body === '8BITMIME' && !takes8Bit ? { verb: 'DATA', needs: '7bit' } : { verb: 'DATA' };
}

/** What the sender says of a message once it consists of such lines. */
export function declaredAs(octets: LineOctets, { address, params }: Sender): Sender {
  const { BODY: _before, ...rest } = params;
  return { address, params: octets === '8bit' ? { ...rest, BODY: '8BITMIME' } : rest };
}
