import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['bench/plugins/figures.ts', 'bench/plugins/inbound.ts'],
    // Nothing else is to run meanwhile.
    fileParallelism: false,
    // What is measured is the program as it was built, not as the runner would transform it.
    server: { deps: { external: [/\/dist\//] } },
    testTimeout: 600_000,
    hookTimeout: 600_000,
    disableConsoleIntercept: true,
  },
});
