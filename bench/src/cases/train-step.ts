import { Adamw, accumulateGradients } from '@dawngrad/autograd';
import { type LlamaConfig, LlamaModel, packSequences, tokenLogProbs } from '@dawngrad/models';
import { affine, mean } from '@dawngrad/tensor';
import type { BenchCase } from '../bench-case.ts';
import { idValues } from '../values.ts';
import { describeLlama, LARGER_LLAMA, linearParameters, SMALL_LLAMA } from './llama-sizes.ts';

/** Forward, backward, clipping and AdamW of a whole Llama on packed sequences; the loss is read back. */
function trainStep(config: LlamaConfig, sequences: number, tokens: number): BenchCase {
  const rows = sequences * tokens;
  const { vocabSize, hiddenSize, numHiddenLayers, numAttentionHeads, headDim } = config;
  const linears = linearParameters(config);
  const parameters = linears + vocabSize * hiddenSize;
  return {
    name: `train step ${describeLlama(config)} B${sequences} T${tokens}`,
    work: {
      // Linears forward and both gradients; logits twice and both gradients; attention as in its own row.
      flops:
        6 * rows * linears +
        8 * rows * vocabSize * hiddenSize +
        7 * numHiddenLayers * rows * (tokens + 1) * numAttentionHeads * headDim,
      bytes: 4 * 9 * parameters,
      tokens: rows,
    },
    prepare: (device) => {
      const model = LlamaModel.create(device, config, { trainable: true, maxPositions: tokens });
      model.initialise(1);
      const optimizer = new Adamw(model.base, { weightDecay: 0.1, maxNorm: 1 });
      const batch = Array.from({ length: sequences }, (_, i) => idValues(tokens, vocabSize, i + 1));
      return {
        record: () => {
          const { loss } = accumulateGradients([model.base], () => ({
            loss: affine(mean(tokenLogProbs(model, packSequences(device, batch)).logp), -1, 0),
          }));
          optimizer.step(1e-3);
          return [loss];
        },
        dispose: () => {
          optimizer.dispose();
          model.dispose();
        },
      };
    },
  };
}

export const trainStepCases: readonly BenchCase[] = [trainStep(SMALL_LLAMA, 64, 44), trainStep(LARGER_LLAMA, 4, 128)];
