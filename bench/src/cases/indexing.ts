import { gather, indexAdd, indexSelect, scatterAdd, type Tensor } from '@dawngrad/tensor';
import type { BenchCase } from '../bench-case.ts';
import { idTensor, randomTensor } from '../values.ts';
import { recordedCase } from './recorded-case.ts';

const [ROWS, WIDTH, LIMIT] = [4096, 64, 1024];
const ELEMENTS = ROWS * WIDTH;

function indexCase(
  op: string,
  bytes: number,
  inputs: (device: Tensor['device']) => Tensor[],
  record: (inputs: readonly Tensor[]) => unknown,
): BenchCase {
  return recordedCase({
    name: `${op} N${ROWS} of ${LIMIT} D${WIDTH}`,
    params: { op, rows: ROWS, limit: LIMIT, width: WIDTH, dtype: 'f32' },
    work: { flops: 0, bytes },
    inputs,
    record,
  });
}

/** An id for each row, or for each element: reads by index, and sums by index in a fixed order. */
export const indexingCases: readonly BenchCase[] = [
  indexCase(
    'index-select',
    4 * (2 * ELEMENTS + ROWS),
    (device) => [randomTensor(device, [LIMIT, WIDTH], 1), idTensor(device, ROWS, LIMIT, 2)],
    ([table, ids]) => indexSelect(table!, 0, ids!),
  ),
  indexCase(
    'gather',
    12 * ELEMENTS,
    (device) => [randomTensor(device, [LIMIT, WIDTH], 1), idTensor(device, ELEMENTS, LIMIT, 2, [ROWS, WIDTH])],
    ([table, ids]) => gather(table!, 0, ids!),
  ),
  indexCase(
    'index-add',
    4 * (ELEMENTS + ROWS + 2 * LIMIT * WIDTH),
    (device) => [
      randomTensor(device, [LIMIT, WIDTH], 1),
      idTensor(device, ROWS, LIMIT, 2),
      randomTensor(device, [ROWS, WIDTH], 3),
    ],
    ([table, ids, source]) => indexAdd(table!, 0, ids!, source!),
  ),
  indexCase(
    'scatter-add',
    4 * (2 * ELEMENTS + 2 * LIMIT * WIDTH),
    (device) => [
      randomTensor(device, [LIMIT, WIDTH], 1),
      idTensor(device, ELEMENTS, LIMIT, 2, [ROWS, WIDTH]),
      randomTensor(device, [ROWS, WIDTH], 3),
    ],
    ([table, ids, source]) => scatterAdd(table!, 0, ids!, source!),
  ),
];
