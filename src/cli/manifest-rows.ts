import type { Manifest } from '../ocp/manifest.ts';

/** What a package asks for, row by row. */
export function asksRows(manifest: Manifest): string[][] {
  const { capabilities, limits } = manifest;
  const asked = (kind: 'required' | 'optional'): string[][] =>
    capabilities[kind].map(({ name, reason, args }) => [
      `${kind} capability`,
      `${name}: ${reason}${args === undefined ? '' : ` ${JSON.stringify(args)}`}`,
    ]);
  return [
    ['stages', manifest.stages.join(' ')],
    ['reads', manifest.reads],
    ['parts', manifest.parts ? 'is told their types, sizes and names' : 'no'],
    ['modifies', manifest.modifies ? 'yes' : 'no'],
    ...asked('required'),
    ...asked('optional'),
    ...Object.entries(limits).map(([name, limit]) => ['limit', `${name} ${limit}`]),
  ];
}

/** Everything that a manifest says, row by row. */
export function manifestRows(manifest: Manifest): string[][] {
  const { settings } = manifest;
  return [
    ['id', manifest.id],
    ['version', manifest.version],
    ['abi', String(manifest.abi)],
    ['title', manifest.title],
    ['description', manifest.description],
    ...asksRows(manifest),
    ['settings', settings === undefined ? 'no schema' : Object.keys(propertiesOf(settings)).join(' ')],
    ['bypassable', manifest.bypassable ? 'yes' : 'no'],
    ...(manifest.homepage === undefined ? [] : [['homepage', manifest.homepage]]),
    ...(manifest.license === undefined ? [] : [['license', manifest.license]]),
  ];
}

function propertiesOf({ properties }: Readonly<Record<string, unknown>>): object {
  return typeof properties === 'object' && properties !== null ? properties : {};
}
