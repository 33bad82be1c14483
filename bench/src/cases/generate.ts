import { type DecoderConfig, DecoderModel, generate } from '@dawngrad/models';
import type { BenchCase } from '../bench-case.ts';
import { idValues } from '../values.ts';
import { describeLlama, LARGER_LLAMA, linearParameters, llamaParams, SMALL_LLAMA } from './llama-sizes.ts';

const PROMPT = 16;

/** Sampling `completion` tokens for each of `sequences`, with a cache of keys and values. */
function generateCase(config: DecoderConfig, sequences: number, completion: number, isQuick = false): BenchCase {
  const tokens = sequences * completion;
  const samples = Math.min(8, sequences);
  const weights = linearParameters(config) + config.vocabSize * config.hiddenSize;
  const cacheRow = 2 * config.numHiddenLayers * config.numKeyValueHeads * config.headDim;
  const meanLength = PROMPT + completion / 2;
  return {
    name: `generate ${describeLlama(config)} B${sequences} prompt ${PROMPT} new ${completion}`,
    params: { ...llamaParams(config), sequences, prompt: PROMPT, completion },
    isQuick,
    work: {
      flops:
        2 * tokens * weights +
        4 * tokens * meanLength * config.numHiddenLayers * config.numAttentionHeads * config.headDim,
      // Every step reads all weights once and the cache of every sequence.
      bytes: 4 * (completion * weights + tokens * meanLength * cacheRow),
      tokens,
    },
    prepare: (device) => {
      const model = DecoderModel.create(device, config, { trainable: false, maxPositions: PROMPT + completion });
      model.initialise(1);
      const requests = Array.from({ length: sequences / samples }, (_, i) => ({
        promptIds: idValues(PROMPT, config.vocabSize, i + 1),
        samples,
        firstSampleId: i * samples,
      }));
      const settings = { temperature: 1, topK: 0, topP: 1, minP: 0 };
      return {
        run: async () => {
          await generate(model, requests, { maxNewTokens: completion, settings, seed: 1, stream: 1, stopIds: [] });
        },
        dispose: () => model.dispose(),
      };
    },
  };
}

export const generateCases: readonly BenchCase[] = [
  ...[1, 8, 64].map((sequences) => generateCase(SMALL_LLAMA, sequences, 32, sequences === 8)),
  ...[1, 4, 16].map((sequences) => generateCase(LARGER_LLAMA, sequences, 32)),
];
