import { type HostArray, readAll, type SampleSettings, scopeAsync, Tensor, ToolError } from '@dawngrad/tensor';
import type { DecoderModel } from '../decoder/decoder-model.ts';
import { uploadSchedule } from './decode-schedule.ts';
import { type DecodeSettings, decodeStep } from './decode-step.ts';
import { KvCache } from './kv-cache.ts';
import { type BatchPlan, planBatches } from './plan-batches.ts';
import { type Placement, PromptCache } from './prompt-cache.ts';
import { type GeneratedSample, Sequence } from './sequence.ts';

export type { GeneratedSample } from './sequence.ts';

/** Steps between two readbacks without an environment. */
const BLOCK_STEPS = 8;
/** Finished slots are refilled once they are this share of all: a refill costs launches of its own. */
const REFILL_SHARE = 1 / 16;
/** A batch of no more slots is not worth shrinking. */
const FEW_SLOTS = 8;

/** A prompt to be completed `samples` times. */
export interface GenerateRequest {
  readonly promptIds: Uint32Array;
  readonly samples: number;
  /** Sample j has the row id firstSampleId + j: its random draws depend on that, the seed and the stream alone. */
  readonly firstSampleId: number;
}

export interface GenerateOptions {
  readonly maxNewTokens: number;
  readonly settings: SampleSettings;
  readonly seed: number;
  readonly stream: number;
  readonly stopIds: readonly number[];
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
   * Decode steps between two readbacks. Default 8, or 1 with an environment. Results are the same for any
   * value; what was decoded past a stop token or a forced token is thrown away.
   */
  readonly blockSteps?: number;
  /** Called after each readback: samples finished, samples in all, tokens so far. */
  readonly onProgress?: (done: number, total: number, tokens: number) => void;
  /** Asked after each readback; once true, only the samples that are finished are returned. */
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
  const longestPrompt = Math.max(...requests.map((request) => request.promptIds.length));
  // The last token of a sequence is never an input, so it needs no row.
  const capacity = longestPrompt + options.maxNewTokens - 1;
  const plan = planBatches(model, total, capacity, options.slots);
  return scopeAsync(async () => {
    const run = new Run(model, requests, options, plan, capacity);
    let tokens = 0;
    while (options.shouldStop?.() !== true && run.prepare()) {
      tokens += await run.decode();
      options.onProgress?.(run.finished.length, total, tokens);
    }
    return run.finished.sort((a, b) => a.request - b.request || a.sample - b.sample);
  });
}

/** The state of one call of `generate`. */
class Run {
  readonly finished: GeneratedSample[] = [];
  readonly #model: DecoderModel;
  readonly #requests: readonly GenerateRequest[];
  readonly #options: GenerateOptions;
  readonly #settings: DecodeSettings;
  readonly #cache: KvCache;
  readonly #prompts: PromptCache;
  readonly #stopIds: ReadonlySet<number>;
  #sequences: (Sequence | undefined)[];
  /** The next sample to start. */
  #request = 0;
  #sample = 0;

