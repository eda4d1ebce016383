import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { serve } from '../plugins/ask.ts';
import { ROOT } from '../plugins/compile.ts';
import { LANGUAGES, skipped } from './language.ts';

// A compiler may have to compile its library first.
vi.setConfig({ testTimeout: 180_000 });

/** The filters in each SDK's README, built by its command. `test/plugins/sdk.test.ts` has AssemblyScript's. */
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-sdk-readme-'));
});

afterAll(() => rmSync(folder, { recursive: true }));

const PHISH = 'Subject: x\n\nPlease enter your password here.\n';
const HARMLESS = 'Subject: x\n\nHello.\n';

for (const language of LANGUAGES.slice(1)) {
  const reason = skipped(language);
  describe.skipIf(reason !== '')(`the README of ${language.name}${reason}`, () => {
    const readme = readFileSync(join(ROOT, 'sdk', language.folder, 'README.md'), 'utf8');
    const fence = new RegExp(`\`\`\`${language.extension}\n([\\s\\S]*?)\`\`\``, 'g');
    const sources = [...readme.matchAll(fence)].map(([, source]) => source!);

    async function load(index: number, settings: Record<string, unknown> = {}) {
      const source = join(folder, `${language.folder}-${index}.${language.extension}`);
      const target = join(folder, `${language.folder}-${index}.wasm`);
      writeFileSync(source, sources[index]!);
      await language.build(source, target);
      return serve(target, settings);
    }

    test('has two filters, and ends in the smallest', () => {
      expect(sources).toHaveLength(2);
      expect(sources[1]!.trim().split('\n').length).toBeLessThan(15);
      expect(readme.endsWith(`${sources[1]}\`\`\`\n`)).toBe(true);
    });

    test('the first holds what its settings name, and checks them', async () => {
      const asked = await load(0, { phrases: ['Your PASSWORD'] });
      const unset = await load(0);
      try {
        expect(asked.problems).toEqual([]);
        expect((await asked.filter(PHISH)).decision).toEqual({
          verdict: 'quarantine',
          reason: 'it says "Your PASSWORD"',
          tags: { phishing: 'suspected' },
        });
        expect((await asked.filter(HARMLESS)).decision).toEqual({});
        const client = { address: '192.0.2.7', port: 1, user: 'ann' };
        expect((await asked.filter(PHISH, { client })).decision).toEqual({});
        expect(unset.problems[0]?.reason).toBe(
          'Cannot use phrases: found nothing, required is a list of texts',
        );
      } finally {
        await asked.close();
        await unset.close();
      }
    });

    test('the smallest adds its header and nothing else', async () => {
      const asked = await load(1);
      try {
        const { text, decision } = await asked.filter(HARMLESS);
        expect(decision).toEqual({});
        expect(text).toBe('Subject: x\r\nX-Scanned-By: Postern\r\n\r\nHello.\r\n');
      } finally {
        await asked.close();
      }
    });
  });
}
