import { add, exp, type Shape, swiglu, type Tensor } from '@dawngrad/tensor';
import type { BenchCase } from '../bench-case.ts';
import { randomTensor } from '../values.ts';
import { recordedCase } from './recorded-case.ts';

const [ROWS, WIDTH] = [8192, 512];
const ELEMENTS = ROWS * WIDTH;
const MATRIX: Shape = [ROWS, WIDTH];

function elementwiseCase(
  op: string,
  shapes: readonly Shape[],
  bytes: number,
  run: (inputs: readonly Tensor[]) => Tensor,
): BenchCase {
  return recordedCase({
    name: `elementwise ${op} ${ROWS}x${WIDTH}`,
    params: { op, rows: ROWS, width: WIDTH, dtype: 'f32' },
    work: { flops: 0, bytes },
    inputs: (device) => shapes.map((shape, i) => randomTensor(device, shape, i + 1)),
    record: run,
    isQuick: op === 'add',
  });
}

export const elementwiseCases: readonly BenchCase[] = [
  elementwiseCase('add', [MATRIX, MATRIX], 12 * ELEMENTS, ([a, b]) => add(a!, b!)),
  elementwiseCase('add row', [MATRIX, [WIDTH]], 8 * ELEMENTS, ([a, b]) => add(a!, b!)),
  elementwiseCase('exp', [MATRIX], 8 * ELEMENTS, ([a]) => exp(a!)),
  elementwiseCase('swiglu', [MATRIX, MATRIX], 12 * ELEMENTS, ([a, b]) => swiglu(a!, b!)),
];
