import { type Device, linear, quantizeMatrix, Tensor } from '@dawngrad/tensor';
import type { BenchCase } from '../bench-case.ts';
import { disposeAll, randomTensor, uniformValues } from '../values.ts';

const FLOATS = ['f32', 'f16', 'bf16'] as const;
const BLOCKS = ['q8_0', 'q4_0', 'nf4'] as const;
type Format = (typeof FLOATS)[number] | (typeof BLOCKS)[number];

/** Bytes a weight, scales included. */
const BYTES: Readonly<Record<Format, number>> = {
  f32: 4,
  f16: 2,
  bf16: 2,
  q8_0: 34 / 32,
  q4_0: 18 / 32,
  nf4: 36 / 64,
};
const [OUT, INNER] = [2048, 1024];

function isFloat(format: Format): format is (typeof FLOATS)[number] {
  return FLOATS.some((name) => name === format);
}

/** x W^T with the weight in one of the formats that it may be stored in. */
function linearCase(rows: number, format: Format): BenchCase {
  return {
    name: `linear ${format} N${rows} out ${OUT} in ${INNER}`,
    params: { rows, out: OUT, inner: INNER, weight: format },
    work: { flops: 2 * rows * OUT * INNER, bytes: BYTES[format] * OUT * INNER + 4 * rows * (OUT + INNER) },
    isQuick: rows === 1 && format === 'q8_0',
    prepare: (device: Device) => {
      const x = randomTensor(device, [rows, INNER], 1);
      const values = uniformValues(OUT * INNER, 2);
      const weight = isFloat(format)
        ? Tensor.from(device, Array.from(values), [OUT, INNER], format, 'bench/weight')
        : quantizeMatrix(device, values, [OUT, INNER], format);
      return {
        record: () => {
          linear(x, weight);
          return [];
        },
        dispose: disposeAll(weight instanceof Tensor ? [x, weight] : [x, weight.codes, weight.scales]),
      };
    },
  };
}

/** One row, as one sequence decodes, and many, as in a batch of training. */
export const weightCases: readonly BenchCase[] = [1, 256].flatMap((rows) =>
  [...FLOATS, ...BLOCKS].map((format) => linearCase(rows, format)),
);
