import { describeError, OperationalError } from '../base/errors.ts';
import { ID_FORM, parsePackageName } from '../ocp/package-name.ts';
import { digestOf } from './digest.ts';
import { cannot, fetchOctets, shownUrl } from './fetch-octets.ts';
import { pullPackage } from './oci.ts';
import { FILE_SIZE_LIMIT, readPluginFile } from './plugin-module.ts';
import {
  foundSignature,
  readSignature,
  SIGNATURE_SIZE_LIMIT,
  signaturesBeside,
  type FoundSignature,
} from './signature-files.ts';

/**
 * Where packages come from: a file, an https URL with the digest that the operator was told, or an artifact of an OCI registry. What is handed
 * out has been held to every digest that was named, and to nothing else: whether it may run is for `trust.ts`.
 *
 * Errors are OperationalErrors: `package_usage` for what names nothing that could be fetched, `package_not_found` where there is nothing
 * of that name, else `package_source`.
 */
export interface FetchedPackage {
  readonly binary: Uint8Array;
  readonly signatures: readonly FoundSignature[];
  /** For people, without anything secret. */
  readonly source: string;
}

export interface SourceOptions {
  /** The digest that it must have, `sha256:…`. An https URL needs one. */
  readonly digest?: string | undefined;
  /** Files and https URLs of signatures, in the place of those that lie beside the package. */
  readonly signatures?: readonly string[] | undefined;
  /** Whether a registry may be spoken to without TLS. One on this machine always may. */
  readonly plainHttp?: boolean | undefined;
  readonly signal: AbortSignal;
}

export async function fetchPackage(source: string, options: SourceOptions): Promise<FetchedPackage> {
  const { signatures } = options;
  const fetched = await fetchFrom(source, options);
  if (options.digest !== undefined && digestOf(fetched.binary) !== options.digest)
    throw wrongDigest(source, fetched.binary, options.digest);
  if (signatures === undefined) return fetched;
  return { ...fetched, signatures: await Promise.all(signatures.map((one) => fetchSignature(one, options))) };
}

const isUrl = (source: string): boolean => /^https:\/\//i.test(source);

const SOURCES = 'a source is a file, https://… with --sha256, or oci://registry/repository:tag';

async function fetchFrom(source: string, options: SourceOptions): Promise<FetchedPackage> {
  if (source.startsWith('oci://')) return pullPackage(source, options);
  if (isUrl(source)) return fetchFromUrl(source, options);
  refuseScheme(source);
  const file = await readPluginFile(source);
  if ('reasons' in file) {
    const code = file.isMissing ? 'package_not_found' : 'package_source';
    const isId = ID_FORM.test(source) || parsePackageName(source) !== undefined;
    const hint = file.isMissing && isId ? `; ${SOURCES}` : '';
    throw new OperationalError(code, `Cannot read ${source}: ${file.reasons.join('; ')}${hint}`);
  }
  const signatures = options.signatures === undefined ? await signaturesBeside(source) : [];
  return { binary: file.binary, signatures, source };
}

/** What looks like a URL is none of a file. */
function refuseScheme(source: string): void {
  const [, scheme] = /^([a-z][a-z0-9+.-]*):\/\//i.exec(source) ?? [];
  if (scheme !== undefined)
    throw new OperationalError('package_usage', `Cannot fetch from ${scheme}://: ${SOURCES}`);
}

async function fetchFromUrl(source: string, options: SourceOptions): Promise<FetchedPackage> {
  const url = urlOf(source);
  if (options.digest === undefined)
    throw new OperationalError(
      'package_usage',
      `Cannot fetch ${shownUrl(url)} without --sha256: ask the vendor for the digest`,
    );
  const { signal } = options;
  const { status, octets } = await fetchOctets(url, { mostOctets: FILE_SIZE_LIMIT, signal });
  if (status === 404 || status === 410)
    throw new OperationalError('package_not_found', cannot(url, `the server said ${status}`).message);
  if (status !== 200) throw cannot(url, `the server said ${status}`);
  // Before anything else looks at the octets.
  if (digestOf(octets) !== options.digest) throw wrongDigest(shownUrl(url), octets, options.digest);
  const signatures = options.signatures === undefined ? await signatureBeside(url, signal) : [];
  return { binary: octets, signatures, source: shownUrl(url) };
}

/** The signature at the same URL with `.minisig` at the end of its path; none where the server has none. */
async function signatureBeside(url: URL, signal: AbortSignal): Promise<FoundSignature[]> {
  const beside = new URL(url);
  beside.pathname += '.minisig';
  const { status, octets } = await fetchOctets(beside, { mostOctets: SIGNATURE_SIZE_LIMIT, signal });
  if (status === 404 || status === 410) return [];
  if (status !== 200) throw cannot(beside, `the server said ${status}`);
  return [foundSignature(shownUrl(beside), octets)];
}

async function fetchSignature(from: string, { signal }: SourceOptions): Promise<FoundSignature> {
  if (!isUrl(from)) {
    refuseScheme(from);
    return readSignature(from);
  }
  const url = urlOf(from);
  const { status, octets } = await fetchOctets(url, { mostOctets: SIGNATURE_SIZE_LIMIT, signal });
  if (status !== 200) throw cannot(url, `the server said ${status}`);
  return foundSignature(shownUrl(url), octets);
}

function urlOf(text: string): URL {
  try {
    return new URL(text);
  } catch (error) {
    throw new OperationalError('package_usage', `Cannot use ${text}: ${describeError(error)}`);
  }
}

const wrongDigest = (source: string, octets: Uint8Array, digest: string): OperationalError =>
  new OperationalError(
    'package_source',
    `Cannot use ${source}: its digest is ${digestOf(octets)}, it must be ${digest}`,
  );
