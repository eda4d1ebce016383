import { describe, expect, it } from 'vitest';
import { workerUrl } from './worker-url.ts';

describe('workerUrl', () => {
  it('names the compiled file, from the source as from the compiled importer', () => {
    const compiled = 'file:///srv/src/postern/dist/sandbox/worker.js';
    expect(workerUrl('./worker.ts', 'file:///srv/src/postern/src/sandbox/pool.ts').href).toBe(compiled);
    expect(workerUrl('./worker.ts', 'file:///srv/src/postern/dist/sandbox/pool.js').href).toBe(compiled);
  });
});
