import { embedding, groupTokens, scatterAddInto, type Tensor, zeros } from '@dawngrad/tensor';
import type { BenchCase } from '../bench-case.ts';
import { idTensor, idValues, randomTensor } from '../values.ts';
import { recordedCase } from './recorded-case.ts';

const [ROWS, WIDTH] = [8192, 64];

/** Gather and its gradient by grouped ids. A small vocabulary makes many rows add into one. */
export const embeddingCases: readonly BenchCase[] = [512, 8192].flatMap((vocabulary) => {
  const params = { rows: ROWS, vocabulary, width: WIDTH, dtype: 'f32' };
  return [
    recordedCase({
      name: `embedding gather N${ROWS} V${vocabulary} D${WIDTH}`,
      params,
      work: { flops: 0, bytes: 4 * (2 * ROWS * WIDTH + ROWS) },
      inputs: (device) => [randomTensor(device, [vocabulary, WIDTH], 1), idTensor(device, ROWS, vocabulary, 2)],
      record: ([table, ids]) => embedding(table!, ids!),
    }),
    recordedCase({
      name: `embedding scatter N${ROWS} V${vocabulary} D${WIDTH}`,
      params,
      work: { flops: ROWS * WIDTH, bytes: 4 * (ROWS * WIDTH + ROWS + 2 * vocabulary * WIDTH) },
      inputs: (device) => {
        const { distinct, offsets, order } = groupTokens(device, idValues(ROWS, vocabulary, 2));
        const table = zeros(device, [vocabulary, WIDTH]);
        return [
          table,
          randomTensor(device, [ROWS, WIDTH], 1),
          idTensor(device, ROWS, vocabulary, 2),
          distinct,
          offsets,
          order,
        ];
      },
      record: (inputs) => {
        const [table, gradient, ids, distinct, offsets, order] = inputs as [
          Tensor,
          Tensor,
          Tensor,
          Tensor,
          Tensor,
          Tensor,
        ];
        scatterAddInto(table, gradient, ids, { distinct, offsets, order });
      },
    }),
  ];
});
