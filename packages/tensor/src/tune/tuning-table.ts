import { ToolError } from '../errors.ts';

/** What a table was measured on: with another adapter or driver its picks mean nothing. */
export interface TuningOrigin {
  readonly adapter: string;
  readonly driver: string;
  /** Version of Dawn's binding. */
  readonly dawn: string;
}

/** The pick for one class of matmuls. */
export interface TuningPick {
  /** Id of a candidate. */
  readonly candidate: string;
  /** Median on the device. */
  readonly microseconds: number;
  /** What the static choice took, and how long. */
  readonly staticCandidate: string;
  readonly staticMicroseconds: number;
}

const FORMAT = 1;

/** Measured picks by class. Which of them were used is remembered, for the record of a run. */
export class TuningTable {
  readonly origin: TuningOrigin;
  readonly #picks: Map<string, TuningPick>;
  readonly #used = new Map<string, string>();

  constructor(origin: TuningOrigin, picks: Iterable<readonly [string, TuningPick]> = []) {
    this.origin = origin;
    this.#picks = new Map(picks);
  }

  get size(): number {
    return this.#picks.size;
  }

  /** The classes with their picks, in the order in which they were set. */
  entries(): [string, TuningPick][] {
    return [...this.#picks];
  }

  /** Records the pick for a class, in place of an earlier one. */
  set(matmulClass: string, pick: TuningPick): void {
    this.#picks.set(matmulClass, pick);
  }

  /** The candidate for a class, which counts as used. */
  use(matmulClass: string): string | undefined {
    const candidate = this.#picks.get(matmulClass)?.candidate;
    if (candidate !== undefined) this.#used.set(matmulClass, candidate);
    return candidate;
  }

  /** Candidates that were used so far, by class. */
  used(): Record<string, string> {
    return Object.fromEntries(this.#used);
  }

  /** The table with the picks of `other` for the same adapter; those of `other` win. */
  mergedWith(other: TuningTable): TuningTable {
    return new TuningTable(other.origin, [...this.#picks, ...other.#picks]);
  }

  /** The table as data for a file; `fromJSON` takes it back. */
  toJSON(): unknown {
    return { format: FORMAT, origin: this.origin, picks: Object.fromEntries(this.#picks) };
  }

  /** Throws ToolError 'corrupt' for anything but what `toJSON` gives. */
  static fromJSON(value: unknown, source = 'tuning table'): TuningTable {
    const { format, origin, picks } = isRecord(value) ? value : {};
    const isOrigin = isRecord(origin) && ['adapter', 'driver', 'dawn'].every((key) => typeof origin[key] === 'string');
    if (format !== FORMAT || !isOrigin || !isRecord(picks) || !Object.values(picks).every(isPick)) {
      throw new ToolError('corrupt', {
        op: source,
        expected: `a tuning table of format ${FORMAT}`,
        got: format === undefined ? 'something else' : `format ${String(format)}, or entries that are damaged`,
        hint: 'measure again: dawngrad bench tune --save.',
      });
    }
    return new TuningTable(origin as unknown as TuningOrigin, Object.entries(picks) as [string, TuningPick][]);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isPick(value: unknown): boolean {
  return (
    isRecord(value) &&
    typeof value.candidate === 'string' &&
    typeof value.staticCandidate === 'string' &&
    Number.isFinite(value.microseconds) &&
    Number.isFinite(value.staticMicroseconds)
  );
}
