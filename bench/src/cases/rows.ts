import { grad } from '@dawngrad/autograd';
import { layerNorm, rmsNorm, type Shape, softmax, sum, type Tensor } from '@dawngrad/tensor';
import type { BenchCase } from '../bench-case.ts';
import { randomTensor } from '../values.ts';
import { recordedCase } from './recorded-case.ts';

const [ROWS, WIDTH] = [8192, 256];
const ELEMENTS = ROWS * WIDTH;
const EPS = 1e-5;

type Norm = (inputs: readonly Tensor[]) => Tensor;

function normCases(op: string, shapes: readonly Shape[], norm: Norm): BenchCase[] {
  const common = {
    params: { op, rows: ROWS, width: WIDTH, dtype: 'f32' },
    inputs: (device: Tensor['device']) => shapes.map((shape, i) => randomTensor(device, shape, i + 1)),
  };
  return [
    recordedCase({
      ...common,
      name: `${op} forward N${ROWS} D${WIDTH}`,
      work: { flops: 4 * ELEMENTS, bytes: 8 * ELEMENTS },
      record: norm,
      isQuick: true,
    }),
    recordedCase({
      ...common,
      name: `${op} forward+backward N${ROWS} D${WIDTH}`,
      // x read twice, y written and summed, its gradient read, that of x written.
      work: { flops: 12 * ELEMENTS, bytes: 24 * ELEMENTS },
      record: (inputs) => grad(() => sum(norm(inputs)), inputs),
    }),
  ];
}

/** Ops that work on a row at a time; bound by memory. */
export const rowCases: readonly BenchCase[] = [
  ...normCases('rms-norm', [[ROWS, WIDTH], [WIDTH]], ([x, w]) => rmsNorm(x!, w!, EPS)),
  ...normCases('layer-norm', [[ROWS, WIDTH], [WIDTH], [WIDTH]], ([x, gain, bias]) => layerNorm(x!, gain!, bias!, EPS)),
  ...[256, 8192].map((width) =>
    recordedCase({
      name: `softmax N${ELEMENTS / width} D${width}`,
      params: { op: 'softmax', rows: ELEMENTS / width, width, dtype: 'f32' },
      work: { flops: 4 * ELEMENTS, bytes: 8 * ELEMENTS },
      inputs: (device) => [randomTensor(device, [ELEMENTS / width, width], 1)],
      record: ([x]) => softmax(x!),
    }),
  ),
];
