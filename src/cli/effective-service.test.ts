import { describe, expect, it } from 'vitest';
import type { ServiceConfig } from '../config/config.ts';
import { readManifest, type Manifest } from '../ocp/manifest.ts';
import { DEFAULT_LIMITS, DEFAULT_SERVICE } from '../ocp/service.ts';
import { effectiveService } from './effective-service.ts';

function manifestOf(more: object): Manifest {
  const read = readManifest(
    Buffer.from(
      JSON.stringify({
        id: 'acme/footer',
        version: '1.2.0',
        abi: 1,
        title: 'Footer',
        description: 'Adds a footer.',
        stages: ['message'],
        reads: 'headers',
        modifies: true,
        ...more,
      }),
    ),
  );
  if ('reasons' in read) throw new Error(read.reasons.join('; '));
  return read.manifest;
}

const saying = (more: Partial<ServiceConfig> = {}): ServiceConfig => ({
  ...DEFAULT_SERVICE,
  name: 'footer',
  plugin: 'acme/footer@1.2.0',
  limits: {},
  ...more,
});
const http = { name: 'http', reason: 'asks a list' };
const HTTP = {
  targets: ['https://list.example'],
  allowPrivate: false,
  requestsPerMinute: 60,
  timeoutMs: 1000,
  responseBytes: 1024,
  secrets: [],
};

describe('limits', () => {
  it('are what the operator says, else what the manifest says, else the defaults', () => {
    const manifest = manifestOf({ limits: { memoryMiB: 16, deadlineMs: 200 } });
    const { service } = effectiveService(saying({ limits: { deadlineMs: 300 } }), manifest);
    expect(service.limits).toEqual({ ...DEFAULT_LIMITS, memoryMiB: 16, deadlineMs: 300 });
    expect(effectiveService(saying(), undefined).service.limits).toEqual(DEFAULT_LIMITS);
  });

  it('below what the manifest needs are a warning', () => {
    const manifest = manifestOf({ limits: { memoryMiB: 16, deadlineMs: 200 } });
    const said = saying({ allowModify: true, limits: { memoryMiB: 8, deadlineMs: 200 } });
    expect(effectiveService(said, manifest)).toMatchObject({
      problems: [],
      warnings: [{ path: ['limits', 'memoryMiB'], message: 'found 8, but acme/footer 1.2.0 needs up to 16' }],
    });
  });
});

describe('leave to modify', () => {
  it('is taken from a package that says that it changes nothing', () => {
    const effective = effectiveService(saying({ allowModify: true }), manifestOf({ modifies: false }));
    expect(effective.service.allowModify).toBe(false);
    expect(effective.warnings).toEqual([
      { path: ['allowModify'], message: expect.stringContaining('has no effect') },
    ]);
  });

  it('is missed where a package changes mail, and the command that gives it is named', () => {
    const effective = effectiveService(saying(), manifestOf({}));
    expect(effective.service.allowModify).toBe(false);
    expect(effective.warnings).toEqual([
      { path: ['allowModify'], message: expect.stringContaining('postern plugin grant footer modify') },
    ]);
    expect(effectiveService(saying({ allowModify: true }), manifestOf({})).warnings).toEqual([]);
  });

  it('is not needed to propose in monitor, and the warning says what it is needed for', () => {
    const watched = saying({ mode: 'monitor' });
    expect(effectiveService(watched, undefined).service.allowModify).toBe(true);
    expect(effectiveService(watched, manifestOf({ modifies: false })).service.allowModify).toBe(false);
    const { service, warnings } = effectiveService(watched, manifestOf({}));
    expect(service.allowModify).toBe(true);
    expect(warnings).toEqual([
      { path: ['allowModify'], message: expect.stringContaining('in mode enforce what it proposes would') },
    ]);
  });
});

describe('a capability', () => {
  it('that is required and not granted is a problem, with the command that grants it', () => {
    const manifest = manifestOf({ capabilities: { required: [http] } });
    expect(effectiveService(saying({ grants: { kv: { keys: 1, bytes: 1024 } } }), manifest).problems).toEqual(
      [
        {
          path: ['grants', 'http'],
          message:
            "acme/footer 1.2.0 requires http (asks a list), which is not granted; postern plugin grant footer http '{targets: …}'",
          need: 'grant',
        },
        {
          path: ['grants', 'kv'],
          message: "acme/footer 1.2.0 does not ask for kv, so it can't be granted",
        },
      ],
    );
    expect(effectiveService(saying({ grants: { http: HTTP } }), manifest).problems).toEqual([]);
  });

  it('that is optional need not be granted, and may be', () => {
    const manifest = manifestOf({ capabilities: { optional: [http] } });
    expect(effectiveService(saying(), manifest).problems).toEqual([]);
    expect(effectiveService(saying({ grants: { http: HTTP } }), manifest).problems).toEqual([]);
  });

  it('is the operator’s alone to grant where there is no manifest', () => {
    expect(effectiveService(saying({ grants: { clock: true } }), undefined)).toMatchObject({
      service: { grants: { clock: true } },
      problems: [],
    });
  });
});

describe('a service that may be bypassed', () => {
  it('is one by the word of both, the operator and the manifest', () => {
    const effective = (operator: boolean, manifest: boolean) =>
      effectiveService(
        saying({ bypassable: operator, allowModify: true }),
        manifestOf({ bypassable: manifest }),
      );
    expect(effective(true, true)).toMatchObject({ service: { bypassable: true }, warnings: [] });
    expect(effective(false, true)).toMatchObject({ service: { bypassable: false }, warnings: [] });
    expect(effective(true, false)).toMatchObject({
      service: { bypassable: false },
      warnings: [
        { path: ['bypassable'], message: expect.stringContaining('must not be bypassed') as string },
      ],
    });
    expect(effectiveService(saying({ bypassable: true }), undefined).service.bypassable).toBe(true);
  });
});
