import { openSpool } from '../../base/spool.ts';
import { readArcChain, verifyArc } from '../../mail/dkim/arc.ts';
import { dkimSignatures, verifySignatures } from '../../mail/dkim/verify.ts';
import { readHeader } from '../../mail/header-index.ts';
import { SyncImageReader } from '../../mail/image-reader.ts';
import type { Verified, VerifyInput } from './authentication.ts';

/** In a thread of `library-threads.ts`: DKIM and ARC, the body read once. */
export async function runVerifyMessage({ image, keys, now }: VerifyInput): Promise<Verified> {
  const message = new SyncImageReader(openSpool(image.spool), image);
  try {
    const header = readHeader(message);
    const chain = readArcChain(header, now);
    const latest = chain.kind === 'sets' ? [chain.sets.at(-1)!.signature] : [];
    const own = dkimSignatures(header, now);
    const verdicts = verifySignatures(message, { header, signatures: [...own, ...latest], keys });
    return {
      dkim: verdicts.slice(0, own.length),
      arc: verifyArc(chain, { keys, latest: verdicts[own.length] }),
    };
  } finally {
    message.close();
  }
}
