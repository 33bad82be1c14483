import { grad } from '@dawngrad/autograd';
import { rmsNorm, softmax, sum } from '@dawngrad/tensor';
import type { BenchCase } from '../bench-case.ts';
import { disposeAll, randomTensor } from '../values.ts';

const [ROWS, WIDTH] = [8192, 256];
const ELEMENTS = ROWS * WIDTH;

/** Ops that work on a row at a time; bound by memory. */
export const rowCases: readonly BenchCase[] = [
  {
    name: `rms-norm forward N${ROWS} D${WIDTH}`,
    work: { flops: 4 * ELEMENTS, bytes: 8 * ELEMENTS },
    prepare: (device) => {
      const [x, w] = [randomTensor(device, [ROWS, WIDTH], 1), randomTensor(device, [WIDTH], 2)];
      return {
        record: () => {
          rmsNorm(x, w, 1e-5);
          return [];
        },
        dispose: disposeAll([x, w]),
      };
    },
  },
  {
    name: `rms-norm forward+backward N${ROWS} D${WIDTH}`,
    // x read twice, y written and summed, its gradient read, that of x written.
    work: { flops: 12 * ELEMENTS, bytes: 24 * ELEMENTS },
    prepare: (device) => {
      const [x, w] = [randomTensor(device, [ROWS, WIDTH], 1), randomTensor(device, [WIDTH], 2)];
      return {
        record: () => {
          grad(() => sum(rmsNorm(x, w, 1e-5)), [x, w]);
          return [];
        },
        dispose: disposeAll([x, w]),
      };
    },
  },
  ...[256, 8192].map((width): BenchCase => {
    const rows = ELEMENTS / width;
    return {
      name: `softmax N${rows} D${width}`,
      work: { flops: 4 * ELEMENTS, bytes: 8 * ELEMENTS },
      prepare: (device) => {
        const x = randomTensor(device, [rows, width], 1);
        return {
          record: () => {
            softmax(x);
            return [];
          },
          dispose: disposeAll([x]),
        };
      },
    };
  }),
];
