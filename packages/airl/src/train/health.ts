import type { Adamw } from '@dawngrad/autograd';
import { ToolError } from '@dawngrad/tensor';
import type { MetricRow } from '../metrics/names.ts';
import type { Reporter } from '../reporter.ts';
import { SpikeWindow } from './spike-window.ts';
import type { StatefulPart } from './training-state.ts';

export const ON_SPIKE = ['note', 'skip', 'stop'] as const;

/** What becomes of a step whose loss or gradient norm is far above those before it. */
export type OnSpike = (typeof ON_SPIKE)[number];

/** By then nothing is being learned. */
const MOST_SKIPS_IN_ROW = 5;
/** The same for skips that are apart: 1 % of the last thousand steps. */
const MOST_RECENT_SKIPS = 10;
const RECENT_STEPS = 1000;
const MOST_ROLLBACKS = 3;
/** Spikes that get a line of their own; the metric counts all. Steps that are left out are worth more of them. */
const MOST_NOTES: Readonly<Record<OnSpike, number>> = { note: 1, skip: 5, stop: 0 };

const NETWORKS = ['policy', 'critic'] as const;
type Network = (typeof NETWORKS)[number];

/** What is known of one optimiser step after it was read. */
export interface ObservedStep {
  /** Absent where it was not read. */
  readonly loss?: number;
  /** Before clipping. */
  readonly gradientNorm: number;
  /** Gradient values that are not finite. */
  readonly nonFinite: number;
}

/** All that a resumed run goes on from. */
interface HealthState {
  readonly skipped: number;
  readonly skippedInRow: number;
  /** Steps among the last thousand that were skipped. */
  readonly recentSkips: readonly number[];
  readonly spikes: number;
  readonly rollbacks: number;
  /** Steps that the data are ahead of the steps, since spans of them were left out. */
  readonly shift: number;
  readonly windows: Readonly<
    Record<Network, { readonly loss: readonly number[]; readonly gradientNorm: readonly number[] }>
  >;
}

const FRESH: HealthState = {
  skipped: 0,
  skippedInRow: 0,
  recentSkips: [],
  spikes: 0,
  rollbacks: 0,
  shift: 0,
  windows: { policy: { loss: [], gradientNorm: [] }, critic: { loss: [], gradientNorm: [] } },
};

/**
 * Watches the numbers of a run (reliability.md, section 4). A step with a gradient that is not finite is skipped, by
 * the device itself. A spike, a loss or a gradient norm more than 6 standard deviations above the mean of the last 128
 * steps taken, is noted, skipped or ends the run. What is skipped is decided by the gradient norm alone, before the
 * step and on the device: the host sets the limit from the steps before. A loss alone comes too late for that; it is
 * noted, or ends the run. A norm of 0, of a step that had nothing to learn from, is compared with nothing.
 */
export class Health implements StatefulPart<HealthState> {
  readonly #onSpike: OnSpike;
  readonly #reporter: Reporter;
  #counts: Omit<HealthState, 'windows'> = FRESH;
  #windows = windowsOf(FRESH);
  /** Gradient norms above which the current step is skipped. */
  #limits: Partial<Record<Network, number>> = {};
  #stopped: string | undefined;
  #trouble: string | undefined;

  constructor(reporter: Reporter, onSpike: OnSpike = 'note') {
    this.#reporter = reporter;
    this.#onSpike = onSpike;
  }

  /** Steps by which the data are ahead of the run's step. */
  get shift(): number {
    return this.#counts.shift;
  }

  get rollbacks(): number {
    return this.#counts.rollbacks;
  }

  /** Why the run has to go back, after `observe`; undefined where it need not. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  get canGoBack(): boolean {
    return this.#counts.rollbacks < MOST_ROLLBACKS;
  }

  /** Before the updates of a step: tells the optimisers which gradient norms to skip, where that was asked for. */
  limit(optimizers: Readonly<Partial<Record<Network, Adamw | undefined>>>): void {
    this.#limits = {};
    if (this.#onSpike !== 'skip') return;
    for (const network of NETWORKS) {
      const optimizer = optimizers[network];
      if (optimizer === undefined) continue;
      const { limit } = this.#windows[network].gradientNorm;
      // As the device has it, so that both decide alike.
      if (limit !== undefined) this.#limits[network] = Math.fround(limit);
      optimizer.skipAbove = this.#limits[network];
    }
  }

  /** Takes in the updates of a step. */
  observe(step: number, updates: Readonly<Partial<Record<Network, readonly ObservedStep[]>>>): void {
    let isSkipped = false;
    for (const network of NETWORKS) {
      for (const update of updates[network] ?? []) isSkipped = this.#take(step, network, update) || isSkipped;
    }
    const { skipped, skippedInRow, recentSkips } = this.#counts;
    this.#counts = {
      ...this.#counts,
      skipped: skipped + (isSkipped ? 1 : 0),
      skippedInRow: isSkipped ? skippedInRow + 1 : 0,
      recentSkips: [...recentSkips, ...(isSkipped ? [step] : [])].filter((one) => one > step - RECENT_STEPS),
    };
    if (this.#counts.skippedInRow >= MOST_SKIPS_IN_ROW) {
      this.#trouble = `${this.#counts.skippedInRow} steps in a row that were skipped`;
    } else if (this.#counts.recentSkips.length >= MOST_RECENT_SKIPS) {
      this.#trouble = `${MOST_RECENT_SKIPS} of the last ${RECENT_STEPS} steps that were skipped`;
    }
  }

