import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { command } from '../support/command.ts';
import { builtPlugin, unbuilt } from './ask.ts';
import { ROOT } from './compile.ts';

// Each starts the real program, perhaps beside much else.
vi.setConfig({ testTimeout: 120_000 });

/** The cases that lie beside a plugin, by the command that its authors use. */
const names = readdirSync(join(ROOT, 'plugins')).filter((name) =>
  existsSync(join(ROOT, 'plugins', name, 'cases')),
);

test('there are some', () => {
  expect(names).toContain('greylist');
});

for (const name of names) {
  const skipped = unbuilt(name);
  test.skipIf(skipped !== '')(`the cases of ${name}${skipped}`, async () => {
    const cases = join(ROOT, 'plugins', name, 'cases');
    const { code, out, errors } = await command(['plugin', 'test', builtPlugin(name), '--cases', cases], {
      seconds: 100,
    });
    expect(out).toMatch(/^\d+ passed, 0 failed\n$/m);
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
  });
}
