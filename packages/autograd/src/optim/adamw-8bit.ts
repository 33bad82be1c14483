import { keep, launchPlan, type ScalarLike, Tensor } from '@dawngrad/tensor';
import { BLOCK, planAdamw8bit } from '../kernels/adamw-8bit.wgsl.ts';
import type { Parameters } from '../parameters.ts';
import type { AdamwOptions } from './adamw.ts';
import { dynamicCodebook } from './dynamic-codebook.ts';
import type { Optimizer, OptimizerState } from './optimizer.ts';
import { OptimizerParts } from './optimizer-parts.ts';

/**
 * AdamW with both moments in 8 bits, block-wise dynamically quantised, in two launches an arena. Takes 2.03
 * bytes a parameter where `Adamw` takes 8.
 */
export class Adamw8bit implements Optimizer {
  readonly #parts: OptimizerParts;
  readonly #eps: number;
  readonly #codes: readonly Tensor[];
  readonly #scales: readonly Tensor[];
  readonly #codebook: Tensor;

  /** Several sets of parameters share the global gradient norm. */
  constructor(parameters: Parameters | readonly Parameters[], options: AdamwOptions = {}) {
    const { beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weightDecay = 0 } = options;
    let arrays: { codes: Tensor[]; scales: Tensor[] } = { codes: [], scales: [] };
    this.#parts = new OptimizerParts('adamw8bit', parameters, options, { weightDecay, beta1, beta2 }, (set) => {
      arrays = {
        codes: set.tensors('codes', ({ values }) => values.size / 2, 'u32'),
        scales: set.tensors('scales', ({ values }) => 2 * Math.ceil(values.size / BLOCK)),
      };
      return arrays;
    });
    this.#codes = arrays.codes;
    this.#scales = arrays.scales;
    this.#eps = eps;
    const entries = Float32Array.from([...dynamicCodebook(true), ...dynamicCodebook(false)]);
    const { device, label } = this.#parts.set;
    this.#codebook = keep(Tensor.from(device, entries, [entries.length], 'f32', `${label}/codebook`));
  }

  /** Bytes of the state on the device. */
  get stateBytes(): number {
    return this.#parts.arrays.bytes;
  }

  get stepCount(): number {
    return this.#parts.count.value;
  }

  get stats(): Tensor {
    return this.#parts.health.stats;
  }

  step(lr: ScalarLike): void {
    const { set, health, tables, count } = this.#parts;
    this.#parts.begin();
    set.arenas.forEach(({ values, gradients }, i) => {
      const params = [...this.#parts.clipParams(i), values.size / 4, tables.rows, lr, count, this.#eps];
      launchPlan(
        planAdamw8bit(values.size, params),
        [health.partials],
        [health.stats, this.#codebook, values, gradients, this.#codes[i]!, this.#scales[i]!, tables.tensors[i]!],
      );
    });
  }

  state(): Promise<OptimizerState> {
    return this.#parts.state();
  }

  restore(state: OptimizerState): void {
    this.#parts.restore(state);
  }

  /** Gives the state back to the pool; the parameters stay. */
  dispose(): void {
    this.#parts.dispose();
    this.#codebook.dispose();
  }
}
