import { embedding, groupTokens, scatterAddInto, zeros } from '@dawngrad/tensor';
import type { BenchCase } from '../bench-case.ts';
import { disposeAll, idTensor, idValues, randomTensor } from '../values.ts';

const [ROWS, WIDTH] = [8192, 64];

/** Gather and its gradient by grouped ids. A small vocabulary makes many rows add into one. */
export const embeddingCases: readonly BenchCase[] = [512, 8192].flatMap((vocabulary): BenchCase[] => [
  {
    name: `embedding gather N${ROWS} V${vocabulary} D${WIDTH}`,
    work: { flops: 0, bytes: 4 * (2 * ROWS * WIDTH + ROWS) },
    prepare: (device) => {
      const table = randomTensor(device, [vocabulary, WIDTH], 1);
      const ids = idTensor(device, ROWS, vocabulary, 2);
      return {
        record: () => {
          embedding(table, ids);
          return [];
        },
        dispose: disposeAll([table, ids]),
      };
    },
  },
  {
    name: `embedding scatter N${ROWS} V${vocabulary} D${WIDTH}`,
    work: { flops: ROWS * WIDTH, bytes: 4 * (ROWS * WIDTH + ROWS + 2 * vocabulary * WIDTH) },
    prepare: (device) => {
      const gradient = randomTensor(device, [ROWS, WIDTH], 1);
      const ids = idTensor(device, ROWS, vocabulary, 2);
      const groups = groupTokens(device, idValues(ROWS, vocabulary, 2));
      const table = zeros(device, [vocabulary, WIDTH]);
      return {
        record: () => {
          scatterAddInto(table, gradient, ids, groups);
          return [];
        },
        dispose: disposeAll([gradient, ids, table, groups.distinct, groups.offsets, groups.order]),
      };
    },
  },
]);
