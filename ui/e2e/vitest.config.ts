import { defineConfig } from 'vitest/config';

// Apart from the unit tests: these want a built binary and a browser.
export default defineConfig({
  cacheDir: '../node_modules/.vite',
  test: {
    root: import.meta.dirname,
    include: ['*.e2e.ts'],
    globalSetup: './environment.ts',
    fileParallelism: false,
    // A test may wait more than once for what a busy machine does slowly.
    testTimeout: 300_000,
    hookTimeout: 180_000,
  },
});
