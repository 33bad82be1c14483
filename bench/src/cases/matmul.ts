import { matmul } from '@dawngrad/tensor';
import type { BenchCase } from '../bench-case.ts';
import { disposeAll, randomTensor } from '../values.ts';

type Layout = 'NN' | 'NT' | 'TN';

function matmulCase(m: number, n: number, k: number, layout: Layout, remark = ''): BenchCase {
  const [transA, transB] = [layout[0] === 'T', layout[1] === 'T'];
  return {
    name: `matmul ${layout} ${m}x${n}x${k}${remark}`,
    work: { flops: 2 * m * n * k, bytes: 4 * (m * k + k * n + m * n) },
    prepare: (device) => {
      const a = randomTensor(device, transA ? [k, m] : [m, k], 1);
      const b = randomTensor(device, transB ? [n, k] : [k, n], 2);
      return {
        record: () => {
          matmul(a, b, { transA, transB });
          return [];
        },
        dispose: disposeAll([a, b]),
      };
    },
  };
}

const [ROWS, WIDTH, INNER] = [2048, 256, 688];

/** Sizes are M x N x K. */
export const matmulCases: readonly BenchCase[] = [
  matmulCase(256, 256, 256, 'NN'),
  matmulCase(512, 512, 512, 'NN'),
  matmulCase(1024, 1024, 1024, 'NN'),
  matmulCase(512, 512, 512, 'NT'),
  matmulCase(512, 512, 512, 'TN'),
  matmulCase(509, 509, 509, 'NN'),
  matmulCase(1000, 513, 37, 'NN'),
  // One linear of a training step: forward, gradient by its input, gradient by its weight.
  matmulCase(ROWS, INNER, WIDTH, 'NT', ' linear forward'),
  matmulCase(ROWS, WIDTH, INNER, 'NN', ' linear d-input'),
  matmulCase(INNER, WIDTH, ROWS, 'TN', ' linear d-weight'),
  // One row a sequence, as in decoding: bound by reading the weight.
  matmulCase(16, 2048, 1024, 'NT', ' decode'),
];
