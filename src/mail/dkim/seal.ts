import type { SyncByteSource } from '../../base/spool.ts';
import { readHeader } from '../header-index.ts';
import { INSTANCES, readArcChain, sealedOctets } from './arc.ts';
import { BodyHash, hashBody } from './canonical.ts';
import type { DkimSigningKey } from './private-key.ts';
import {
  foldedNames,
  foldedText,
  namesToSign,
  signatureField,
  signatureOf,
  withSignature,
  type DkimSigning,
} from './sign.ts';

/** Adds a hop to a message's ARC chain (RFC 8617 section 5.1). Canonicalization is always relaxed. */
export interface ArcSealing extends Pick<
  DkimSigning,
  'domain' | 'selector' | 'headers' | 'oversign' | 'time'
> {
  /** What was found of the chain as it came. */
  readonly cv: 'none' | 'pass' | 'fail';
  /** Who has checked, and what was found, as in Authentication-Results; printable ASCII. */
  readonly authservId: string;
  readonly results: readonly string[];
}

/** The three fields with their line ends, to go before all others; undefined if the chain has failed before or is full, and stays as it is. */
export function arcSeal(
  message: SyncByteSource,
  sealing: ArcSealing,
  signer: DkimSigningKey,
): string | undefined {
  const { domain, selector, time, cv } = sealing;
  const header = readHeader(message);
  const chain = readArcChain(header, time);
  const before = chain.kind === 'sets' ? chain.sets : [];
  const instance = 1 + (chain.kind === 'broken' ? chain.highest : before.length);
  if (before.at(-1)?.seal.cv === 'fail' || instance > INSTANCES) return undefined;
  const results = `ARC-Authentication-Results: i=${instance}; ${[sealing.authservId, ...sealing.results].join(';\r\n\t')}\r\n`;
  const body = new BodyHash('relaxed');
  hashBody(message, { start: header.bodyStart, hashes: [body] });
  const names = namesToSign(header, sealing);
  const unsigned = signatureField('ARC-Message-Signature', [
    `i=${instance}; a=${signer.algorithm}; c=relaxed/relaxed`,
    `d=${domain}; s=${selector}; t=${time}`,
    `h=${foldedNames(names)}`,
    `bh=${body.digest()}`,
  ]);
  const rawSignature = withSignature(unsigned, { header, names, how: 'relaxed', signer });
  const raw = signatureField('ARC-Seal', [
    `i=${instance}; a=${signer.algorithm}; cv=${cv}`,
    `d=${domain}; s=${selector}; t=${time}`,
  ]);
  // A chain that does not hold is not vouched for (section 5.1.2).
  const sets = [...(cv === 'pass' ? before : []), { results, rawSignature, seal: { raw } }];
  return `${raw}${foldedText(signatureOf(sealedOctets(sets), signer))}\r\n${rawSignature}${results}`;
}
