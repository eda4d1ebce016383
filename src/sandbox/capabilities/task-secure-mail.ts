import { openSpool } from '../../base/spool.ts';
import { SyncImageReader } from '../../mail/image-reader.ts';
import type { SecureKeys, SecureMailInput, SecureMailOutput } from './key-secure.ts';
import type { Format } from './secure/layers.ts';
import { open, protect } from './secure/secure-mail.ts';

/** In a thread of `library-threads.ts`: S/MIME and OpenPGP. */
export async function runSecureMail({
  keys,
  image,
  sizeLimit,
  work,
}: SecureMailInput): Promise<SecureMailOutput> {
  const format = await formatOf(keys, sizeLimit);
  if (work.op === 'find') {
    return { fields: { signs: format.canSign, recipients: await format.reachable(work.addresses) } };
  }
  const message = new SyncImageReader(openSpool(image.spool), image);
  try {
    if (work.op === 'protect') return { fields: {}, octets: await protect(message, { ...work, format }) };
    const { layers, entity } = await open(message, format);
    return { fields: { layers }, ...(entity && { octets: entity }) };
  } finally {
    message.close();
  }
}

/** Each library is loaded when it is first needed. */
async function formatOf(keys: SecureKeys, sizeLimit: number): Promise<Format> {
  return keys.format === 'smime'
    ? (await import('./secure/smime.ts')).smime(keys)
    : (await import('./secure/openpgp.ts')).openpgpMime({ ...keys, sizeLimit });
}