  /** Its tensors belong to the open scope. */
  constructor(
    model: DecoderModel,
    requests: readonly GenerateRequest[],
    options: GenerateOptions,
    plan: BatchPlan,
    capacity: number,
  ) {
    const adapters = options.adapters ?? true;
    this.#model = model;
    this.#requests = requests;
    this.#options = options;
    this.#settings = { sampling: options.settings, random: { seed: options.seed, stream: options.stream }, adapters };
    this.#cache = new KvCache(model, plan.slots, capacity);
    this.#stopIds = new Set(options.stopIds);
    this.#prompts = new PromptCache(
      model,
      requests.map((request) => request.promptIds),
      adapters,
      plan.promptRows,
    );
    this.#sequences = new Array<Sequence | undefined>(plan.slots).fill(undefined);
  }

  /** Starts waiting samples in free slots, or drops slots that stay free. False once nothing is left to decode. */
  prepare(): boolean {
    const idle = this.#sequences.filter((sequence) => sequence === undefined).length;
    if (idle >= REFILL_SHARE * this.#sequences.length) this.#refill();
    const active = this.#sequences.filter((sequence) => sequence !== undefined).length;
    if (active === 0) return false;
    if (this.#isWaiting()) return true;
    // Only by halves: a few sizes come back in each generation, and with them the same buffers and bind groups.
    let wanted = this.#sequences.length;
    while (wanted > FEW_SLOTS && active <= Math.ceil(wanted / 2)) wanted = Math.ceil(wanted / 2);
    if (wanted < this.#sequences.length) this.#compact(wanted);
    return true;
  }

  /** Decodes a block of steps and reads it back. Returns how many tokens were kept. */
  async decode(): Promise<number> {
    const { environment, blockSteps = environment === undefined ? BLOCK_STEPS : 1 } = this.#options;
    const longest = Math.max(...this.#sequences.map((sequence) => sequence?.remaining ?? 0));
    const steps = Math.min(blockSteps, longest);
    const drawn = await scopeAsync(async () => {
      const outputs: Tensor[] = [];
      for (const inputs of uploadSchedule(this.#model.device, this.#sequences, steps)) {
        const ids = outputs.at(-2) ?? inputs.ids;
        const { tokens, logps } = decodeStep(this.#model, this.#cache, { ...inputs, ids }, this.#settings);
        outputs.push(tokens, logps);
      }
      return readAll(outputs);
    });
    let kept = 0;
    this.#sequences.forEach((sequence, slot) => {
      if (sequence === undefined) return;
      const before = sequence.length;
      const finish = this.#take(sequence, slot, drawn, steps);
      kept += sequence.length - before;
      if (finish === undefined) return;
      this.finished.push(sequence.finish(finish));
      this.#sequences[slot] = undefined;
    });
    return kept;
  }

  /** Adds what a slot has drawn to its sequence, up to its end or to where the environment disagrees. */
  #take(
    sequence: Sequence,
    slot: number,
    drawn: readonly HostArray[],
    steps: number,
  ): GeneratedSample['finish'] | undefined {
    for (let step = 0; step < steps; step++) {
      const token = drawn[2 * step]![slot]!;
      const forced = this.#options.environment?.(sequence.tokens, sequence.length);
      if (forced === undefined) sequence.push(token, drawn[2 * step + 1]![slot]!, false);
      else sequence.push(this.#checkedId(forced), 0, true);
      if (this.#stopIds.has(forced ?? token)) return 'stop';
      if (sequence.remaining === 0) return 'length';
      // Later steps of the block have seen the token that was drawn.
      if (forced !== undefined && forced !== token) return undefined;
    }
    return undefined;
  }

  #isWaiting(): boolean {
    return this.#request < this.#requests.length;
  }

  #refill(): void {
    const placements: Placement[] = [];
    this.#skipFinishedRequests();
    for (let slot = 0; slot < this.#sequences.length && this.#isWaiting(); slot++) {
      if (this.#sequences[slot] !== undefined) continue;
      const { promptIds, firstSampleId } = this.#requests[this.#request]!;
      const rowId = firstSampleId + this.#sample;
      const { maxNewTokens } = this.#options;
      this.#sequences[slot] = new Sequence(this.#request, this.#sample, rowId, promptIds, maxNewTokens);
      placements.push({ request: this.#request, slot });
      this.#sample++;
      this.#skipFinishedRequests();
    }
    this.#prompts.admit(this.#cache, placements);
    if (!this.#isWaiting()) this.#prompts.dispose();
  }

  #skipFinishedRequests(): void {
    while (this.#isWaiting() && this.#sample >= this.#requests[this.#request]!.samples) {
      this.#request++;
      this.#sample = 0;
    }
  }

  #compact(slots: number): void {
    const kept = this.#sequences.flatMap((sequence, slot) => (sequence === undefined ? [] : [slot]));
    this.#sequences = Array.from({ length: slots }, (_, i) => {
      const slot = kept[i];
      return slot === undefined ? undefined : this.#sequences[slot];
    });
    // Surplus slots may hold anything: they are idle until the end.
    const ids = Uint32Array.from({ length: slots }, (_, i) => kept[i] ?? 0);
    const index = Tensor.from(this.#model.device, ids, [slots], 'u32', 'models/kv-cache/kept');
    this.#cache.compact(index);
    index.dispose();
  }

  #checkedId(id: number): number {
    const { vocabSize } = this.#model.config;
    if (Number.isInteger(id) && id >= 0 && id < vocabSize) return id;
    throw new ToolError('config', {
      op: 'generate',
      expected: `a token of the environment from 0 to ${vocabSize - 1}`,
      got: `${id}`,
    });
  }
}

function check(model: DecoderModel, requests: readonly GenerateRequest[], options: GenerateOptions): void {
  const refuse = (expected: string, got: string): never => {
    throw new ToolError('config', { op: 'generate', expected, got });
  };
  const { vocabSize } = model.config;
  for (const [name, value] of Object.entries({
    maxNewTokens: options.maxNewTokens,
    slots: options.slots ?? 1,
    blockSteps: options.blockSteps ?? 1,
  })) {
    if (!Number.isInteger(value) || value < 1) refuse(`${name} of at least 1`, `${value}`);
  }
  requests.forEach(({ promptIds, samples }, index) => {
    if (!Number.isInteger(samples) || samples < 0) refuse(`a number of samples in request ${index}`, `${samples}`);
    const room = model.maxPositions - options.maxNewTokens;
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
