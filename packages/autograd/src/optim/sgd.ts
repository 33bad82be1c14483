import { launchPlan, type ScalarLike, type Tensor, ToolError } from '@dawngrad/tensor';
import { planSgd, type SgdForm } from '../kernels/sgd.wgsl.ts';
import type { Parameters } from '../parameters.ts';
import type { Optimizer, OptimizerState } from './optimizer.ts';
import { type OptimizerOptions, OptimizerParts } from './optimizer-parts.ts';

export interface SgdOptions extends OptimizerOptions {
  /** Share of the velocity that is kept; groups name it `beta1`. Default 0: no velocity, and no state. */
  readonly momentum?: number;
  /** Nesterov's look ahead. Default false. */
  readonly nesterov?: boolean;
  /** Decay of the parameters that are marked for it, added to the gradient. */
  readonly weightDecay?: number;
}

/** Gradient descent with momentum, in two launches an arena. Takes 4 bytes a parameter, without momentum none. */
export class Sgd implements Optimizer {
  readonly #parts: OptimizerParts;
  readonly #form: SgdForm;
  readonly #velocity: readonly Tensor[];

  /** Several sets of parameters share the global gradient norm. */
  constructor(parameters: Parameters | readonly Parameters[], options: SgdOptions = {}) {
    const { momentum: beta1 = 0, nesterov = false, weightDecay = 0 } = options;
    const hasMomentum = beta1 > 0 || (options.groups ?? []).some((group) => (group.beta1 ?? 0) > 0);
    if (nesterov && !hasMomentum) {
      throw new ToolError('usage', { op: 'sgd', expected: 'a momentum for nesterov to look ahead with', got: 'none' });
    }
    this.#form = { momentum: hasMomentum, nesterov };
    let velocity: Tensor[] = [];
    this.#parts = new OptimizerParts('sgd', parameters, options, { weightDecay, beta1 }, (set) => {
      if (!hasMomentum) return {};
      velocity = set.tensors('velocity', ({ values }) => values.size);
      return { velocity };
    });
    this.#velocity = velocity;
  }

  get stepCount(): number {
    return this.#parts.count.value;
  }

  get stats(): Tensor {
    return this.#parts.health.stats;
  }

  step(lr: ScalarLike): void {
    const { set, health, tables } = this.#parts;
    this.#parts.begin();
    set.arenas.forEach(({ values, gradients }, i) => {
      const velocity = this.#velocity[i];
      const params = [...this.#parts.clipParams(i), values.size / 4, tables.rows, lr];
      const state = velocity === undefined ? [] : [velocity];
      launchPlan(
        planSgd(this.#form, values.size, params),
        [health.partials],
        [health.stats, values, gradients, ...state, tables.tensors[i]!],
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
  }
}
