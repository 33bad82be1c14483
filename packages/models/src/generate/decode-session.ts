import { type CompiledStep, compile, type Device, Tensor } from '@dawngrad/tensor';
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
  #history: TokenRecord | undefined;
  #step: CompiledStep<[], void>;

  constructor(model: DecoderModel, options: DecodeSessionOptions) {
    this.#model = model;
    this.#options = options;
    this.cache = new KvCache(model, options.slots, options.capacity, options.cacheDType);
    this.#state = new DecodeState(model.device, options.slots, options.blockSteps);
    this.#history = this.#newHistory(options.slots);
    this.#step = this.#compiled();
  }

  /** Keeps the slots that `kept` names, as slots 0, 1, ...; for another number of slots the step is recorded anew. */
  compact(kept: Uint32Array): void {
    const { device } = this.#model;
    // The recording holds the buffers of the old cache.
    this.#step.dispose();
    this.#state.dispose();
    this.#history?.tokens.dispose();
    const index = Tensor.from(device, kept, [kept.length], 'u32', 'models/kv-cache/kept');
    this.cache.compact(index);
    index.dispose();
    this.#state = new DecodeState(device, kept.length, this.#options.blockSteps);
    this.#history = this.#newHistory(kept.length);
    this.#step = this.#compiled();
  }

  /** Decodes `steps` tokens of each sequence and reads them back: one submit. */
  async decode(sequences: readonly (Sequence | undefined)[], steps: number): Promise<Drawn> {
    this.#state.write(sequences);
    this.#history?.write(sequences);
    for (let step = 0; step < steps; step++) this.#step();
    return this.#state.read(steps);
  }

  dispose(): void {
    this.#step.dispose();
  }

  #compiled(): CompiledStep<[], void> {
    return compile(this.#model.device, () => {
      decodeStep(this.#model, this.cache, this.#state, this.#options.settings, this.#history?.tokens);
    });
  }

  /** Only a repetition penalty looks at it. */
  #newHistory(slots: number): TokenRecord | undefined {
    const { settings, capacity } = this.#options;
    const isPenalised = (settings.sampling.repetitionPenalty ?? 1) !== 1;
    return isPenalised ? new TokenRecord(this.#model.device, slots, capacity) : undefined;
  }
}

/** The tokens of all slots on the device. Steps add theirs; the host writes those that a sequence begins with. */
class TokenRecord {
  /** u32 [slots, capacity]. */
  readonly tokens: Tensor;
  readonly #capacity: number;
  readonly #written: (Sequence | undefined)[] = [];

  constructor(device: Device, slots: number, capacity: number) {
    this.#capacity = capacity;
    // From the host, so that its buffer is one that no waiting launch uses.
    const zeros = new Uint32Array(slots * capacity);
    this.tokens = Tensor.from(device, zeros, [slots, capacity], 'u32', 'models/decode/history');
  }

  /** Writes the tokens of sequences that are new in their slots. Nothing that uses the record may be waiting. */
  write(sequences: readonly (Sequence | undefined)[]): void {
    const { device, storage } = this.tokens;
    sequences.forEach((sequence, slot) => {
      if (sequence === undefined || sequence === this.#written[slot]) return;
      this.#written[slot] = sequence;
      device.write(storage, 4 * slot * this.#capacity, sequence.tokens.subarray(0, sequence.length));
    });
  }
}
