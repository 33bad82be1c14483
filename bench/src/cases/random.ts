import { dropout, multinomial, normal, type Tensor, uniform } from '@dawngrad/tensor';
import type { BenchCase } from '../bench-case.ts';
import { randomTensor } from '../values.ts';
import { recordedCase } from './recorded-case.ts';

const [ROWS, WIDTH] = [4096, 512];
const ELEMENTS = ROWS * WIDTH;

function randomCase(
  op: string,
  [rows, width]: readonly [number, number],
  bytes: number,
  run: (x: Tensor) => unknown,
): BenchCase {
  return recordedCase({
    name: `${op} N${rows} D${width}`,
    params: { op, rows, width, dtype: 'f32' },
    work: { flops: 0, bytes },
    inputs: (device) => [randomTensor(device, [rows, width], 1)],
    record: ([x]) => run(x!),
  });
}

/** Draws by a counter: every element from its own block of Philox. */
export const randomCases: readonly BenchCase[] = [
  randomCase('uniform', [ROWS, WIDTH], 4 * ELEMENTS, (x) => uniform(x.device, x.shape, { seed: 1 })),
  randomCase('normal', [ROWS, WIDTH], 4 * ELEMENTS, (x) => normal(x.device, x.shape, { seed: 1 })),
  randomCase('dropout', [ROWS, WIDTH], 8 * ELEMENTS, (x) => dropout(x, 0.1, { seed: 1 })),
  randomCase('multinomial', [64, 8192], 4 * 64 * 8192, (x) => multinomial(x, 1, { seed: 1, of: 'logits' })),
];
