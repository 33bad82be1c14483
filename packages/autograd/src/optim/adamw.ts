import { fill, keep, launchPlan, overwrite, readAll, Tensor, ToolError } from '@dawngrad/tensor';
import { type AdamwHyper, planAdamw } from '../kernels/adamw.wgsl.ts';
import { gradientNormGroups, planGradientNormPartial, planGradientNormTotal } from '../kernels/gradient-norm.wgsl.ts';
import type { Arena, Parameters } from '../parameters.ts';

export interface AdamwOptions {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly eps?: number;
  /** Decoupled decay of the parameters that are marked for it. */
  readonly weightDecay?: number;
  /** Largest global gradient norm; 0 or absent switches clipping off. */
  readonly maxNorm?: number;
}

/** What the device found about the gradients of a step. */
export interface StepStats {
  /** Global norm before clipping. */
  readonly gradientNorm: number;
  /** Non-finite gradient values; the step was skipped if this is not 0. */
  readonly nonFinite: number;
}

/** Everything that an optimizer must carry over a restart: one flat array per arena and moment. */
export interface AdamwState {
  readonly step: number;
  readonly first: readonly Float32Array[];
  readonly second: readonly Float32Array[];
}

/**
 * AdamW over flat arenas: two launches for the global norm and one an arena for clipping, the update
 * and the zeroing of the gradients together.
 */
export class Adamw {
  readonly #arenas: readonly Arena[];
  readonly #options: Required<AdamwOptions>;
  readonly #first: Tensor[];
  readonly #second: Tensor[];
  readonly #partials: Tensor;
  readonly #stats: Tensor;
  readonly #groups: number;
  /** Steps taken, skipped ones included: schedules and bias corrections stay a function of time. */
  stepCount = 0;

  /** Several sets of parameters share the global gradient norm. */
  constructor(parameters: Parameters | readonly Parameters[], options: AdamwOptions = {}) {
    const sets = 'arenas' in parameters ? [parameters] : parameters;
    const frozen = sets.find((set) => !set.isTrainable);
    const [first] = sets;
    if (first === undefined || frozen !== undefined) {
      throw new ToolError('failed', {
        op: 'adamw',
        expected: 'trainable parameters',
        got: frozen === undefined ? 'none' : `${frozen.label}, which are frozen or none`,
      });
    }
    const { device, label } = first;
    this.#arenas = sets.flatMap((set) => set.arenas);
    this.#options = { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, maxNorm: 0, ...options };
    const moment = (values: Tensor, name: string): Tensor => {
      const tensor = keep(Tensor.empty(values.device, values.shape, 'f32', `${label}/${name}`));
      fill(tensor, 0);
      return tensor;
    };
    this.#first = this.#arenas.map((arena) => moment(arena.values, 'adamw-first'));
    this.#second = this.#arenas.map((arena) => moment(arena.values, 'adamw-second'));
    this.#groups = this.#arenas.reduce((total, arena) => total + gradientNormGroups(arena.values.size), 0);
    this.#partials = keep(Tensor.empty(device, [this.#groups, 2], 'f32', 'autograd/gradient-norm/partials'));
    this.#stats = keep(Tensor.empty(device, [2], 'f32', 'autograd/gradient-norm/stats'));
  }

  /** Clips, updates and zeroes the gradients. `lr` is the learning rate of this step. */
  step(lr: number): void {
    this.stepCount++;
    let group = 0;
    for (const { gradients } of this.#arenas) {
      launchPlan(planGradientNormPartial(gradients!.size, group), [gradients!], [this.#partials]);
      group += gradientNormGroups(gradients!.size);
    }
    launchPlan(planGradientNormTotal(this.#groups), [this.#partials], [this.#stats]);
    const hyper: AdamwHyper = { lr, ...this.#options };
    this.#arenas.forEach(({ values, gradients, decayEnd }, i) => {
      const plan = planAdamw(values.size, decayEnd, hyper, this.stepCount);
      launchPlan(plan, [this.#stats], [values, gradients!, this.#first[i]!, this.#second[i]!]);
    });
  }

  /** The norm and the health of the last step's gradients, as a tensor [2] to read with others. */
  get stats(): Tensor {
    return this.#stats;
  }

  /** Interprets the values of `stats`. */
  static statsOf(values: ArrayLike<number>): StepStats {
    return { gradientNorm: values[0]!, nonFinite: values[1]! };
  }

  /** Reads the state for a checkpoint. */
  async state(): Promise<AdamwState> {
    const arrays = (await readAll([...this.#first, ...this.#second])) as Float32Array[];
    return {
      step: this.stepCount,
      first: arrays.slice(0, this.#first.length),
      second: arrays.slice(this.#first.length),
    };
  }

  /** Puts a state of `state` back. */
  restore(state: AdamwState): void {
    const expected = this.#first.map((tensor) => tensor.size).join();
    if (state.first.map((a) => a.length).join() !== expected || state.second.map((a) => a.length).join() !== expected) {
      throw new ToolError('corrupt', {
        op: 'adamw',
        expected: `moments of ${expected} values`,
        got: state.first.map((a) => a.length).join(),
      });
    }
    this.stepCount = state.step;
    this.#first.forEach((tensor, i) => {
      overwrite(tensor, state.first[i]!);
    });
    this.#second.forEach((tensor, i) => {
      overwrite(tensor, state.second[i]!);
    });
  }

  dispose(): void {
    for (const tensor of [...this.#first, ...this.#second, this.#partials, this.#stats]) tensor.dispose();
  }
}
