import { add, exp, type Shape, sum, swiglu, type Tensor } from '@dawngrad/tensor';
import type { BenchCase } from '../bench-case.ts';
import { disposeAll, randomTensor } from '../values.ts';

const [ROWS, WIDTH] = [8192, 512];
const ELEMENTS = ROWS * WIDTH;
const MATRIX: Shape = [ROWS, WIDTH];

function elementwiseCase(
  name: string,
  shapes: readonly Shape[],
  bytes: number,
  run: (inputs: readonly Tensor[]) => Tensor,
): BenchCase {
  return {
    name: `elementwise ${name} ${ROWS}x${WIDTH}`,
    work: { flops: 0, bytes },
    prepare: (device) => {
      const inputs = shapes.map((shape, i) => randomTensor(device, shape, i + 1));
      return {
        record: () => {
          run(inputs);
          return [];
        },
        dispose: disposeAll(inputs),
      };
    },
  };
}

export const elementwiseCases: readonly BenchCase[] = [
  elementwiseCase('add', [MATRIX, MATRIX], 12 * ELEMENTS, ([a, b]) => add(a!, b!)),
  elementwiseCase('add row', [MATRIX, [WIDTH]], 8 * ELEMENTS, ([a, b]) => add(a!, b!)),
  elementwiseCase('exp', [MATRIX], 8 * ELEMENTS, ([a]) => exp(a!)),
  elementwiseCase('swiglu', [MATRIX, MATRIX], 12 * ELEMENTS, ([a, b]) => swiglu(a!, b!)),
  elementwiseCase('sum of all', [MATRIX], 4 * ELEMENTS, ([a]) => sum(a!)),
];
