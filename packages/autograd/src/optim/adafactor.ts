import { keep, launchPlan, type ScalarLike, scope, Tensor } from '@dawngrad/tensor';
import { planAdafactor } from '../kernels/adafactor.wgsl.ts';
import type { Parameters } from '../parameters.ts';
import { type AdafactorLayout, type AdafactorWork, adafactorLayout } from './adafactor-layout.ts';
import type { Optimizer, OptimizerState } from './optimizer.ts';
import { type OptimizerOptions, OptimizerParts } from './optimizer-parts.ts';

export interface AdafactorOptions extends OptimizerOptions {
  /** b(t) = 1 - t^-decayRate is the decay of the second moment at step t. Default 0.8. */
  readonly decayRate?: number;
  /** Added to squared gradients. Default 1e-30. */
  readonly eps1?: number;
  /** Multiplies the learning rate by the root mean square of the parameter, at least eps2. Default true. */
  readonly scaleParameter?: boolean;
  /** Default 1e-3. */
  readonly eps2?: number;
  /** Largest root mean square of an update, before the learning rate. Default 1. */
  readonly clipThreshold?: number;
  /** Decoupled decay of the parameters that are marked for it. */
  readonly weightDecay?: number;
  /** Matrices with a shorter side keep the whole second moment. Default 128. */
  readonly minFactoredSide?: number;
}

interface ArenaWork {
  readonly layout: AdafactorLayout;
  readonly slots: Tensor;
  readonly work: Readonly<Record<keyof AdafactorWork, Tensor>>;
}

/**
 * Adafactor: the second moment of a matrix is kept as one number a row and one a column, and there is no first
 * moment. Seven launches an arena, however many parameters there are.
 */
export class Adafactor implements Optimizer {
  readonly #parts: OptimizerParts;
  readonly #options: Required<Omit<AdafactorOptions, 'groups' | 'maxNorm' | 'weightDecay'>>;
  readonly #arenas: readonly ArenaWork[];
  readonly #state: readonly Tensor[];

  /** Several sets of parameters share the global gradient norm. */
  constructor(parameters: Parameters | readonly Parameters[], options: AdafactorOptions = {}) {
    const { decayRate = 0.8, eps1 = 1e-30, scaleParameter = true, eps2 = 1e-3, clipThreshold = 1 } = options;
    const { weightDecay = 0, minFactoredSide = 128 } = options;
    this.#options = { decayRate, eps1, scaleParameter, eps2, clipThreshold, minFactoredSide };
    let [state, layouts]: [Tensor[], AdafactorLayout[]] = [[], []];
    this.#parts = new OptimizerParts('adafactor', parameters, options, { weightDecay }, (set) => {
      layouts = set.arenas.map((arena) => adafactorLayout(arena, minFactoredSide));
      state = set.tensors('second', (arena) => layouts[set.arenas.indexOf(arena)]!.stateSize);
      return { second: state };
    });
    this.#state = state;
    const { device, label } = this.#parts.set;
    const words = (data: Uint32Array<ArrayBuffer>, name: string): Tensor =>
      keep(Tensor.from(device, data, [data.length], 'u32', `${label}/${name}`));
    this.#arenas = layouts.map((layout) => ({
      layout,
      slots: words(layout.slots, 'slots'),
      work: Object.fromEntries(
        Object.entries(layout.work).map(([stage, rows]) => [stage, words(Uint32Array.from(rows.flat()), 'work')]),
      ) as Record<keyof AdafactorWork, Tensor>,
    }));
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
    const { device, label } = set;
    const { values, gradients } = set.arenas[i]!;
    const { layout, slots, work } = this.#arenas[i]!;
    const state = this.#state[i]!;
    const { decayRate, eps1, scaleParameter, eps2, clipThreshold } = this.#options;
    if (layout.slotCount === 0) return;
    const scratch = (shape: readonly number[], name: string): Tensor =>
      Tensor.empty(device, shape, 'f32', `${label}/${name}`);
    const parts = scratch([Math.max(1, layout.partsSize)], 'column-parts');
    const summary = scratch([layout.slotCount, 4], 'summary');
    const chunkSums = scratch([layout.chunkCount, 2], 'chunk-sums');
    const rest = count.map((step) => step ** -decayRate);
    const decays = [rest.map((share) => 1 - share), rest, eps1];
    const clip = this.#parts.clipParams(i);
    const items = (stage: keyof AdafactorWork): number => layout.work[stage].length;
    launchPlan(planAdafactor('columnParts', items('columnParts')), [slots, work.columnParts, gradients], [parts]);
    launchPlan(
      planAdafactor('rows', items('rows'), decays, clip),
      [health.partials],
      [health.stats, slots, work.rows, gradients, state],
    );
    launchPlan(
      planAdafactor('columns', items('columns'), decays, clip),
      [health.partials],
      [health.stats, slots, work.columns, parts, state, summary],
    );
    launchPlan(
      planAdafactor('chunkSums', items('chunkSums')),
      [slots, work.chunkSums, gradients, values, state, summary],
      [chunkSums],
    );
    launchPlan(planAdafactor('totals', items('totals')), [slots, work.totals, chunkSums], [summary]);
    launchPlan(
      planAdafactor('update', items('chunkSums'), [tables.rows, lr, scaleParameter ? eps2 : -1, clipThreshold]),
      [slots, work.chunkSums, state, summary],
      [values, gradients, tables.tensors[i]!],
    );
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
    for (const { slots, work } of this.#arenas) for (const tensor of [slots, ...Object.values(work)]) tensor.dispose();
  }
}
