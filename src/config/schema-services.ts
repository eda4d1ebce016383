import { z } from 'zod';
import { PACKAGE_NAME_FORM } from '../ocp/package-name.ts';
import { integer, size, word } from './scalars.ts';
import { grants } from './schema-grants.ts';
import { map } from './schema-maps.ts';

const PLUGIN_RULE =
  'must be the name of a plugin such as attachment-guard, an installed package such as acme/footer@1.2.0, or a path that ends in .wasm';
// oxlint-disable-next-line no-control-regex -- control characters are what this refuses
const PATH_FORM = /[^\u0000-\u001f\u007f]*[^\u0000-\u001f\u007f/]\.wasm/;
// One expression, so that editors which go by the JSON Schema see it too.
const PLUGIN_FORM = new RegExp(
  `^(?:[a-z0-9][a-z0-9_-]{0,63}|${PATH_FORM.source}|${PACKAGE_NAME_FORM.source})$`,
);
const plugin = z.string(PLUGIN_RULE).max(4096, PLUGIN_RULE).regex(PLUGIN_FORM, PLUGIN_RULE);

const policy = word('tempfail', 'accept', 'reject', 'quarantine');
const onFailure = z.union(
  [
    policy,
    map({
      load: policy.default('tempfail'),
      trap: policy.default('tempfail'),
      deadline: policy.default('tempfail'),
      capability: policy.default('tempfail'),
    }),
  ],
  `must be one of ${policy.options.join(', ')}, or a map with the keys load, trap, deadline, capability`,
);

/** A plugin as the operator has configured it. */
export const service = map({
  plugin,
  enabled: z.boolean('must be true or false').default(true),
  settings: z.record(z.string(), z.unknown(), 'must be a map').default({}),
  mode: word('enforce', 'monitor').default('enforce'),
  allowModify: z.boolean('must be true or false').default(false),
  onFailure: onFailure.default('tempfail'),
  // Without defaults: what is not said here is what the package's manifest says, which is not read yet.
  limits: map({
    memoryMiB: integer(1, 1024).optional(),
    deadlineMs: integer(10, 60_000).optional(),
    outputBytes: size('1KiB', '1MiB').optional(),
    logBytes: size('0B', '1MiB').optional(),
    hostCalls: integer(100, 100_000_000).optional(),
    addedBytes: size('0B', '256MiB').optional(),
  }).default({}),
  grants: grants.default({}),
  isolation: word('thread', 'process').default('thread'),
  callsPerInstance: integer(1, 10_000).default(1),
  bypassable: z.boolean('must be true or false').default(false),
});
