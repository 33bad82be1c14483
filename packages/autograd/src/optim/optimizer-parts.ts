import { Scalar, type ScalarLike, type Tensor } from '@dawngrad/tensor';
import type { Parameters } from '../parameters.ts';
import { ArenaSet, type TrainableArena } from './arena-set.ts';
import { GradientHealth } from './gradient-health.ts';
import type { OptimizerState } from './optimizer.ts';
import { type DefaultHyper, GroupTables, type ParameterGroup } from './parameter-groups.ts';
import { StateArrays } from './state-arrays.ts';

/** The largest f32: no norm is above it. */
export const NO_LIMIT = (2 - 2 ** -23) * 2 ** 127;

/** What every optimizer takes. */
export interface OptimizerOptions {
  /** Largest global gradient norm; 0 or absent switches clipping off. */
  readonly maxNorm?: number;
  /** Parameters with hyperparameters of their own; the first group that matches a name has it. */
  readonly groups?: readonly ParameterGroup[];
}

/** The parts that optimizers over flat arenas have in common; each holds one and writes its kernels beside it. */
export class OptimizerParts {
  readonly set: ArenaSet;
  readonly health: GradientHealth;
  readonly tables: GroupTables;
  readonly arrays: StateArrays;
  readonly maxNorm: number;
  /** Steps taken, as a cell that a compiled step reads at every replay. */
  readonly count = new Scalar(0);
  /** A step whose gradient norm is above this is skipped; no limit unless set. */
  readonly skipAbove = new Scalar(NO_LIMIT);

  constructor(
    op: string,
    parameters: Parameters | readonly Parameters[],
    { maxNorm = 0, groups = [] }: OptimizerOptions,
    defaults: DefaultHyper,
    arrays: (set: ArenaSet) => Readonly<Record<string, readonly Tensor[]>>,
    extraWords?: (arena: TrainableArena) => Uint32Array,
  ) {
    this.set = new ArenaSet(op, parameters);
    this.tables = new GroupTables(this.set, groups, defaults, extraWords);
    this.health = new GradientHealth(this.set);
    this.arrays = new StateArrays(op, arrays(this.set));
    this.maxNorm = maxNorm;
  }

  /** Counts the step and measures the gradients. */
  begin(): void {
    this.set.device.hostEffect(() => {
      this.count.value += 1;
    });
    this.health.measure();
  }

  /** Values of `CLIP_PARAMS` for a kernel over arena `i`; the first arena's kernel writes the totals. */
  clipParams(i: number): ScalarLike[] {
    return [this.health.groups, i === 0 ? 1 : 0, this.maxNorm, this.skipAbove];
  }

  state(): Promise<OptimizerState> {
    return this.arrays.read(this.count.value);
  }

  restore(state: OptimizerState): void {
    this.arrays.restore(state);
    this.count.value = state.step;
  }

  dispose(): void {
    this.health.dispose();
    this.tables.dispose();
    this.arrays.dispose();
  }
}
