import { keep, launchPlan, Tensor } from '@dawngrad/tensor';
import { gradientNormGroups, planGradientNorm } from '../kernels/gradient-norm.wgsl.ts';
import type { ArenaSet } from './arena-set.ts';

/**
 * The norm of all gradients and the number of non-finite ones. `measure` leaves partial sums, one launch an
 * arena; every kernel of an update adds them up for itself (kernels/gradient-clip.wgsl.ts), and the one that is
 * told so leaves the totals in `stats`.
 */
export class GradientHealth {
  /** [groups, 2]: sums of squares and counts. */
  readonly partials: Tensor;
  readonly stats: Tensor;
  readonly groups: number;
  readonly #set: ArenaSet;
  readonly #groupsOf: readonly number[];

  constructor(set: ArenaSet) {
    this.#set = set;
    this.#groupsOf = set.arenas.map(({ values }) => gradientNormGroups(values.size, set.arenas.length));
    this.groups = this.#groupsOf.reduce((a, b) => a + b, 0);
    this.partials = keep(Tensor.empty(set.device, [this.groups, 2], 'f32', `${set.label}/gradient-norm/partials`));
    this.stats = keep(Tensor.empty(set.device, [2], 'f32', `${set.label}/gradient-norm/stats`));
  }

  measure(): void {
    let first = 0;
    this.#set.arenas.forEach(({ gradients }, i) => {
      launchPlan(planGradientNorm(gradients.size, this.#groupsOf[i]!, first), [gradients], [this.partials]);
      first += this.#groupsOf[i]!;
    });
  }

  dispose(): void {
    this.partials.dispose();
    this.stats.dispose();
  }
}
