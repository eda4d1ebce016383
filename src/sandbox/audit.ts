import { CAPABILITIES, READS, type Manifest } from '../ocp/manifest.ts';
import { exportOf, STAGES } from '../ocp/stage.ts';
import { ABI_MODULE, type AbiCall } from './imports.ts';
import type { Outline } from './outline.ts';

/**
 * Holds a manifest to its module. What an operator consents to is the manifest; what a plugin can do shows in its imports and
 * exports. Neither may say more than the other.
 */
export function auditManifest(outline: Outline, manifest: Manifest): string[] {
  const calls = outline.imports.filter(({ module }) => module === ABI_MODULE).map(({ name }) => name);
  return [
    ...stageFaults(outline, manifest),
    ...readFaults(calls, manifest),
    ...editFaults(calls, manifest),
    ...capabilityFaults(calls, manifest),
  ];
}

/** What a call of the ABI is for. `free` are calls that tell or change nothing of the message but its size, a fact anyway. */
const PURPOSE: Readonly<Record<AbiCall, 'headers' | 'body' | 'edit' | 'free'>> = {
  message_size: 'free',
  message_read: 'body',
  header_count: 'headers',
  header_find: 'headers',
  header_name: 'headers',
  header_value: 'headers',
  // The facts of parts have names of files, which are found in the body.
  part_count: 'body',
  part_info: 'body',
  part_read: 'body',
  splice: 'edit',
  header_add: 'edit',
  header_insert: 'edit',
  header_change: 'edit',
  header_remove: 'edit',
  part_replace: 'edit',
  state_get: 'free',
  state_set: 'free',
  // A capability is its own audit, below; an answer is what it was asked for. These take the message by range, or give it back changed.
  blob: 'body',
  key: 'body',
  scan: 'body',
  auth: 'free',
  clock: 'free',
  directory: 'free',
  dns: 'free',
  http: 'free',
  kv: 'free',
  notify: 'free',
  answer_read: 'free',
};

const PURPOSES: ReadonlyMap<string, string> = new Map(Object.entries(PURPOSE));
const quoted = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(', ');

function stageFaults(outline: Outline, manifest: Manifest): string[] {
  const exported = new Set(outline.exports.map(({ name }) => name));
  return STAGES.flatMap((stage) => {
    const name = exportOf(stage);
    const isNamed = manifest.stages.includes(stage);
    if (exported.has(name) === isNamed) return [];
    return isNamed
      ? [`its manifest names the stage ${stage}, but it has no export "${name}"`]
      : [`it exports "${name}", but its manifest does not name the stage ${stage}`];
  });
}

function readFaults(calls: readonly string[], manifest: Manifest): string[] {
  const level = READS.indexOf(manifest.reads);
  const levelOf = (call: string): number => READS.findIndex((reads) => reads === PURPOSES.get(call));
  const beyond = calls.filter((call) => levelOf(call) > level);
  if (beyond.length > 0) {
    return [`it imports ${quoted(beyond)}, but its manifest says that it reads ${manifest.reads}`];
  }
  // With `http` a filter can hand the message on by range, if its manifest says that it reads the body.
  const isUsed =
    level === 0 ||
    calls.some((call) => levelOf(call) === level) ||
    (manifest.reads === 'body' && calls.includes('http'));
  return isUsed
    ? []
    : [`its manifest says that it reads ${manifest.reads}, but it imports no call that does`];
}

function editFaults(calls: readonly string[], manifest: Manifest): string[] {
  const edits = calls.filter((call) => PURPOSES.get(call) === 'edit');
  if (!manifest.modifies && edits.length > 0) {
    return [`it imports ${quoted(edits)}, but its manifest says that it modifies nothing`];
  }
  // Without an edit call its decision can still name another address or next hop, which no import shows.
  const can = edits.length > 0 || manifest.stages.some((stage) => stage !== 'report');
  return manifest.modifies && !can
    ? ['its manifest says that it modifies mail, but a report comes too late for that']
    : [];
}

/** A capability is one import of its name, so that the import section shows all of them. */
function capabilityFaults(calls: readonly string[], { capabilities }: Manifest): string[] {
  const asked = [...capabilities.required, ...capabilities.optional].map(({ name }) => name);
  return CAPABILITIES.flatMap((name) => {
    if (calls.includes(name) === asked.includes(name)) return [];
    return asked.includes(name)
      ? [`its manifest asks for the capability ${name}, but it does not import "${name}"`]
      : [`it imports "${name}", but its manifest does not ask for the capability ${name}`];
  });
}
