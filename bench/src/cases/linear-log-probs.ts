import { grad } from '@dawngrad/autograd';
import { linearLogProbs, mean, type Tensor } from '@dawngrad/tensor';
import type { BenchCase } from '../bench-case.ts';
import { idTensor, randomTensor } from '../values.ts';
import { recordedCase } from './recorded-case.ts';

const [ROWS, WIDTH] = [8192, 64];

function logProbsCase(vocabulary: number, isTraining: boolean): BenchCase {
  const product = 2 * ROWS * vocabulary * WIDTH;
  const operands = 4 * WIDTH * (ROWS + vocabulary);
  return recordedCase({
    name: `linear-log-probs ${isTraining ? 'forward+backward' : 'forward'} N${ROWS} V${vocabulary} D${WIDTH}`,
    params: { rows: ROWS, vocabulary, width: WIDTH, dtype: 'f32' },
    // Training computes the logits a second time, then the gradients by the hidden states and the weight.
    work: { flops: product * (isTraining ? 4 : 1), bytes: operands * (isTraining ? 3 : 1) },
    inputs: (device) => [
      randomTensor(device, [ROWS, WIDTH], 1),
      randomTensor(device, [vocabulary, WIDTH], 2),
      idTensor(device, ROWS, vocabulary, 3),
    ],
    record: (inputs) => {
      const [hidden, weight, targets] = inputs as [Tensor, Tensor, Tensor];
      if (isTraining) grad(() => mean(linearLogProbs(hidden, weight, targets).logp), [hidden, weight]);
      else linearLogProbs(hidden, weight, targets);
    },
  });
}

export const linearLogProbsCases: readonly BenchCase[] = [512, 8192].flatMap((vocabulary) => [
  logProbsCase(vocabulary, false),
  logProbsCase(vocabulary, true),
]);
