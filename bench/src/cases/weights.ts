import { cast, type Device, linear, quantizeMatrix, scope, Tensor } from '@dawngrad/tensor';
import type { BenchCase } from '../bench-case.ts';
import { disposeAll, randomTensor, uniformValues } from '../values.ts';

const FLOATS = ['f32', 'f16', 'bf16'] as const;
const BLOCKS = ['q8_0', 'q4_0', 'nf4'] as const;
type Format = (typeof FLOATS)[number] | (typeof BLOCKS)[number];

export const WEIGHT_FORMATS: readonly Format[] = [...FLOATS, ...BLOCKS];

/** Bytes a weight, scales included. */
const BYTES: Readonly<Record<Format, number>> = {
  f32: 4,
  f16: 2,
  bf16: 2,
  q8_0: 34 / 32,
  q4_0: 18 / 32,
  nf4: 36 / 64,
};
const SIZE = [2048, 1024] as const;

function isFloat(format: Format): format is (typeof FLOATS)[number] {
  return FLOATS.some((name) => name === format);
}

/** x W^T with the weight, [out, inner], in one of the formats that it may be stored in. */
export function linearCase(
  rows: number,
  [out, inner]: readonly [out: number, inner: number],
  format: Format,
  isQuick = false,
): BenchCase {
  return {
    name: `linear ${format} N${rows} out ${out} in ${inner}`,
    params: { rows, out, inner, weight: format },
    work: { flops: 2 * rows * out * inner, bytes: BYTES[format] * out * inner + 4 * rows * (out + inner) },
    isQuick,
    prepare: (device: Device) => {
      const x = randomTensor(device, [rows, inner], 1);
      const values = uniformValues(out * inner, 2);
      const weight = isFloat(format)
        ? scope(() => cast(Tensor.from(device, values, [out, inner], 'f32', 'bench/weight'), format))
        : quantizeMatrix(device, values, [out, inner], format);
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
  WEIGHT_FORMATS.map((format) => linearCase(rows, SIZE, format, rows === 1 && format === 'q8_0')),
);
