import { argmax, cumsum, logSumExp, max, mean, sum, type Tensor, variance } from '@dawngrad/tensor';
import type { BenchCase } from '../bench-case.ts';
import { randomTensor } from '../values.ts';
import { recordedCase } from './recorded-case.ts';

const [ROWS, WIDTH] = [8192, 512];
const ELEMENTS = ROWS * WIDTH;

function reduceCase(op: string, outputs: number, run: (x: Tensor) => unknown, isQuick = false): BenchCase {
  return recordedCase({
    name: `reduce ${op} ${ROWS}x${WIDTH}`,
    params: { op, rows: ROWS, width: WIDTH, dtype: 'f32' },
    work: { flops: ELEMENTS, bytes: 4 * (ELEMENTS + outputs) },
    inputs: (device) => [randomTensor(device, [ROWS, WIDTH], 1)],
    record: ([x]) => run(x!),
    isQuick,
  });
}

export const reduceCases: readonly BenchCase[] = [
  reduceCase('sum of all', 1, (x) => sum(x), true),
  reduceCase('sum of rows', ROWS, (x) => sum(x, { axes: [1] })),
  reduceCase('sum of columns', WIDTH, (x) => sum(x, { axes: [0] })),
  reduceCase('mean of rows', ROWS, (x) => mean(x, { axes: [1] })),
  reduceCase('variance of rows', ROWS, (x) => variance(x, { axes: [1] })),
  reduceCase('max of rows', ROWS, (x) => max(x, { axes: [1] })),
  reduceCase('argmax of rows', ROWS, (x) => argmax(x, { axes: [1] })),
  reduceCase('log-sum-exp of rows', ROWS, (x) => logSumExp(x, { axes: [1] })),
  reduceCase('cumulative sum of rows', ELEMENTS, (x) => cumsum(x)),
];
