import { open, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { describeError } from '../base/errors.ts';
import { parseSignature, type Signature } from './minisign.ts';

/** A file, or something else that was fetched, that should be a signature. */
export type FoundSignature = { readonly from: string } & (
  { readonly text: string; readonly signature: Signature } | { readonly problem: string }
);

/** Octets. What minisign writes has some hundred, most of it the comment. */
export const SIGNATURE_SIZE_LIMIT = 16 * 1024;

/** The signatures `FILE.minisig` and `FILE.<anything>.minisig`, of which a package signed by several has several. */
export async function signaturesBeside(path: string): Promise<FoundSignature[]> {
  const name = basename(path);
  const files = (await readdir(dirname(path)))
    .filter((file) => file.startsWith(`${name}.`) && file.endsWith('.minisig'))
    .sort()
    .map((file) => join(dirname(path), file));
  return Promise.all(files.map(readSignature));
}

/** Reads one signature's file. */
export async function readSignature(from: string): Promise<FoundSignature> {
  try {
    return foundSignature(from, await readAtMost(from, SIGNATURE_SIZE_LIMIT + 1));
  } catch (thrown) {
    return { from, problem: describeError(thrown) };
  }
}

/** The signature in these octets, or what is wrong with them. */
export function foundSignature(from: string, octets: Uint8Array): FoundSignature {
  if (octets.length > SIGNATURE_SIZE_LIMIT) return { from, problem: 'it is too long for a signature' };
  const text = Buffer.from(octets).toString();
  try {
    return { from, text, signature: parseSignature(text) };
  } catch (thrown) {
    return { from, problem: describeError(thrown) };
  }
}

async function readAtMost(path: string, most: number): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const buffer = Buffer.alloc(most);
    const { bytesRead } = await file.read(buffer, 0, most, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
