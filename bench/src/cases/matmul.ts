import { matmul } from '@dawngrad/tensor';
import type { BenchCase } from '../bench-case.ts';
import { randomTensor } from '../values.ts';
import { recordedCase } from './recorded-case.ts';

type Layout = 'NN' | 'NT' | 'TN' | 'TT';
interface MatmulOptions {
  readonly remark?: string;
  readonly isQuick?: boolean;
  readonly isLarge?: boolean;
}

/** Sizes are M x N x K. */
function matmulCase(m: number, n: number, k: number, layout: Layout, options: MatmulOptions = {}): BenchCase {
  const [transA, transB] = [layout[0] === 'T', layout[1] === 'T'];
  const { remark, ...flags } = options;
  return recordedCase({
    name: `matmul f32 ${layout} ${m}x${n}x${k}${remark ? ` ${remark}` : ''}`,
    params: { m, n, k, transA, transB, dtype: 'f32' },
    work: { flops: 2 * m * n * k, bytes: 4 * (m * k + k * n + m * n) },
    inputs: (device) => [
      randomTensor(device, transA ? [k, m] : [m, k], 1),
      randomTensor(device, transB ? [n, k] : [k, n], 2),
    ],
    record: ([a, b]) => matmul(a!, b!, { transA, transB }),
    ...flags,
  });
}

const [ROWS, WIDTH, INNER] = [2048, 256, 688];
const LAYOUTS: readonly Layout[] = ['NN', 'NT', 'TN', 'TT'];

export const matmulCases: readonly BenchCase[] = [
  matmulCase(256, 256, 256, 'NN', { isQuick: true }),
  ...LAYOUTS.map((layout) => matmulCase(512, 512, 512, layout, { isQuick: layout === 'NN' })),
  matmulCase(1024, 1024, 1024, 'NN'),
  ...LAYOUTS.map((layout) => matmulCase(509, 509, 509, layout)),
  matmulCase(1000, 513, 37, 'NN'),
  matmulCase(4096, 64, 64, 'NN', { isQuick: true }),
  // One linear of a training step: forward, gradient by its input, gradient by its weight.
  matmulCase(ROWS, INNER, WIDTH, 'NT', { remark: 'linear forward' }),
  matmulCase(ROWS, WIDTH, INNER, 'NN', { remark: 'linear d-input' }),
  matmulCase(INNER, WIDTH, ROWS, 'TN', { remark: 'linear d-weight' }),
  // A thin product with a long sum.
  matmulCase(64, 64, 4096, 'TN', { remark: 'thin' }),
  // One row a sequence, as in decoding: bound by reading the weight.
  matmulCase(1, 2048, 1024, 'NT', { remark: 'decode' }),
  matmulCase(16, 2048, 1024, 'NT', { remark: 'decode' }),
  ...[2048, 4096].map((size) => matmulCase(size, size, size, 'NN', { isLarge: true })),
];