  /** The metrics of what was seen so far. */
  row(): MetricRow {
    const { skipped, spikes, rollbacks } = this.#counts;
    return { 'health/skipped': skipped, 'health/spikes': spikes, 'health/rollbacks': rollbacks };
  }

  /** Throws ToolError 'failed' where a spike was to end the run. */
  stopAtSpike(step: number): void {
    if (this.#stopped === undefined) return;
    throw new ToolError('failed', {
      op: `step ${step}`,
      expected: 'numbers like those of the steps before (train.on_spike=stop)',
      got: this.#stopped,
      hint: 'look at the samples of that step; --resume goes back to the last checkpoint, train.on_spike=skip leaves such steps out.',
    });
  }

  /** Counts a return to an earlier step, by so many steps: the data go on where they were. */
  wentBack(from: HealthState, steps: number): void {
    const { rollbacks, shift } = from;
    this.#trouble = undefined;
    this.#counts = {
      ...this.#counts,
      skippedInRow: 0,
      recentSkips: [],
      rollbacks: rollbacks + 1,
      shift: shift + steps,
    };
  }

  state(): HealthState {
    const of = (network: Network) => {
      const { loss, gradientNorm } = this.#windows[network];
      return { loss: loss.values, gradientNorm: gradientNorm.values };
    };
    return { ...this.#counts, windows: { policy: of('policy'), critic: of('critic') } };
  }

  restore({ windows, ...counts }: HealthState): void {
    this.#counts = counts;
    this.#windows = windowsOf({ windows });
  }

  /** Whether the update was skipped. */
  #take(step: number, network: Network, { loss, gradientNorm, nonFinite }: ObservedStep): boolean {
    const windows = this.#windows[network];
    const limit = this.#limits[network];
    const isSkipped = nonFinite > 0 || (limit !== undefined && gradientNorm > limit);
    if (nonFinite === 0) {
      const fate = isSkipped ? 'skipped' : 'taken';
      const high = [
        gradientNorm > 0 ? spikeText('gradient norm', gradientNorm, windows.gradientNorm) : undefined,
        loss === undefined ? undefined : spikeText('loss', loss, windows.loss),
      ].filter((text) => text !== undefined);
      if (high.length > 0) this.#spike(step, `the ${network}'s ${high.join(' and ')}`, fate);
    }
    if (!isSkipped) {
      if (gradientNorm > 0) windows.gradientNorm.push(gradientNorm);
      if (loss !== undefined && Number.isFinite(loss)) windows.loss.push(loss);
    }
    return isSkipped;
  }

  #spike(step: number, what: string, fate: string): void {
    const spikes = this.#counts.spikes + 1;
    this.#counts = { ...this.#counts, spikes };
    if (this.#onSpike === 'stop') this.#stopped = what;
    else if (spikes <= MOST_NOTES[this.#onSpike]) {
      const last = spikes === MOST_NOTES[this.#onSpike] ? '; further ones are counted in health/spikes' : '';
      this.#reporter.note(`note: step ${step}: ${what}; the step is ${fate}${last}`);
    }
  }
}

function windowsOf({ windows }: Pick<HealthState, 'windows'>) {
  const of = (network: Network) => ({
    loss: new SpikeWindow(windows[network].loss),
    gradientNorm: new SpikeWindow(windows[network].gradientNorm),
  });
  return { policy: of('policy'), critic: of('critic') };
}

function spikeText(name: string, value: number, window: SpikeWindow): string | undefined {
  const { limit } = window;
  if (limit === undefined || value <= limit) return undefined;
  const [shown, z] = [Number(value.toPrecision(3)), window.z(value)!.toFixed(1)];
  return `${name} ${shown} is ${z} standard deviations above the mean of the last ${window.values.length} steps`;
}
