import { describe, expect, it } from 'vitest';
import { manifestSchema } from '../ocp/manifest.ts';
import { auditManifest } from './audit.ts';
import type { Outline } from './outline.ts';

const outline = (exports: readonly string[], imports: readonly string[] = []): Outline => ({
  exports: exports.map((name) => ({ name, kind: 'function' as const })),
  imports: imports.map((name) => ({ module: 'ocp_smtp_v1', name, kind: 'function' as const })),
});
const manifest = (more: object) =>
  manifestSchema.parse({
    id: 'acme/filter',
    version: '1.0.0',
    abi: 1,
    title: 'Filter',
    description: 'Filters',
    stages: ['message'],
    reads: 'none',
    modifies: false,
    ...more,
  });
const faults = (imports: readonly string[], more: object) =>
  auditManifest(outline(['ocp_smtp_abi_1', 'configure', 'on_message'], imports), manifest(more));

describe('manifest and module', () => {
  it('agree', () => {
    expect(faults(['message_size', 'state_get', 'state_set'], {})).toEqual([]);
    expect(faults(['header_find', 'header_value'], { reads: 'headers' })).toEqual([]);
    expect(faults(['header_find', 'part_info'], { reads: 'body' })).toEqual([]);
    expect(faults(['header_add'], { modifies: true })).toEqual([]);
    // Its decision can name another recipient, and needs no import for that.
    expect(faults([], { modifies: true })).toEqual([]);
    // Only what Postern offers is looked at here: other modules have calls of the same names.
    const foreign = { module: 'extism:host/env', name: 'splice', kind: 'function' as const };
    expect(auditManifest({ ...outline(['on_message']), imports: [foreign] }, manifest({}))).toEqual([]);
  });

  it('disagree on stages', () => {
    const found = auditManifest(
      outline(['on_mail', 'on_rcpt', 'on_elsewhere']),
      manifest({ stages: ['rcpt', 'data'] }),
    );
    expect(found).toEqual([
      'it exports "on_mail", but its manifest does not name the stage mail',
      'its manifest names the stage data, but it has no export "on_data"',
    ]);
  });

  it('disagree on what is read', () => {
    expect(faults(['header_find', 'message_read'], {})).toEqual([
      'it imports "header_find", "message_read", but its manifest says that it reads none',
    ]);
    expect(faults(['header_find', 'part_info'], { reads: 'headers' })).toEqual([
      'it imports "part_info", but its manifest says that it reads headers',
    ]);
    expect(faults(['header_find'], { reads: 'body' })).toEqual([
      'its manifest says that it reads body, but it imports no call that does',
    ]);
    expect(faults(['message_size'], { reads: 'headers' })).toHaveLength(1);
  });

  it.each(['splice', 'header_add', 'header_insert', 'header_change', 'header_remove', 'part_replace'])(
    'disagree on what is changed: %s',
    (call) => {
      expect(faults([call], {})).toEqual([
        `it imports "${call}", but its manifest says that it modifies nothing`,
      ]);
    },
  );

  it('disagree where nothing can be changed any more', () => {
    expect(
      auditManifest(outline(['on_report']), manifest({ stages: ['report'], modifies: true })),
    ).toHaveLength(1);
  });

  it('disagree on capabilities', () => {
    const asks = (kind: string) => ({
      capabilities: { [kind]: [{ name: 'notify', reason: 'Tells people' }] },
    });
    expect(faults([], asks('optional'))).toEqual([
      'its manifest asks for the capability notify, but it does not import "notify"',
    ]);
    expect(faults(['notify'], {})).toEqual([
      'it imports "notify", but its manifest does not ask for the capability notify',
    ]);
    expect(faults(['notify'], asks('optional'))).toEqual([]);
    expect(faults(['notify'], asks('required'))).toEqual([]);
    const kv = { capabilities: { required: [{ name: 'kv', reason: 'Counts mail' }] } };
    expect(faults(['kv', 'answer_read'], kv)).toEqual([]);
  });

  it('disagree in several ways at once', () => {
    const all = auditManifest(
      outline(['on_mail'], ['message_read', 'splice', 'http']),
      manifest({ stages: ['rcpt'] }),
    );
    expect(all).toHaveLength(5);
  });
});
