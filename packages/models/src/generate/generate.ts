import { type SampleSettings, scopeAsync, ToolError } from '@dawngrad/tensor';
import type { DecoderModel } from '../decoder/decoder-model.ts';
import type { TextStream } from '../tokenizer/text-stream.ts';
import { GenerationRun } from './generation-run.ts';
import type { CacheDType } from './kv-cache.ts';
import type { GeneratedSample, GeneratedToken } from './sequence.ts';

export type { CacheDType } from './kv-cache.ts';
export type { FinishReason, GeneratedSample, GeneratedToken } from './sequence.ts';

/** A prompt to be completed `samples` times. */
export interface GenerateRequest {
  readonly promptIds: Uint32Array;
  readonly samples: number;
  /** Sample j has the row id firstSampleId + j: its random draws depend on that, the seed and the stream alone. */
  readonly firstSampleId: number;
}

/** How completions become text. */
export interface GenerateText {
  /** A decoder for one completion; `StreamingDecoder` of a tokenizer, or another. */
  readonly decoder: () => TextStream;
  /** A completion ends where its text holds one of them. None may be empty. */
  readonly stops?: readonly string[];
}

export interface GenerateOptions {
  readonly maxNewTokens: number;
  readonly settings: SampleSettings;
  readonly seed: number;
  readonly stream: number;
  /** A completion ends with the first of these tokens. */
  readonly stopIds: readonly number[];
  /** Makes text of completions, which stop strings need. Default: ids alone. */
  readonly text?: GenerateText;
  /**
   * The token that the environment writes after the first `length` of `tokens` (prompt and completion of
   * one sequence), or undefined where the model writes. It replaces the model's draw.
   */
  readonly environment?: (tokens: Uint32Array, length: number) => number | undefined;
  /** Use the LoRA adapters, if there are any. Default true. */
  readonly adapters?: boolean;
  /** Sequences at a time. Default: from the sizes and the memory budget. */
  readonly slots?: number;
  /**
   * Decode steps between two readbacks. Default 8, or 1 with an environment, and fewer with `onToken` where steps
   * are slow. Results are the same for any value; what was decoded past a stop or a forced token is thrown away.
   */
  readonly blockSteps?: number;
  /**
   * What keys and values are kept in. Default f32. In 16 bits the cache takes half the memory, and log-probabilities
   * are no longer those of the training path to the last digits.
   */
  readonly cacheDType?: CacheDType;
  /** Called with each token after the readback that brought it; those of a sample in order. */
  readonly onToken?: (token: GeneratedToken) => void;
  /** Called after each readback: samples finished, samples in all, tokens so far. */
  readonly onProgress?: (done: number, total: number, tokens: number) => void;
  /**
   * Asked after each readback, and between the layers of long prompts; once true, only the samples that are
   * finished are returned.
   */
  readonly shouldStop?: () => boolean;
}

/**
 * Completes prompts in batches: finished sequences make room for waiting ones, so `slots` bounds memory
 * and nothing else. A sample's tokens do not depend on what else is generated. Ordered by request, then
 * sample. Throws ToolError 'config' for prompts and settings that do not fit the model.
 */
export async function generate(
  model: DecoderModel,
  requests: readonly GenerateRequest[],
  options: GenerateOptions,
): Promise<GeneratedSample[]> {
  check(model, requests, options);
  const total = requests.reduce((sum, request) => sum + request.samples, 0);
  if (total === 0) return [];
  return scopeAsync(async () => {
    const run = new GenerationRun(model, requests, options);
    try {
      let tokens = 0;
      while (!run.shouldStop && (await run.prepare())) {
        tokens += await run.decode();
        options.onProgress?.(run.finished.length, total, tokens);
      }
    } finally {
      run.dispose();
    }
    return run.finished.sort((a, b) => a.request - b.request || a.sample - b.sample);
  });
}

function check(model: DecoderModel, requests: readonly GenerateRequest[], options: GenerateOptions): void {
  const refuse = (expected: string, got: string, hint?: string): never => {
    throw new ToolError('config', { op: 'generate', expected, got, ...(hint === undefined ? {} : { hint }) });
  };
  const { vocabSize } = model.config;
  for (const [name, value] of Object.entries({
    maxNewTokens: options.maxNewTokens,
    slots: options.slots ?? 1,
    blockSteps: options.blockSteps ?? 1,
  })) {
    if (!Number.isInteger(value) || value < 1) refuse(`${name} of at least 1`, `${value}`);
  }
  if (options.text?.stops?.includes('') === true) refuse('stop strings with text', 'an empty one');
  const room = model.maxPositions - options.maxNewTokens;
  if (room < 1) refuse(`fewer new tokens than the ${model.maxPositions} positions`, `${options.maxNewTokens}`);
  requests.forEach(({ promptIds, samples }, index) => {
    if (!Number.isInteger(samples) || samples < 0) refuse(`a number of samples in request ${index}`, `${samples}`);
    if (promptIds.length < 1 || promptIds.length > room) {
      refuse(
        `prompts of 1 to ${room} tokens (${model.maxPositions} positions less ${options.maxNewTokens} new tokens)`,
        `${promptIds.length} tokens in request ${index}`,
      );
    }
    const unknown = promptIds.find((id) => id >= vocabSize);
    if (unknown !== undefined) refuse(`prompt ids below ${vocabSize} in request ${index}`, `${unknown}`);
  });
}
