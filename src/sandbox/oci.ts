import { z } from 'zod';
import { OperationalError } from '../base/errors.ts';
import { DIGEST_FORM, digestOf } from './digest.ts';
import { formatOciReference, parseOciReference } from './oci-reference.ts';
import { refusal, Registry } from './oci-registry.ts';
import { FILE_SIZE_LIMIT } from './plugin-module.ts';
import type { FetchedPackage } from './package-source.ts';
import { SIGNATURES_LIMIT } from './package-store.ts';
import { foundSignature, SIGNATURE_SIZE_LIMIT, type FoundSignature } from './signature-files.ts';

/**
 * Packages as artifacts of an OCI registry: an image manifest with one layer that is the module, and one layer for each signature. The
 * digests of the manifest and of every layer that is used are checked.
 */
const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
const ARTIFACT_TYPE = 'application/vnd.postern.plugin';
const EMPTY_TYPE = 'application/vnd.oci.empty.v1+json';
const SIGNATURE_TYPE = 'application/vnd.postern.minisig';
/** What is written, and what other tools write for the same. */
const MODULE_TYPES = ['application/wasm', 'application/vnd.wasm.content.layer.v1+wasm'];

const MANIFEST_SIZE_LIMIT = 256 * 1024;

interface OciOptions {
  readonly plainHttp?: boolean | undefined;
  readonly signal: AbortSignal;
}

/** Fetches a package and its signatures by tag or digest. Throws as `package-source.ts` says. */
export async function pullPackage(source: string, options: OciOptions): Promise<FetchedPackage> {
  const reference = parseOciReference(source);
  const registry = new Registry(reference, { ...options, actions: 'pull' });
  const layers = await layersOf(registry, { source, reference: reference.reference });
  const modules = layers.filter(({ mediaType }) => MODULE_TYPES.includes(mediaType));
  const signatures = layers.filter(({ mediaType }) => mediaType === SIGNATURE_TYPE);
  if (modules.length !== 1)
    throw unusable(source, `it has ${modules.length} layers of type ${MODULE_TYPES[0]}, one is allowed`);
  if (signatures.length > SIGNATURES_LIMIT)
    throw unusable(source, `it has ${signatures.length} signatures, at most ${SIGNATURES_LIMIT} are allowed`);
  const found: FoundSignature[] = [];
  for (const layer of signatures) {
    const octets = await blob(registry, { layer, source, mostOctets: SIGNATURE_SIZE_LIMIT });
    found.push(foundSignature(`${source} ${layer.digest}`, octets));
  }
  const binary = await blob(registry, { layer: modules[0]!, source, mostOctets: FILE_SIZE_LIMIT });
  return { binary, signatures: found, source: formatOciReference(reference) };
}

/** Uploads a package with its signatures under a tag; the digest of its manifest. Throws as `package-source.ts` says. */
export async function pushPackage(
  target: string,
  { content, ...options }: OciOptions & { readonly content: PushedPackage },
): Promise<string> {
  const reference = parseOciReference(target);
  if (DIGEST_FORM.test(reference.reference))
    throw new OperationalError(
      'package_usage',
      `Cannot push to ${target}: must be a tag; a digest comes of what is pushed`,
    );
  const registry = new Registry(reference, { ...options, actions: 'pull,push' });
  const upload = async (octets: Uint8Array, mediaType: string): Promise<Layer> => {
    await uploadBlob(registry, octets);
    return { mediaType, digest: digestOf(octets), size: octets.length };
  };
  const layers = [await upload(content.binary, MODULE_TYPES[0]!)];
  for (const text of content.signatures) layers.push(await upload(Buffer.from(text), SIGNATURE_TYPE));
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      artifactType: ARTIFACT_TYPE,
      config: await upload(Buffer.from('{}'), EMPTY_TYPE),
      layers,
      annotations: content.annotations,
    }),
  );
  const answer = await registry.request(`manifests/${reference.reference}`, {
    method: 'PUT',
    headers: { 'content-type': MANIFEST_TYPE },
    body: manifest,
    mostOctets: MANIFEST_SIZE_LIMIT,
  });
  if (answer.status !== 201) throw refusal(answer);
  return digestOf(manifest);
}

export interface PushedPackage {
  readonly binary: Uint8Array;
  /** The texts of its `.minisig` files. */
  readonly signatures: readonly string[];
  /** `org.opencontainers.image.title` and the like. */
  readonly annotations: Readonly<Record<string, string>>;
}

const layerSchema = z.object({
  mediaType: z.string(),
  digest: z.string().regex(DIGEST_FORM),
  size: z.int().min(0),
});

type Layer = z.output<typeof layerSchema>;

const manifestSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.literal(MANIFEST_TYPE).optional(),
  layers: z.array(layerSchema).max(100),
});

async function layersOf(
  registry: Registry,
  { source, reference }: { source: string; reference: string },
): Promise<Layer[]> {
  const answer = await registry.request(`manifests/${reference}`, {
    headers: { accept: MANIFEST_TYPE },
    mostOctets: MANIFEST_SIZE_LIMIT,
  });
  if (answer.status !== 200) throw refusal(answer);
  // By tag it is the registry that says which digest is meant, if it does.
  const expected = DIGEST_FORM.test(reference) ? reference : answer.headers.get('docker-content-digest');
  const digest = digestOf(answer.octets);
  if (expected !== null && expected !== digest)
    throw unusable(source, `the digest of its manifest is ${digest}, it must be ${expected}`);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(answer.octets).toString());
  } catch {
    throw unusable(source, 'its manifest is not JSON');
  }
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) throw unusable(source, `it is not of type ${MANIFEST_TYPE} with layers by sha256`);
  return parsed.data.layers;
}

async function blob(
  registry: Registry,
  { layer, source, mostOctets }: { layer: Layer; source: string; mostOctets: number },
): Promise<Uint8Array> {
  const { digest, size } = layer;
  if (size > mostOctets)
    throw unusable(source, `its layer ${digest} has ${size} octets, at most ${mostOctets} are allowed`);
  const answer = await registry.request(`blobs/${digest}`, { mostOctets: size });
  if (answer.status !== 200) throw refusal(answer);
  if (digestOf(answer.octets) !== digest)
    throw unusable(source, `the digest of its layer is ${digestOf(answer.octets)}, it must be ${digest}`);
  return answer.octets;
}

async function uploadBlob(registry: Registry, octets: Uint8Array): Promise<void> {
  const digest = digestOf(octets);
  const mostOctets = MANIFEST_SIZE_LIMIT;
  const there = await registry.request(`blobs/${digest}`, { method: 'HEAD', mostOctets });
  if (there.status === 200) return;
  const started = await registry.request('blobs/uploads/', { method: 'POST', mostOctets });
  const location = started.headers.get('location');
  if (started.status !== 202 || location === null || !URL.canParse(location, started.url.href))
    throw refusal(started);
  const url = new URL(location, started.url);
  url.searchParams.set('digest', digest);
  const done = await registry.request(url.href, {
    method: 'PUT',
    headers: { 'content-type': 'application/octet-stream' },
    body: octets,
    mostOctets,
  });
  if (done.status !== 201) throw refusal(done);
}

const unusable = (source: string, why: string): OperationalError =>
  new OperationalError('package_source', `Cannot use ${source}: ${why}`);
