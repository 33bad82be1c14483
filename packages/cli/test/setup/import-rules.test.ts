import { describe, expect, it } from 'vitest';
import { importBreaches } from '../../setup/import-rules.mjs';

const breaches = (files: Record<string, string>) =>
  importBreaches(Object.entries(files).map(([path, text]) => ({ path, text })));

describe('importBreaches', () => {
  it('lets a package import what is beneath it', () => {
    expect(
      breaches({
        'packages/airl/src/a.ts': "import { x } from '@dawngrad/tensor'; import { y } from '@dawngrad/models/node';",
        'packages/tensor/src/node.ts': "import { create } from 'webgpu'; import './gpu.ts';",
        'packages/tensor/src/gpu.ts': 'export const x = 1;',
        'packages/models/src/node/read.ts': "import { readFileSync } from 'node:fs';",
        'bench/src/main.ts': "import { x } from '@dawngrad/eval';",
      }),
    ).toEqual([]);
  });

  it.each([
    ['a package that is above it', 'packages/tensor/src/a.ts', "import { x } from '@dawngrad/airl';"],
    ['a type of a package above it', 'packages/models/src/a.ts', "import type { X } from '@dawngrad/eval';"],
    ['the bench', 'packages/cli/src/a.ts', "import { x } from '@dawngrad/bench';"],
    ['another package by a path', 'packages/airl/src/a.ts', "import { x } from '../../tensor/src/x.ts';"],
    ['its own package by name', 'packages/tensor/src/a.ts', "export { x } from '@dawngrad/tensor';"],
    ['a file that is not there', 'packages/tensor/src/a.ts', "import './b.ts';"],
    ['Node in code for a browser', 'packages/autograd/src/a.ts', "import { readFileSync } from 'node:fs';"],
    ['Node later, in code for a browser', 'packages/tensor/src/a.ts', "await import('node:fs');"],
    ['Dawn in code for a browser', 'packages/tensor/src/gpu/a.ts', "import { create } from 'webgpu';"],
    [
      "a package's Node entry in code for a browser",
      'packages/models/src/a.ts',
      "import { x } from '@dawngrad/tensor/node';",
    ],
  ])('complains about importing %s', (_, path, text) => {
    const found = breaches({ [path]: text, 'packages/tensor/src/x.ts': '' });
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(path);
  });

  it('complains about a cycle and names its files', () => {
    const found = breaches({
      'packages/tensor/src/a.ts': "import { b } from './b.ts';",
      'packages/tensor/src/b.ts': "export * from './c.ts';",
      'packages/tensor/src/c.ts': "import { type T, a } from './a.ts';",
    });
    expect(found).toEqual([
      'cycle: packages/tensor/src/a.ts -> packages/tensor/src/b.ts -> packages/tensor/src/c.ts -> packages/tensor/src/a.ts',
    ]);
  });

  it('lets types go round in a circle', () => {
    const found = breaches({
      'packages/tensor/src/a.ts': "import type { B } from './b.ts';",
      'packages/tensor/src/b.ts': "import { a } from './a.ts';",
    });
    expect(found).toEqual([]);
  });
});
