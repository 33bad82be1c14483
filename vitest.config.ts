import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['dawngrad-source'] },
  ssr: { resolve: { conditions: ['dawngrad-source', 'node', 'import', 'module', 'default'] } },
  test: {
    setupFiles: ['packages/tensor/test/leak-guard.ts'],
    include: ['packages/*/test/**/*.test.ts', 'bench/test/**/*.test.ts'],
    // Two processes, each with a Dawn of its own: much of a test is the host's work, and a software adapter keeps both
    // busy for the rest. More would only wait for the adapter, or for the one GPU.
    pool: 'forks',
    maxWorkers: 2,
    isolate: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // After all tests, the one worker took longer to end than the default of 10 seconds.
    teardownTimeout: 60_000,
  },
});
