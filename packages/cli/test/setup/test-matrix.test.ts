import { describe, expect, it } from 'vitest';
import { matrixText, rowOf } from '../../setup/test-matrix.mjs';

describe('the matrix of adapters', () => {
  it('has a row for each suite', () => {
    expect(rowOf('packages/tensor/test/ops.forward.test.ts')).toBe('ops: forward, errors');
    expect(rowOf('packages/tensor/test/ops/fuzz.test.ts')).toBe('ops: fuzzed');
    expect(rowOf('packages/tensor/test/ops/reduce.test.ts')).toBe('ops: one by one');
    expect(rowOf('packages/autograd/test/grad.test.ts')).toBe('autograd, optimizers');
    expect(rowOf('packages/eval/test/row.test.ts')).toBe('packages/eval/test/row.test.ts');
  });

  it('says what ran, what failed and what was left out with the reason', () => {
    const text = matrixText([
      {
        name: 'lavapipe',
        adapter: 'llvmpipe',
        rows: new Map([
          ['kernels', { passed: 12, failed: 0, skipped: 3 }],
          ['models', { passed: 4, failed: 1, skipped: 0 }],
        ]),
      },
      {
        name: 'swiftshader',
        adapter: 'SwiftShader',
        rows: new Map([['kernels', { passed: 9, failed: 0, skipped: 0 }]]),
      },
      { name: 'lavapipe-backports', skipped: 'this system has no apt-get', rows: new Map() },
    ]);
    expect(text.split('\n')).toEqual([
      '         lavapipe           swiftshader  lavapipe-backports',
      'kernels  12 ok (3 skipped)  9 ok         skipped',
      'models   1 FAILED, 4 ok     -            skipped',
      '',
      'lavapipe: llvmpipe',
      'swiftshader: SwiftShader',
      'lavapipe-backports: skipped, this system has no apt-get',
    ]);
  });
});
