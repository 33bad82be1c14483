import { type CompiledStep, compile, Tensor } from '@dawngrad/tensor';
import type { DecoderModel } from '../decoder/decoder-model.ts';
import { DecodeState, type Drawn } from './decode-state.ts';
import { type DecodeSettings, decodeStep } from './decode-step.ts';
import { type CacheDType, KvCache } from './kv-cache.ts';
import type { Sequence } from './sequence.ts';

export interface DecodeSessionOptions {
  readonly slots: number;
  /** Rows that a slot of the cache holds. */
  readonly capacity: number;
  /** Most steps between two readbacks. */
  readonly blockSteps: number;
  readonly cacheDType: CacheDType;
  readonly settings: DecodeSettings;
}

/**
 * Some slots that are decoded together. The step is recorded once for a number of slots and replayed: nothing
 * in it depends on how far the sequences are, and a replay makes no buffer and no bind group. Its tensors
 * belong to the scope that it is made in; `dispose` ends what is recorded.
 */
export class DecodeSession {
  readonly cache: KvCache;
  readonly #model: DecoderModel;
  readonly #options: DecodeSessionOptions;
  #state: DecodeState;
  #step: CompiledStep<[], void>;

  constructor(model: DecoderModel, options: DecodeSessionOptions) {
    this.#model = model;
    this.#options = options;
    this.cache = new KvCache(model, options.slots, options.capacity, options.cacheDType);
    this.#state = new DecodeState(model.device, options.slots, options.blockSteps);
    this.#step = this.#compiled();
  }

  /** Keeps the slots that `kept` names, as slots 0, 1, ...; for another number of slots the step is recorded anew. */
  compact(kept: Uint32Array): void {
    const { device } = this.#model;
    // The recording holds the buffers of the old cache.
    this.#step.dispose();
    this.#state.dispose();
    const index = Tensor.from(device, kept, [kept.length], 'u32', 'models/kv-cache/kept');
    this.cache.compact(index);
    index.dispose();
    this.#state = new DecodeState(device, kept.length, this.#options.blockSteps);
    this.#step = this.#compiled();
  }

  /** Decodes `steps` tokens of each sequence and reads them back: one submit. */
  async decode(sequences: readonly (Sequence | undefined)[], steps: number): Promise<Drawn> {
    this.#state.write(sequences);
    for (let step = 0; step < steps; step++) this.#step();
    return this.#state.read(steps);
  }

  dispose(): void {
    this.#step.dispose();
  }

  #compiled(): CompiledStep<[], void> {
    return compile(this.#model.device, () => {
      decodeStep(this.#model, this.cache, this.#state, this.#options.settings);
    });
  }
}
