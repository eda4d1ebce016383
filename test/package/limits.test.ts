import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { manifestSchema } from '../../src/ocp/manifest.ts';
import { DEFAULT_LIMITS } from '../../src/ocp/service.ts';
import { configText, temporaryDirectory } from '../support/postern.ts';

// What a manifest may ask for is what an operator may give, so that no package asks in vain.

const scratch = temporaryDirectory();
afterAll(() => scratch.remove());

const LIMITS = manifestSchema.shape.limits.unwrap().shape;

function isAllowed(limits: object): boolean {
  const file = join(scratch.path, 'postern.yaml');
  const config = {
    listeners: { in: { protocol: 'lmtp', port: 0, downstream: 'local' } },
    downstreams: { local: { protocol: 'maildir', path: './mail' } },
    services: { filter: { plugin: 'filter', limits } },
  };
  writeFileSync(file, configText(config));
  return loadConfig(file).ok;
}

test('a manifest has the limits of a service', () => {
  expect(Object.keys(LIMITS).sort()).toEqual(Object.keys(DEFAULT_LIMITS).sort());
});

test.each(Object.keys(LIMITS) as (keyof typeof LIMITS)[])('%s has one range in both', (name) => {
  const { minValue, maxValue } = LIMITS[name].unwrap();
  const values = [minValue! - 1, minValue!, maxValue!, maxValue! + 1];
  expect(values.map((value) => isAllowed({ [name]: value }))).toEqual([false, true, true, false]);
});
