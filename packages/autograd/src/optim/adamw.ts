import { launchPlan, type ScalarLike, type Tensor } from '@dawngrad/tensor';
import { planAdamw } from '../kernels/adamw.wgsl.ts';
import type { Parameters } from '../parameters.ts';
import { type Optimizer, type StepStats, stepStats } from './optimizer.ts';
import { NO_LIMIT, type OptimizerOptions, OptimizerParts } from './optimizer-parts.ts';

export interface AdamwOptions extends OptimizerOptions {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly eps?: number;
  /** Decoupled decay of the parameters that are marked for it. */
  readonly weightDecay?: number;
}

/** Everything that the optimizer must carry over a restart: one flat array per arena and moment. */
export type AdamwState = {
  readonly step: number;
  readonly first: readonly Float32Array[];
  readonly second: readonly Float32Array[];
};

/**
 * AdamW over flat arenas: two launches an arena, however many parameters and groups there are. One measures
 * the gradients; the other clips, updates and zeroes them. Takes 8 bytes a parameter.
 */
export class Adamw implements Optimizer {
  readonly #parts: OptimizerParts;
  readonly #eps: number;
  readonly #first: readonly Tensor[];
  readonly #second: readonly Tensor[];

  /** Several sets of parameters share the global gradient norm. */
  constructor(parameters: Parameters | readonly Parameters[], options: AdamwOptions = {}) {
    const { beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weightDecay = 0 } = options;
    let moments: { first: Tensor[]; second: Tensor[] } = { first: [], second: [] };
    this.#parts = new OptimizerParts('adamw', parameters, options, { weightDecay, beta1, beta2 }, (set) => {
      const moment = (name: string): Tensor[] => set.tensors(name, ({ values }) => values.size);
      moments = { first: moment('first'), second: moment('second') };
      return moments;
    });
    this.#first = moments.first;
    this.#second = moments.second;
    this.#eps = eps;
  }

  get stepCount(): number {
    return this.#parts.count.value;
  }

  /**
   * A step whose gradient norm is above this changes nothing but the gradients and the count, as one that is not
   * finite: the device decides, so that nobody waits. `undefined` takes the limit away.
   */
  set skipAbove(norm: number | undefined) {
    this.#parts.skipAbove.value = norm ?? NO_LIMIT;
  }

  get skipAbove(): number | undefined {
    const { value } = this.#parts.skipAbove;
    return value === NO_LIMIT ? undefined : value;
  }

  step(lr: ScalarLike): void {
    const { set, health, tables, count } = this.#parts;
    this.#parts.begin();
    set.arenas.forEach(({ values, gradients }, i) => {
      const params = [...this.#parts.clipParams(i), values.size / 4, tables.rows, lr, count, this.#eps];
      launchPlan(
        planAdamw(values.size, params),
        [health.partials],
        [health.stats, values, gradients, this.#first[i]!, this.#second[i]!, tables.tensors[i]!],
      );
    });
  }

  get stats(): Tensor {
    return this.#parts.health.stats;
  }

  /** Interprets the values of `stats`. */
  static statsOf(values: ArrayLike<number>): StepStats {
    return stepStats(values);
  }

  async state(): Promise<AdamwState> {
    return (await this.#parts.state()) as AdamwState;
  }

  restore(state: AdamwState): void {
    this.#parts.restore(state);
  }

  /** Gives the state back to the pool; the parameters stay. */
  dispose(): void {
    this.#parts.dispose();
  }
}
