import {
  type DecoderConfig,
  DecoderModel,
  generate,
  memoryFiles,
  WeightIndex,
  weightSpecs,
  writeSafetensors,
} from '@dawngrad/models';
import { type Device, sizeOf } from '@dawngrad/tensor';
import type { BenchCase } from '../bench-case.ts';
import { idValues, uniformValues } from '../values.ts';
import { describeLlama, linearParameters, llamaParams, ONE_QWEN_LAYER, STORIES_LLAMA } from './llama-sizes.ts';

const PROMPT = 16;
const COMPLETION = 32;
const SAMPLING = {
  settings: { temperature: 1, topK: 0, topP: 1, minP: 0 },
  seed: 1,
  stream: 1,
  stopIds: [],
} as const;

type Format = 'f32' | 'bf16' | 'q8_0' | 'q4_0';

/** Bytes of a weight of the blocks, scales included, and of the output matrix, which is never quantised. */
const BYTES: Readonly<Record<Format, readonly [block: number, output: number]>> = {
  f32: [4, 4],
  bf16: [2, 2],
  q8_0: [34 / 32, 2],
  q4_0: [18 / 32, 2],
};

interface Size {
  readonly config: DecoderConfig;
  readonly format: Format;
}

/** Bytes of the weights that a step reads. */
function weightBytes({ config, format }: Size): number {
  const [block, output] = BYTES[format];
  return block * linearParameters(config) + output * config.vocabSize * config.hiddenSize;
}

/** Sampling `COMPLETION` tokens for each of `sequences`, of prompts of which each has up to eight. */
function decodeCase(size: Size, sequences: number, isQuick = false): BenchCase {
  const { config, format } = size;
  const tokens = sequences * COMPLETION;
  const samples = Math.min(8, sequences);
  const weights = linearParameters(config) + config.vocabSize * config.hiddenSize;
  const cacheRow = 8 * config.numHiddenLayers * config.numKeyValueHeads * config.headDim;
  const meanLength = PROMPT + COMPLETION / 2;
  const requests = Array.from({ length: sequences / samples }, (_, i) => ({
    promptIds: idValues(PROMPT, config.vocabSize, i + 1),
    samples,
    firstSampleId: i * samples,
  }));
  return {
    name: `decode ${describeLlama(config)} ${format} B${sequences}`,
    params: {
      ...llamaParams(config),
      ...{ format, sequences, prompt: PROMPT, completion: COMPLETION, weight_bytes: weightBytes(size) },
    },
    isQuick,
    work: {
      flops:
        2 * tokens * weights +
        4 * tokens * meanLength * config.numHiddenLayers * config.numAttentionHeads * config.headDim,
      // Every step reads all weights once and the cache of every sequence.
      bytes: COMPLETION * weightBytes(size) + tokens * meanLength * cacheRow,
      tokens,
    },
    prepare: (device) =>
      withModel(device, size, async (model) => {
        await generate(model, requests, { ...SAMPLING, maxNewTokens: COMPLETION });
      }),
  };
}

/** Reading a prompt of `rows` tokens, up to the first token of its completion. */
function prefillCase(size: Size, rows: number): BenchCase {
  const { config, format } = size;
  const weights = linearParameters(config);
  const attention = 2 * rows * rows * config.numHiddenLayers * config.numAttentionHeads * config.headDim;
  const activations = 4 * rows * config.numHiddenLayers * (8 * config.hiddenSize + 4 * config.intermediateSize);
  const request = { promptIds: idValues(rows, config.vocabSize, 1), samples: 1, firstSampleId: 0 };
  return {
    name: `prefill ${describeLlama(config)} ${format} N${rows}`,
    params: { ...llamaParams(config), format, prompt: rows, weight_bytes: weightBytes(size) },
    work: { flops: 2 * rows * weights + attention, bytes: weightBytes(size) + activations, tokens: rows },
    prepare: (device) =>
      withModel(device, size, async (model) => {
        await generate(model, [request], { ...SAMPLING, maxNewTokens: 1 });
      }),
  };
}

/** Runs with a model that the first run loads. */
function withModel(device: Device, { config, format }: Size, run: (model: DecoderModel) => Promise<void>) {
  let model: DecoderModel | undefined;
  return {
    run: async () => {
      model ??= await DecoderModel.load(device, await randomCheckpoint(config), { trainable: false, format });
      await run(model);
    },
    dispose: () => model?.dispose(),
  };
}

/** A checkpoint in bf16 in memory: small random matrices, norms of 1. */
async function randomCheckpoint(config: DecoderConfig) {
  const tensors = weightSpecs(config).map(({ name, shape }, index) => ({
    name,
    shape,
    dtype: 'BF16' as const,
    read: async () =>
      shape.length === 1
        ? new Float32Array(sizeOf(shape)).fill(1)
        : uniformValues(sizeOf(shape), index).map((value) => value / Math.sqrt(shape[1]!)),
  }));
  const parts: Uint8Array[] = [];
  await writeSafetensors({ write: async (bytes) => void parts.push(bytes.slice()) }, tensors);
  const files = memoryFiles('bench', new Map([['model.safetensors', new Uint8Array(Buffer.concat(parts))]]));
  return { config, weights: await WeightIndex.open(files) };
}

const BATCHES = [1, 4, 16, 64] as const;

export const generateCases: readonly BenchCase[] = [
  ...BATCHES.map((sequences) => decodeCase({ config: STORIES_LLAMA, format: 'f32' }, sequences, sequences === 16)),
  ...(['f32', 'bf16', 'q8_0'] as const).flatMap((format) =>
    BATCHES.map((sequences) => decodeCase({ config: ONE_QWEN_LAYER, format }, sequences)),
  ),
  prefillCase({ config: STORIES_LLAMA, format: 'f32' }, 512),
  prefillCase({ config: ONE_QWEN_LAYER, format: 'bf16' }, 512),
];
