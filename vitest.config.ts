import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['dawngrad-source'] },
  ssr: { resolve: { conditions: ['dawngrad-source', 'node', 'import', 'module', 'default'] } },
  test: {
    setupFiles: ['packages/tensor/test/leak-guard.ts'],
    include: ['packages/*/test/**/*.test.ts', 'bench/test/**/*.test.ts'],
    // Dawn runs in the worker's own thread; one worker, because a software adapter uses every core.
    pool: 'threads',
    maxWorkers: 1,
    isolate: false,
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // After all tests, the one worker took longer to end than the default of 10 seconds.
    teardownTimeout: 60_000,
  },
});
