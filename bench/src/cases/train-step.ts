import { Adamw, accumulateGradients } from '@dawngrad/autograd';
import { type DecoderConfig, DecoderModel, packSequences, tokenLogProbs } from '@dawngrad/models';
import { affine, mean, readScalar, scopeAsync } from '@dawngrad/tensor';
import type { BenchCase } from '../bench-case.ts';
import { describeGpt, GPT_SIZES, type GptSize, gptFlops } from '../gpt/gpt-size.ts';
import { GptStep } from '../gpt/gpt-step.ts';
import { idValues } from '../values.ts';
import { describeLlama, LARGER_LLAMA, linearParameters, llamaParams, SMALL_LLAMA } from './llama-sizes.ts';

/** Forward, backward, clipping and AdamW of a whole Llama on packed sequences; the loss is read back. */
function llamaStep(config: DecoderConfig, sequences: number, tokens: number): BenchCase {
  const rows = sequences * tokens;
  const { vocabSize, hiddenSize, numHiddenLayers, numAttentionHeads, headDim } = config;
  const linears = linearParameters(config);
  const parameters = linears + vocabSize * hiddenSize;
  return {
    name: `llama step ${describeLlama(config)} B${sequences} T${tokens}`,
    params: { ...llamaParams(config), sequences, tokens },
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
      const model = DecoderModel.create(device, config, { trainable: true, maxPositions: tokens });
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

type GptMode = 'compiled' | 'compiled without fusion' | 'eager';

/** The step that is compared with peers; the loss is read back. */
function gptStep(size: GptSize, mode: GptMode): BenchCase {
  return {
    name: `${describeGpt(size)}, ${mode}`,
    params: { ...size, mode },
    work: { flops: gptFlops(size), bytes: 0, tokens: size.sequences * size.tokens },
    prepare: (device) => {
      const step = new GptStep(device, size, { fusion: mode !== 'compiled without fusion' });
      return {
        run: () =>
          scopeAsync(async () => {
            await readScalar(mode === 'eager' ? step.recordEager() : step.recordPlanned());
          }),
        dispose: () => step.dispose(),
      };
    },
    isQuick: size === GPT_SIZES[0],
  };
}

export const trainStepCases: readonly BenchCase[] = [
  ...GPT_SIZES.flatMap((size) =>
    (['compiled', 'compiled without fusion', 'eager'] as const).map((mode) => gptStep(size, mode)),
  ),
  llamaStep(SMALL_LLAMA, 64, 44),
  llamaStep(LARGER_LLAMA, 4, 128),
];
