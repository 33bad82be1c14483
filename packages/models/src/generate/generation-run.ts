import { ToolError } from '@dawngrad/tensor';
import type { DecoderModel } from '../decoder/decoder-model.ts';
import { CompletionText } from './completion-text.ts';
import { DecodeSession } from './decode-session.ts';
import type { Drawn } from './decode-state.ts';
import type { GenerateOptions, GenerateRequest } from './generate.ts';
import { type BatchPlan, planBatches } from './plan-batches.ts';
import { type Placement, PromptCache } from './prompt-cache.ts';
import { type FinishReason, type GeneratedSample, Sequence } from './sequence.ts';

/** Most steps between two readbacks without an environment. */
const BLOCK_STEPS = 8;
/** Who watches the tokens come should not wait longer for the next ones, in milliseconds. */
const WATCHED_BLOCK_MS = 150;
/** Finished slots are refilled once they are this share of all: a refill costs launches of its own. */
const REFILL_SHARE = 1 / 16;
/** A batch of no more slots is not worth shrinking. */
const FEW_SLOTS = 8;

/** The state of one call of `generate`. Its tensors belong to the scope that it is made in. */
export class GenerationRun {
  readonly finished: GeneratedSample[] = [];
  readonly #model: DecoderModel;
  readonly #requests: readonly GenerateRequest[];
  readonly #options: GenerateOptions;
  readonly #session: DecodeSession;
  readonly #prompts: PromptCache;
  readonly #stopIds: ReadonlySet<number>;
  readonly #mostSteps: number;
  #sequences: (Sequence | undefined)[];
  /** The next sample to start. */
  #request = 0;
  #sample = 0;
  /** Milliseconds of a step of the last block. */
  #stepMs: number | undefined;

  /** There must be samples to make. */
  constructor(model: DecoderModel, requests: readonly GenerateRequest[], options: GenerateOptions) {
    const { adapters = true, environment, cacheDType = 'f32', maxNewTokens } = options;
    const asked = requests.filter(({ samples }) => samples > 0);
    // The last token of a sequence is never an input, so it needs no row.
    const capacity = Math.max(...asked.map(({ promptIds }) => promptIds.length)) + maxNewTokens - 1;
    const plan: BatchPlan = planBatches(model, {
      samples: asked.reduce((sum, { samples }) => sum + samples, 0),
      capacity,
      wantedSlots: options.slots,
      cacheDType,
    });
    this.#model = model;
    this.#requests = requests;
    this.#options = options;
    this.#stopIds = new Set(options.stopIds);
    this.#mostSteps = Math.min(maxNewTokens, options.blockSteps ?? (environment === undefined ? BLOCK_STEPS : 1));
    this.#session = new DecodeSession(model, {
      slots: plan.slots,
      capacity,
      blockSteps: this.#mostSteps,
      cacheDType,
      settings: {
        sampling: options.settings,
        random: { seed: options.seed, stream: options.stream },
        adapters,
      },
    });
    this.#prompts = new PromptCache(
      model,
      requests.map((request) => request.promptIds),
      { adapters, maxRows: plan.promptRows, shouldStop: () => this.shouldStop },
    );
    this.#sequences = new Array<Sequence | undefined>(plan.slots).fill(undefined);
  }

  get shouldStop(): boolean {
    return this.#options.shouldStop?.() === true;
  }

  /** Starts waiting samples in free slots, or drops slots that stay free. False once nothing is left to decode. */
  async prepare(): Promise<boolean> {
    const idle = this.#sequences.filter((sequence) => sequence === undefined).length;
    if (idle >= REFILL_SHARE * this.#sequences.length && !(await this.#refill())) return false;
    const active = this.#sequences.filter((sequence) => sequence !== undefined).length;
    if (active === 0) return false;
    if (this.#isWaiting()) return true;
    // Only by halves: a few sizes come back in each generation, and with them the same buffers.
    let wanted = this.#sequences.length;
    while (wanted > FEW_SLOTS && active <= Math.ceil(wanted / 2)) wanted = Math.ceil(wanted / 2);
    if (wanted < this.#sequences.length) this.#compact(wanted);
    return true;
  }

  /** Decodes a block of steps and reads it back. Returns how many tokens were kept. */
  async decode(): Promise<number> {
    const longest = Math.max(...this.#sequences.map((sequence) => sequence?.remaining ?? 0));
    const steps = Math.min(this.#blockSteps(), longest);
    const startMs = performance.now();
    const drawn = await this.#session.decode(this.#sequences, steps);
    this.#stepMs = (performance.now() - startMs) / steps;
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

  /** Ends what was recorded. */
  dispose(): void {
    this.#session.dispose();
  }

  /** Results are the same for any number of steps, so it may follow the clock. */
  #blockSteps(): number {
    const { blockSteps, onToken } = this.#options;
    if (blockSteps !== undefined || onToken === undefined) return this.#mostSteps;
    // The first token comes by itself: it waited for the prompt already.
    if (this.#stepMs === undefined) return 1;
    return Math.max(1, Math.min(this.#mostSteps, Math.floor(WATCHED_BLOCK_MS / this.#stepMs)));
  }

  /** Adds what a slot has drawn to its sequence, up to its end or to where the environment disagrees. */
  #take(sequence: Sequence, slot: number, drawn: Drawn, steps: number): FinishReason | undefined {
    const { environment, onToken } = this.#options;
    for (let step = 0; step < steps; step++) {
      const token = drawn.token(step, slot);
      const forced = environment?.(sequence.tokens, sequence.length);
      const added =
        forced === undefined
          ? sequence.push(token, drawn.logp(step, slot), false, this.#stopIds)
          : sequence.push(this.#checkedId(forced), 0, true, this.#stopIds);
      onToken?.(added);
      if (added.finish !== undefined) return added.finish;
      // Later steps of the block have seen the token that was drawn.
      if (added.id !== token) return undefined;
    }
    return undefined;
  }

  #isWaiting(): boolean {
    return this.#request < this.#requests.length;
  }

  /** False where it was asked to stop. */
  async #refill(): Promise<boolean> {
    const placements: Placement[] = [];
    const { maxNewTokens, text } = this.#options;
    this.#skipFinishedRequests();
    for (let slot = 0; slot < this.#sequences.length && this.#isWaiting(); slot++) {
      if (this.#sequences[slot] !== undefined) continue;
      const { promptIds, firstSampleId } = this.#requests[this.#request]!;
      this.#sequences[slot] = new Sequence({
        request: this.#request,
        sample: this.#sample,
        rowId: firstSampleId + this.#sample,
        prompt: promptIds,
        maxNewTokens,
        text: text && new CompletionText(text.decoder(), text.stops ?? []),
      });
      placements.push({ request: this.#request, slot });
      this.#sample++;
      this.#skipFinishedRequests();
    }
    const isDone = await this.#prompts.admit(this.#session.cache, placements);
    if (!this.#isWaiting()) this.#prompts.dispose();
    return isDone;
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
    this.#session.compact(Uint32Array.from({ length: slots }, (_, i) => kept[i] ?? 0));
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
