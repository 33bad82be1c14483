import { type Device, ToolError } from '@dawngrad/tensor';
import type { MemoryParts, PartBytes } from './memory-parts.ts';

/** What one phase of a run takes. */
export interface PhaseMeasure {
  readonly name: string;
  /** Most bytes at once, and whose they are. */
  readonly peakBytes: number;
  readonly parts: PartBytes;
  /** Operations of matrix products, attention and losses, once. */
  readonly flops: number;
  /** Tokens that pass through a model, once. */
  readonly tokens: number;
  /** How often the phase comes in the run; undefined where nobody knows yet. */
  readonly times: number | undefined;
  /** Sequences that are decoded together. */
  readonly slots?: number;
  /** Why it cannot run within the budget; the numbers are then those up to the refusal. */
  readonly refused?: string;
}

/** What of a phase is known before it has run. */
export type PhaseWork = Pick<PhaseMeasure, 'name' | 'tokens' | 'times'>;

/** By what the operations that were done are to be multiplied, or how to count them. */
type Extent = number | { readonly slots: number; readonly flops: () => Promise<number> };

/** Measures phases one after another, on a device that keeps track of its peak. */
export class PhaseMeter {
  readonly phases: PhaseMeasure[] = [];
  readonly #device: Device;
  readonly #parts: MemoryParts;

  constructor(device: Device, parts: MemoryParts) {
    this.#device = device;
    this.#parts = parts;
  }

  /** Does the work of a phase. Where it does not fit the budget, the phase says so. */
  async measure(phase: PhaseWork, work: () => Promise<Extent>): Promise<void> {
    const { pool } = this.#device;
    pool.resetPeak();
    const before = this.#device.counters.flops;
    const measured = (flops: number, more: Pick<PhaseMeasure, 'slots' | 'refused'>): void => {
      const { peakLiveBytes, peakOwners = [] } = this.#device.memory;
      this.phases.push({ ...phase, ...more, peakBytes: peakLiveBytes, parts: this.#parts.split(peakOwners), flops });
    };
    try {
      const result = await work();
      if (typeof result === 'number') measured((this.#device.counters.flops - before) * result, {});
      else measured(await result.flops(), { slots: result.slots });
    } catch (error) {
      if (!(error instanceof ToolError) || error.code !== 'limit') throw error;
      measured(0, { refused: error.message });
    }
  }
}
