import { launchPlan, type ScalarLike, scope, Tensor } from '@dawngrad/tensor';
import { NORM_PARTS, planMuonApply, planMuonNorm, planMuonPrepare, planMuonScale } from '../kernels/muon.wgsl.ts';
import type { Parameters } from '../parameters.ts';
import type { ArenaSlot } from './arena-set.ts';
import { type MuonLayout, muonLayout } from './muon-layout.ts';
import { NEWTON_SCHULZ_SCALE, newtonSchulz } from './newton-schulz.ts';
import type { Optimizer, OptimizerState } from './optimizer.ts';
import { type OptimizerOptions, OptimizerParts } from './optimizer-parts.ts';

export interface MuonOptions extends OptimizerOptions {
  /** Share of the velocity of matrices that is kept. Default 0.95. */
  readonly momentum?: number;
  /** Default true. */
  readonly nesterov?: boolean;
  /** Decoupled decay of the parameters that are marked for it. */
  readonly weightDecay?: number;
  /**
   * 'rms' multiplies the update of a matrix by 0.2 sqrt(max(rows, columns)), which makes it as large as AdamW's:
   * one learning rate suits both. 'spectral' multiplies it by sqrt(max(1, rows / columns)), as the first
   * publication does, with its learning rate of about 0.02; give the others a group with a smaller `lrScale`.
   * Default 'rms'.
   */
  readonly scale?: 'rms' | 'spectral';
  /** Parameters of rank 2 that take AdamW's step all the same. Default: names with embed, head, wte or wpe. */
  readonly exclude?: RegExp;
  /** AdamW of the others. Defaults 0.9, 0.999 and 1e-8. */
  readonly beta1?: number;
  readonly beta2?: number;
  readonly eps?: number;
}

/**
 * Muon for matrices: their momentum, orthogonalised, is the update. All other parameters, and embeddings and
 * output heads, take AdamW's step. Matrices of one shape are handled as one batch: 3 launches an arena and 17 a
 * shape. Takes 4 bytes a parameter in matrices and 8 in others.
 */
export class Muon implements Optimizer {
  readonly #parts: OptimizerParts;
  readonly #options: { readonly momentum: number; readonly nesterov: boolean; readonly eps: number };
  readonly #layouts = new Map<Tensor, MuonLayout>();
  readonly #first: readonly Tensor[];
  readonly #second: readonly Tensor[];

  /** Several sets of parameters share the global gradient norm. */
  constructor(parameters: Parameters | readonly Parameters[], options: MuonOptions = {}) {
    const { momentum = 0.95, nesterov = true, weightDecay = 0, scale = 'rms' } = options;
    const { exclude = /embed|head|wte|wpe/, beta1 = 0.9, beta2 = 0.999, eps = 1e-8 } = options;
    this.#options = { momentum, nesterov, eps };
    const isMatrix = ({ name, shape, size }: ArenaSlot): boolean =>
      shape.length === 2 && size > 0 && !new RegExp(exclude.source, exclude.flags.replaceAll(/[gy]/g, '')).test(name);
    const factor = ([rows = 1, columns = 1]: readonly number[]): number =>
      NEWTON_SCHULZ_SCALE *
      (scale === 'rms' ? 0.2 * Math.sqrt(Math.max(rows, columns)) : Math.sqrt(Math.max(1, rows / columns)));
    let moments: { first: Tensor[]; second: Tensor[] } = { first: [], second: [] };
    this.#parts = new OptimizerParts(
      'muon',
      parameters,
      options,
      { weightDecay, beta1, beta2 },
      (set) => {
        moments = {
          first: set.tensors('first', ({ values }) => values.size),
          second: set.tensors('second', ({ values }) => Math.max(1, this.#layouts.get(values)!.secondSize)),
        };
        return moments;
      },
      (arena) => {
        const layout = muonLayout(arena, isMatrix, factor);
        this.#layouts.set(arena.values, layout);
        return layout.blocks;
      },
    );
    this.#first = moments.first;
    this.#second = moments.second;
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
    this.#parts.begin();
    this.#parts.set.arenas.forEach((_, i) => {
      scope(() => this.#stepArena(i, lr));
    });
  }

  #stepArena(i: number, lr: ScalarLike): void {
    const { set, health, tables, count } = this.#parts;
    const { values, gradients } = set.arenas[i]!;
    const { batches, stagedSize, blocks } = this.#layouts.get(values)!;
    const { momentum, nesterov, eps } = this.#options;
    const table = tables.tensors[i]!;
    const blockTable = table.size - blocks.length;
    const scratch = (shape: readonly number[], name: string): Tensor =>
      Tensor.empty(set.device, shape, 'f32', `${set.label}/${name}`);
    const [staged, orthogonal] = [
      scratch([Math.max(1, stagedSize)], 'staged'),
      scratch([Math.max(1, stagedSize)], 'out'),
    ];
    const common = [...this.#parts.clipParams(i), values.size, tables.rows, blockTable, lr];
    launchPlan(
      planMuonPrepare(nesterov, values.size, [...common, count, eps, momentum]),
      [health.partials],
      [health.stats, values, gradients, this.#first[i]!, this.#second[i]!, staged, table],
    );
    if (batches.length === 0) return;
    for (const { rows, columns, matrices, start } of batches) {
      const size = rows * columns;
      const shape = [matrices, rows, columns];
      const view = (all: Tensor): Tensor => all.view(shape, [size, columns, 1], start);
      const [x, out] = [view(staged), view(orthogonal)];
      const sums = scratch([matrices * NORM_PARTS], 'norms');
      launchPlan(planMuonNorm(size, matrices), [x], [sums]);
      launchPlan(planMuonScale(size, matrices), [sums], [x]);
      newtonSchulz(x, out);
    }
    launchPlan(planMuonApply(values.size, common), [health.partials], [health.stats, orthogonal, values, table]);
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
