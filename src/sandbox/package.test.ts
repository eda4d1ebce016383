import { describe, expect, it } from 'vitest';
import { manifestSchema } from '../ocp/manifest.ts';
import { MalformedBinary, readSections, SECTION, writeSections } from './binary.ts';
import { manifestIn, MANIFEST_SECTION, packModule } from './package.ts';

const manifest = manifestSchema.parse({
  id: 'acme/filter',
  version: '1.0.0',
  abi: 1,
  title: 'Filter',
  description: 'Filtert Grüße 😀',
  stages: ['rcpt'],
  reads: 'none',
  modifies: false,
});
const custom = (name: string, content: string | Uint8Array) => ({
  id: SECTION.custom,
  body: Buffer.concat([Buffer.of(Buffer.byteLength(name)), Buffer.from(name), Buffer.from(content)]),
});
const types = { id: SECTION.type, body: Uint8Array.of(0) };

describe('a manifest in a module', () => {
  it('comes back as it was put in, and leaves the other sections as they are', async () => {
    const before = [custom('name', 'x'), types, custom('producers', 'y')];
    const packed = packModule(writeSections(before), manifest);
    expect(manifestIn(readSections(packed))).toEqual({ manifest });
    expect(readSections(packed).slice(0, 3)).toEqual(readSections(writeSections(before)));
    await expect(WebAssembly.compile(Buffer.from(packed))).resolves.toBeDefined();
  });

  it('takes the place of the one before, and of two', () => {
    const old = custom(MANIFEST_SECTION, '{}');
    const packed = packModule(writeSections([old, types, old]), manifest);
    expect(readSections(packed)).toHaveLength(2);
    expect(manifestIn(readSections(packed))).toEqual({ manifest });
    expect(packModule(packed, manifest)).toEqual(packed);
  });

  it('is absent, or wrong, in words', () => {
    expect(manifestIn([types, custom('ocp_smtp_manifests', '')])).toBeUndefined();
    expect(manifestIn([custom(MANIFEST_SECTION, '')])).toEqual({ reasons: ['its manifest is not JSON'] });
    const good = custom(MANIFEST_SECTION, JSON.stringify(manifest));
    expect(manifestIn([good, types, good])).toEqual({
      reasons: ['it has 2 sections "ocp_smtp_manifest", one is allowed'],
    });
    expect(() => manifestIn([{ id: SECTION.custom, body: Uint8Array.of(200) }])).toThrow(MalformedBinary);
  });

  it('is not read out of a module that is cut anywhere', () => {
    const packed = packModule(writeSections([types]), manifest);
    for (let length = 0; length < packed.length; length++) {
      let outcome: unknown;
      try {
        outcome = manifestIn(readSections(packed.subarray(0, length)));
      } catch (thrown) {
        outcome = thrown instanceof MalformedBinary ? undefined : thrown;
      }
      expect([length, outcome]).toEqual([length, undefined]);
    }
  });
});
