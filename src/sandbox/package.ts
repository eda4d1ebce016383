import { readManifest, type Manifest, type ManifestRead } from '../ocp/manifest.ts';
import { BinaryReader, encodeU32, readSections, SECTION, writeSections, type WasmSection } from './binary.ts';

/**
 * A package: one module with its manifest (`ocp/manifest.ts`) as JSON in the custom section `ocp_smtp_manifest`. It is read
 * without running, and without compiling, anything. A signature (`minisign.ts`) covers the whole file.
 */
export const MANIFEST_SECTION = 'ocp_smtp_manifest';

/** The manifest among the sections of a module; undefined where there is none. Throws MalformedBinary. */
export function manifestIn(sections: readonly WasmSection[]): ManifestRead | undefined {
  const found = sections.map(contentsOf).filter((octets) => octets !== undefined);
  if (found.length > 1) {
    return { reasons: [`it has ${found.length} sections "${MANIFEST_SECTION}", one is allowed`] };
  }
  return found[0] === undefined ? undefined : readManifest(found[0]);
}

/** The module with this manifest in the place of any that it had. Throws MalformedBinary. */
export function packModule(binary: Uint8Array, manifest: Manifest): Uint8Array {
  const others = withoutManifest(readSections(binary));
  const name = Buffer.from(MANIFEST_SECTION);
  const body = Buffer.concat([
    Uint8Array.from(encodeU32(name.length)),
    name,
    Buffer.from(JSON.stringify(manifest)),
  ]);
  return writeSections([...others, { id: SECTION.custom, body }]);
}

/** All other sections. Throws MalformedBinary. */
export const withoutManifest = (sections: readonly WasmSection[]): WasmSection[] =>
  sections.filter((section) => contentsOf(section) === undefined);

/** Of a manifest's section, what comes after its name. */
function contentsOf({ id, body }: WasmSection): Uint8Array | undefined {
  if (id !== SECTION.custom) return undefined;
  const reader = new BinaryReader(body);
  return reader.name() === MANIFEST_SECTION ? reader.bytes(reader.left) : undefined;
}
