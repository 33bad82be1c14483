import { type ParameterSpec, Parameters } from '@dawngrad/autograd';
import {
  affine,
  type Device,
  type LowRankTerm,
  linear,
  Rng,
  read,
  type Shape,
  type Tensor,
  ToolError,
} from '@dawngrad/tensor';
import type { TensorSource } from '../io/tensor-source.ts';
import type { LowRankUpdate, LowRankUpdates } from '../peft/merge-adapter.ts';
import type { OpenAdapter } from '../peft/open-adapter.ts';
import { type LoraPlace, type LoraShape, placeAdapters } from './lora-placement.ts';

export interface LoraOptions extends LoraShape {
  readonly seed: number;
}

const LORA_STREAM = 0x10a;

/**
 * Low-rank adapters: y = x W^T + scale (x A^T) B^T with A [R, in] random and B [out, R] zero, so that a fresh
 * adapter changes nothing (Hu et al., "LoRA", 2021). The scale is alpha / rank unless `rsLora` says otherwise.
 */
export class LoraAdapters implements LowRankUpdates {
  readonly options: LoraOptions;
  /** `<linear>.lora_A.weight` [R, in] and `<linear>.lora_B.weight` [out, R]. */
  readonly parameters: Parameters;
  readonly #places: ReadonlyMap<string, LoraPlace>;
  readonly #linears: ReadonlyMap<string, Shape>;
  /** True for adapters that started from nothing in this process: so far as they are not trained they change nothing. */
  readonly isFresh: boolean;

  /**
   * `linears` maps names of linears (without `.weight`) to weight shapes [out, in]. All factors are zero unless they
   * are initialised.
   */
  constructor(
    device: Device,
    linears: ReadonlyMap<string, Shape>,
    options: LoraOptions,
    { isFresh = true, isInitialised = isFresh }: { readonly isFresh?: boolean; readonly isInitialised?: boolean } = {},
  ) {
    this.options = options;
    this.isFresh = isFresh;
    this.#linears = linears;
    this.#places = placeAdapters(linears, options);
    const specs = [...this.#places].flatMap(([name, { rank }]): ParameterSpec[] => {
      const [out, width] = linears.get(name) as [number, number];
      return [
        { name: loraName(name, 'A'), shape: [rank, width], decay: true },
        { name: loraName(name, 'B'), shape: [out, rank], decay: true },
      ];
    });
    this.parameters = new Parameters(device, 'models/lora', specs, { trainable: true });
    if (!isInitialised) return;
    const rng = new Rng(options.seed, LORA_STREAM);
    [...this.#places].forEach(([name, { rank }], index) => {
      const width = linears.get(name)![1]!;
      // Kaiming-uniform with a = sqrt(5), as PEFT initialises A: uniform in +-1 / sqrt(in).
      const bound = 1 / Math.sqrt(width);
      const data = Float32Array.from({ length: rank * width }, (_, i) => (2 * rng.uniform(index, i) - 1) * bound);
      this.parameters.set(loraName(name, 'A'), data);
    });
  }

  /** Adapters with the factors of a file. A linear that this model has no adapter for: ToolError 'config'. */
  static async load(
    device: Device,
    linears: ReadonlyMap<string, Shape>,
    adapter: OpenAdapter,
    options: { readonly seed: number } = { seed: 0 },
  ): Promise<LoraAdapters> {
    const stray = [...adapter.factors.keys()].find((name) => !linears.has(name));
    if (stray !== undefined) {
      throw new ToolError('config', {
        op: adapter.file.name,
        expected: 'adapters of linears inside the blocks',
        got: `one of ${stray}`,
        hint: 'Merge it into the base first: dawngrad merge.',
      });
    }
    const adapters = new LoraAdapters(device, linears, { ...adapter.config, ...options }, { isFresh: false });
    try {
      for (const [name, { a, b }] of adapter.factors) {
        adapters.parameters.set(loraName(name, 'A'), await adapter.file.readF32(a));
        adapters.parameters.set(loraName(name, 'B'), await adapter.file.readF32(b));
      }
      return adapters;
    } catch (error) {
      adapters.dispose();
      throw error;
    }
  }

  /** Adapters of the same places with the values of now. */
  copy(): LoraAdapters {
    const copy = new LoraAdapters(this.parameters.device, this.#linears, this.options, { isFresh: false });
    copy.parameters.copyFrom(this.parameters);
    return copy;
  }

  has(linearName: string): boolean {
    return this.#places.has(linearName);
  }

  /** The adapter's part of y for x [N, in]: [N, out]. */
  delta(linearName: string, x: Tensor): Tensor {
    const low = linear(x, this.parameters.get(loraName(linearName, 'A')));
    return linear(affine(low, this.#place(linearName).scale, 0), this.parameters.get(loraName(linearName, 'B')));
  }

  /** The same as a part of a result, from column `first` on; see `addLowRank`. */
  term(linearName: string, first: number): LowRankTerm {
    return {
      down: this.parameters.get(loraName(linearName, 'A')),
      up: this.parameters.get(loraName(linearName, 'B')),
      scale: this.#place(linearName).scale,
      first,
    };
  }

  /** The factors of one linear on the host; see `mergedTensors`. */
  async readUpdate(linearName: string): Promise<LowRankUpdate> {
    const values = async (factor: 'A' | 'B'): Promise<Float32Array> =>
      (await read(this.parameters.get(loraName(linearName, factor)))) as Float32Array;
    return { ...this.#place(linearName), a: await values('A'), b: await values('B') };
  }

  /** The factors for saving, each read from the device when it is written; see `writeAdapter`. */
  tensorSources(): TensorSource[] {
    return this.parameters.names.map((name) => ({
      name,
      shape: this.parameters.spec(name).shape,
      read: async () => (await read(this.parameters.get(name))) as Float32Array,
    }));
  }

  dispose(): void {
    this.parameters.dispose();
  }

  #place(linearName: string): LoraPlace {
    const place = this.#places.get(linearName);
    if (place !== undefined) return place;
    throw new ToolError('failed', { op: 'lora', expected: 'the name of an adapted linear', got: linearName });
  }
}

/** The name of one factor, as in PEFT's files but for their prefix. */
function loraName(linearName: string, factor: 'A' | 'B'): string {
  return `${linearName}.lora_${factor}.weight`;
}
