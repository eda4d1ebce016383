import { openSpool } from '../../base/spool.ts';
import { readDkimKey } from '../../mail/dkim/private-key.ts';
import { dkimSign } from '../../mail/dkim/sign.ts';
import { SyncImageReader } from '../../mail/image-reader.ts';
import type { DkimSignInput } from './key-dkim.ts';

/** In a thread of `library-threads.ts`: the field. */
export async function runDkimSign({ image, pem, signing }: DkimSignInput): Promise<string> {
  const key = readDkimKey(pem);
  if ('fault' in key) throw new Error(`it ${key.fault}`);
  const message = new SyncImageReader(openSpool(image.spool), image);
  try {
    return dkimSign(message, signing, key);
  } finally {
    message.close();
  }
}
