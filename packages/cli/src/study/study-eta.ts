import type { StudyPart } from './part.ts';
import type { PartRecord } from './part-store.ts';

/** Planned operations a second, before anything was measured: of two CPU cores, and of a GPU that launches dominate. */
const FIRST_RATES: Readonly<Record<'cpu' | 'gpu', number>> = { cpu: 15e9, gpu: 60e9 };

/**
 * How long parts take: what parts of the same kind took by the operations that were planned for them; where there is
 * none, what all parts took; before that, a rate that is known of such machines.
 */
export class StudyEta {
  readonly #first: number;
  readonly #kinds = new Map<string, { flops: number; seconds: number }>();

  constructor(adapter: 'cpu' | 'gpu', records: Iterable<PartRecord> = []) {
    this.#first = FIRST_RATES[adapter];
    for (const record of records) this.add(record);
  }

  /** A part was finished. */
  add({ kind, flops, wallSeconds }: Pick<PartRecord, 'kind' | 'flops' | 'wallSeconds'>): void {
    const sum = this.#kinds.get(kind) ?? { flops: 0, seconds: 0 };
    sum.flops += flops;
    sum.seconds += wallSeconds;
    this.#kinds.set(kind, sum);
  }

  /** Whether any part was measured. */
  get isMeasured(): boolean {
    return this.#kinds.size > 0;
  }

  secondsOf({ kind, cost }: Pick<StudyPart, 'kind' | 'cost'>): number {
    const own = this.#kinds.get(kind);
    if (own !== undefined && own.flops > 0) return (cost.flops * own.seconds) / own.flops;
    const all = [...this.#kinds.values()];
    const flops = all.reduce((sum, one) => sum + one.flops, 0);
    const seconds = all.reduce((sum, one) => sum + one.seconds, 0);
    return cost.flops * (flops > 0 ? seconds / flops : 1 / this.#first);
  }
}
