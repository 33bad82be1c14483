import { grad } from '@dawngrad/autograd';
import { linearLogProbs, mean } from '@dawngrad/tensor';
import type { BenchCase } from '../bench-case.ts';
import { disposeAll, idTensor, randomTensor } from '../values.ts';

const [ROWS, WIDTH] = [8192, 64];

function logProbsCase(vocabulary: number, isTraining: boolean): BenchCase {
  const product = 2 * ROWS * vocabulary * WIDTH;
  const operands = 4 * WIDTH * (ROWS + vocabulary);
  return {
    name: `linear-log-probs ${isTraining ? 'forward+backward' : 'forward'} N${ROWS} V${vocabulary} D${WIDTH}`,
    // Training computes the logits a second time, then the gradients by the hidden states and the weight.
    work: { flops: product * (isTraining ? 4 : 1), bytes: operands * (isTraining ? 3 : 1) },
    prepare: (device) => {
      const hidden = randomTensor(device, [ROWS, WIDTH], 1);
      const weight = randomTensor(device, [vocabulary, WIDTH], 2);
      const targets = idTensor(device, ROWS, vocabulary, 3);
      return {
        record: () => {
          if (isTraining) grad(() => mean(linearLogProbs(hidden, weight, targets).logp), [hidden, weight]);
          else linearLogProbs(hidden, weight, targets);
          return [];
        },
        dispose: disposeAll([hidden, weight, targets]),
      };
    },
  };
}

export const linearLogProbsCases: readonly BenchCase[] = [512, 8192].flatMap((vocabulary) => [
  logProbsCase(vocabulary, false),
  logProbsCase(vocabulary, true),
]);
