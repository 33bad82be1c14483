import { type Shape, sort, type Tensor, topK } from '@dawngrad/tensor';
import type { BenchCase } from '../bench-case.ts';
import { randomTensor } from '../values.ts';
import { recordedCase } from './recorded-case.ts';

function sortCase(op: string, [rows, width]: readonly [number, number], run: (x: Tensor) => unknown): BenchCase {
  const shape: Shape = [rows, width];
  return recordedCase({
    name: `${op} N${rows} D${width}`,
    params: { op, rows, width, dtype: 'f32' },
    // Values read once, values and indices written once: what a sort does besides is its own affair.
    work: { flops: 0, bytes: 12 * rows * width },
    inputs: (device) => [randomTensor(device, shape, 1)],
    record: ([x]) => run(x!),
  });
}

/** Many rows, one long row, and the best of a vocabulary for each of some sequences. */
export const sortCases: readonly BenchCase[] = [
  sortCase('sort', [1024, 256], (x) => sort(x)),
  sortCase('sort', [1, 262_144], (x) => sort(x)),
  sortCase('top-50', [64, 8192], (x) => topK(x, 50)),
];
