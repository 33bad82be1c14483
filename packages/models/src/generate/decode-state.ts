import { type Device, launchPlan, readAll, type Sampled, Tensor } from '@dawngrad/tensor';
import { DECODE_FIELDS, type DecodeField, planAdvance } from './decode-advance.wgsl.ts';
import type { Sequence } from './sequence.ts';

/** Words from one field to the next: a multiple of what WebGPU lets a binding start at (256 bytes). */
const ALIGNMENT_WORDS = 64;

/** What a block of steps has drawn. */
export interface Drawn {
  token(step: number, slot: number): number;
  logp(step: number, slot: number): number;
}

/**
 * Where each slot stands, on the device: a decode step reads it and moves it on, so that steps follow each
 * other without the host. Its tensors belong to the scope that it is made in.
 */
export class DecodeState {
  readonly slots: number;
  readonly #device: Device;
  readonly #stride: number;
  readonly #rows: number;
  readonly #words: Uint32Array<ArrayBuffer>;
  readonly #state: Tensor;
  readonly #drawn: Tensor;

  /** `rows` is the most steps between two calls of `write`. */
  constructor(device: Device, slots: number, rows: number) {
    this.slots = slots;
    this.#device = device;
    this.#stride = Math.ceil(slots / ALIGNMENT_WORDS) * ALIGNMENT_WORDS;
    this.#rows = rows;
    this.#words = new Uint32Array(DECODE_FIELDS.length * this.#stride);
    // From the host, so that its buffer is one that no waiting launch uses.
    this.#state = Tensor.from(device, this.#words, [this.#words.length], 'u32', 'models/decode/state');
    this.#drawn = Tensor.empty(device, [rows, 2, slots], 'u32', 'models/decode/drawn');
  }

  /** A field of all slots, u32 [slots]. */
  field(name: DecodeField): Tensor {
    return this.#state.view([this.slots], [1], DECODE_FIELDS.indexOf(name) * this.#stride);
  }

  /** Tells the device where the sequences stand. Nothing that uses the state may be waiting. */
  write(sequences: readonly (Sequence | undefined)[]): void {
    sequences.forEach((sequence, slot) => {
      const values: Record<DecodeField, number> =
        sequence === undefined
          ? { ids: 0, lengths: 0, rowIds: 0, steps: 0, ends: 0, firsts: 0 }
          : {
              ids: sequence.tokens[sequence.length - 1]!,
              lengths: sequence.length,
              rowIds: sequence.rowId,
              steps: sequence.completionLength,
              ends: sequence.tokens.length,
              firsts: sequence.completionLength,
            };
      DECODE_FIELDS.forEach((field, row) => {
        this.#words[row * this.#stride + slot] = values[field];
      });
    });
    this.#device.write(this.#state.storage, 0, this.#words);
  }

  /** Records that each slot has drawn: its token becomes the next input. One launch. */
  advance({ tokens, logps }: Sampled): void {
    launchPlan(planAdvance(this.slots, this.#stride, this.#rows), [tokens, logps], [this.#state, this.#drawn]);
  }

  /** Reads what the first `steps` steps since `write` have drawn. */
  async read(steps: number): Promise<Drawn> {
    const rows = this.#drawn.view([steps, 2, this.slots], this.#drawn.strides, 0);
    const words = (await readAll([rows]).finally(() => rows.dispose()))[0] as Uint32Array<ArrayBuffer>;
    const floats = new Float32Array(words.buffer, words.byteOffset, words.length);
    return {
      token: (step, slot) => words[2 * step * this.slots + slot]!,
      logp: (step, slot) => floats[(2 * step + 1) * this.slots + slot]!,
    };
  }

  dispose(): void {
    this.#state.dispose();
    this.#drawn.dispose();
  }
}
