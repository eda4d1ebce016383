import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test, vi } from 'vitest';
import type { CapabilityHost } from '../../src/ocp/capability.ts';
import { contentOf, contentSchema } from '../../src/sandbox/capabilities/content.ts';
import { answered, readRequest, refused } from '../../src/sandbox/capabilities/request.ts';
import { z } from 'zod';
import { serveGranted } from '../plugins/ask.ts';
import { ROOT } from '../plugins/compile.ts';

// Each compiles a plugin, perhaps beside much else.
vi.setConfig({ testTimeout: 60_000 });

const folder = mkdtempSync(join(tmpdir(), 'postern-withheld-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Sends nothing anywhere, and tells what would have been sent. */
const sent: string[] = [];
const capabilities: CapabilityHost = {
  async call(request) {
    const read = readRequest(request.octets, z.looseObject({ content: contentSchema }));
    if (!('fields' in read)) return read;
    const content = contentOf(request, { content: read.fields.content, body: read.body });
    if ('fault' in content) return refused('INVALID', content.fault);
    for await (const octets of content.octets()) sent.push(Buffer.from(octets).toString());
    return answered({ status: 200, headers: {} }, Buffer.from('{"action":"no action","score":0}'));
  },
};

// The import of http is the same: only the manifest, which the operator consents to, says what may go out by it.
test.each([
  ['body', ['Subject: x\r\n\r\nsecret\r\n'], 'no action'],
  ['headers', [], 'Cannot ask rspamd: INVALID'],
])('a plugin whose manifest says that it reads %s hands on no more', async (reads, expected, heard) => {
  sent.length = 0;
  const source = join(ROOT, 'plugins', 'rspamd');
  const manifest = JSON.parse(readFileSync(join(source, 'manifest.json'), 'utf8')) as object;
  const path = join(folder, `${reads}.wasm`);
  const changed = join(folder, `${reads}.json`);
  writeFileSync(changed, JSON.stringify({ ...manifest, reads }));
  const build = join(ROOT, 'sdk', 'assemblyscript', 'build.mjs');
  await promisify(execFile)(process.execPath, [build, join(source, 'index.ts'), path, changed]);
  const target = 'http://127.0.0.1:1';
  const http = {
    targets: [target],
    allowPrivate: false,
    requestsPerMinute: 10,
    timeoutMs: 1000,
    responseBytes: 1000,
    secrets: [],
  };
  const asked = await serveGranted(path, {
    settings: { url: target },
    grants: { http },
    capabilities,
    allowModify: true,
  });
  try {
    expect(asked.problems).toEqual([]);
    const said = await asked
      .filter('Subject: x\n\nsecret\n')
      .then(({ decision }) => JSON.stringify(decision), String);
    expect(sent).toEqual(expected);
    expect(said).toContain(heard);
  } finally {
    await asked.close();
  }
});
