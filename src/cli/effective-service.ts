import type { ServiceConfig } from '../config/config.ts';
import type { Finding } from '../config/issues.ts';
import type { Manifest } from '../ocp/manifest.ts';
import { DEFAULT_LIMITS, type Limits, type Service } from '../ocp/service.ts';
import { GRANT_NAMES, grantExample } from './grant-words.ts';

/**
 * What a service is once its package has been read: what the operator says, and where that says nothing, what the manifest says.
 * The operator has the last word, with two exceptions that hold the manifest to itself: a plugin that says that it changes nothing
 * may change nothing, and it gets no capability that it did not ask for. In `monitor` a plugin may propose changes whether or not it
 * is allowed to make them, since none is made there and what it would change is what the operator wants to see.
 */
export interface Effective {
  readonly service: Service;
  /** Why it is not fit to run. */
  readonly problems: readonly ServiceFinding[];
  /** What may be a mistake. */
  readonly warnings: readonly ServiceFinding[];
}

/** `path` begins below `services.<name>`. */
export type ServiceFinding = Pick<Finding, 'path' | 'message'> & { readonly need?: Need };

/** What a command can give a service that lacks it: a grant that its package requires, settings that its schema takes. */
export type Need = 'grant' | 'settings';

export function effectiveService(said: ServiceConfig, manifest: Manifest | undefined): Effective {
  const limits = { ...DEFAULT_LIMITS, ...definedLimits(manifest?.limits), ...said.limits };
  const mayPropose = said.allowModify || said.mode === 'monitor';
  if (manifest === undefined)
    return { service: { ...said, limits, allowModify: mayPropose }, problems: [], warnings: [] };
  return {
    service: {
      ...said,
      limits,
      allowModify: mayPropose && manifest.modifies,
      bypassable: said.bypassable && manifest.bypassable,
    },
    problems: grantFindings(said, manifest),
    warnings: [
      ...modifyFindings(said, manifest),
      ...bypassFindings(said, manifest),
      ...limitFindings(said, manifest),
    ],
  };
}

/** How messages call a package. */
export const nameOf = ({ id, version }: Manifest): string => `${id} ${version}`;

// With `exactOptionalPropertyTypes` a key that is there may still hold undefined, as zod types it.
function definedLimits(limits: Manifest['limits'] | undefined): Partial<Limits> {
  return Object.fromEntries(Object.entries(limits ?? {}).filter(([, value]) => value !== undefined));
}

function modifyFindings({ name, allowModify, mode }: ServiceConfig, manifest: Manifest): ServiceFinding[] {
  if (allowModify === manifest.modifies) return [];
  const message = allowModify
    ? `found true, which has no effect: ${nameOf(manifest)} says that it changes nothing`
    : `found false, but ${nameOf(manifest)} changes mail: ${mode === 'monitor' ? 'in mode enforce what it proposes would' : 'what it proposes will'} count as a failure; postern plugin grant ${name} modify`;
  return [{ path: ['allowModify'], message }];
}

function bypassFindings({ bypassable }: ServiceConfig, manifest: Manifest): ServiceFinding[] {
  if (!bypassable || manifest.bypassable) return [];
  const message = `found true, which has no effect: ${nameOf(manifest)} says that it must not be bypassed`;
  return [{ path: ['bypassable'], message }];
}

function limitFindings({ limits }: ServiceConfig, manifest: Manifest): ServiceFinding[] {
  const needed = definedLimits(manifest.limits);
  return Object.entries(limits).flatMap(([key, value]) => {
    const need = Object.entries(needed).find(([name]) => name === key)?.[1];
    if (need === undefined || value >= need) return [];
    return [
      { path: ['limits', key], message: `found ${value}, but ${nameOf(manifest)} needs up to ${need}` },
    ];
  });
}

function grantFindings({ name, grants }: ServiceConfig, manifest: Manifest): ServiceFinding[] {
  const { required, optional } = manifest.capabilities;
  const asked = new Set<string>([...required, ...optional].map((capability) => capability.name));
  const missing = required.flatMap((capability): ServiceFinding[] => {
    // What no operator can grant is for the audit to report (sandbox/audit.ts).
    if (!GRANT_NAMES.includes(capability.name) || capability.name in grants) return [];
    const command = grantExample(capability.name, ' ');
    const message = `${nameOf(manifest)} requires ${capability.name} (${capability.reason}), which is not granted; postern plugin grant ${name} ${command}`;
    return [{ path: ['grants', capability.name], message, need: 'grant' }];
  });
  const unasked = Object.keys(grants).filter((granted) => !asked.has(granted));
  return [
    ...missing,
    ...unasked.map((granted) => ({
      path: ['grants', granted],
      message: `${nameOf(manifest)} does not ask for ${granted}, so it can't be granted`,
    })),
  ];
}
