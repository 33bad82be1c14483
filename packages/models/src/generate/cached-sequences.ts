import { scopeAsync, Tensor } from '@dawngrad/tensor';
import type { DecoderModel } from '../decoder/decoder-model.ts';
import { KvCache } from './kv-cache.ts';
import { type BatchPlan, planBatches } from './plan-batches.ts';
import { PromptCache } from './prompt-cache.ts';

/** Rows of one slot that another takes over: positions first ... first + count - 1. */
export interface RowCopy {
  readonly from: number;
  readonly to: number;
  readonly first: number;
  readonly count: number;
}

/**
 * Sequences whose keys and values are on the device, for a caller that decides from token to token what each of
 * them goes on with, and may try several continuations of one. A slot holds one sequence. Tensors belong to the
 * scope that it is made in. Nothing here is seen by autograd.
 */
export class CachedSequences {
  readonly slots: number;
  readonly #model: DecoderModel;
  readonly #cache: KvCache;

  /** `capacity` is the most tokens of a sequence. Keys and values are kept in f32. */
  constructor(model: DecoderModel, slots: number, capacity: number) {
    this.#model = model;
    this.slots = slots;
    this.#cache = new KvCache(model, slots, capacity, 'f32');
  }

  /** How many slots of so many tokens fit beside what is there, of `wanted`. Throws ToolError 'limit' where none does. */
  static plan(model: DecoderModel, wanted: number, capacity: number): BatchPlan {
    return planBatches(model, { samples: wanted, capacity, wantedSlots: undefined, cacheDType: 'f32' });
  }

  /**
   * Puts all tokens of a prompt into each slot: slot i has prompt `promptOf[i]`, which never falls from slot to
   * slot. A forward for all prompts.
   */
  async start(prompts: readonly Uint32Array[], promptOf: readonly number[]): Promise<void> {
    // The cache of prompts leaves their last token to the decoding; here none is left.
    const padded = prompts.map((prompt) => Uint32Array.from([...prompt, 0]));
    const rows = padded.reduce((sum, { length }) => sum + length, 0);
    await scopeAsync(async () => {
      const cache = new PromptCache(this.#model, padded, { adapters: true, maxRows: rows, shouldStop: () => false });
      await cache.admit(
        this.#cache,
        promptOf.map((request, slot) => ({ request, slot })),
      );
      cache.dispose();
    });
  }

  /**
   * Takes in a token a slot and returns the hidden states after it, [slots, D].
   *
   * @param ids u32 [slots]
   * @param lengths tokens of each slot with the new one; 0 leaves a slot as it is, and its row means nothing
   */
  step(ids: Tensor, lengths: Uint32Array): Tensor {
    const model = this.#model;
    const rows = Tensor.from(model.device, lengths, [this.slots], 'u32', 'models/cached-sequences/lengths');
    let x = model.embed(ids);
    for (let layer = 0; layer < model.config.numHiddenLayers; layer++) {
      x = model.block(layer, x, (qkv) => this.#cache.attend(layer, qkv, rows), true);
    }
    return model.finalNorm(x);
  }

  /** Gives slots the rows of others, so that they go on from there. An exact copy; four launches a layer. */
  copyRows(copies: readonly RowCopy[]): void {
    const all = copies.flatMap(({ from, to, first, count }) =>
      Array.from({ length: count }, (_, i) => ({ from, to, position: first + i })),
    );
    if (all.length > 0) this.#cache.copyRows(all);
  }
}
