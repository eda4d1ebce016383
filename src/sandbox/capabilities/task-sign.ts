import { openSpool, type SyncByteSource } from '../../base/spool.ts';
import { readDkimKey, type DkimSigningKey } from '../../mail/dkim/private-key.ts';
import { arcSeal } from '../../mail/dkim/seal.ts';
import { dkimSign } from '../../mail/dkim/sign.ts';
import { SyncImageReader } from '../../mail/image-reader.ts';
import type { MessageImage } from '../../mail/image.ts';
import type { ArcSealInput } from './key-arc.ts';
import type { DkimSignInput } from './key-dkim.ts';

/** In a thread of `library-threads.ts`: what is signed is read there, and so is the key. */
export const runDkimSign = async ({ signing, ...of }: DkimSignInput): Promise<string> =>
  signed(of, (message, key) => dkimSign(message, signing, key));

export const runArcSeal = async ({ sealing, ...of }: ArcSealInput): Promise<string | undefined> =>
  signed(of, (message, key) => {
    if (key.algorithm !== 'rsa-sha256') throw new Error('ARC is sealed with RSA keys (RFC 8617 section 4.1)');
    return arcSeal(message, sealing, key);
  });

function signed<T>(
  { image, pem }: { image: MessageImage; pem: string },
  sign: (message: SyncByteSource, key: DkimSigningKey) => T,
): T {
  const key = readDkimKey(pem);
  if ('fault' in key) throw new Error(`it ${key.fault}`);
  const message = new SyncImageReader(openSpool(image.spool), image);
  try {
    return sign(message, key);
  } finally {
    message.close();
  }
}
