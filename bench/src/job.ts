import type { Device } from '@dawngrad/tensor';
import type { BenchCase } from './bench-case.ts';
import { type Effort, measure } from './measure.ts';
import type { Finding, SuiteName } from './row.ts';

/** What a job may use. */
export interface JobContext {
  readonly device: Device;
  readonly effort: Effort;
  readonly isQuick: boolean;
  /** Says something that belongs to no row, such as why a case does not run. */
  readonly note: (text: string) => void;
}

/** One case of a suite, on one library or several. */
export interface Job {
  readonly suite: SuiteName;
  readonly name: string;
  readonly isQuick: boolean;
  readonly isLarge: boolean;
  readonly run: (context: JobContext) => Promise<readonly Finding[]>;
}

/** Cases that are measured the common way: each for itself, on dawngrad. */
export function measuredJobs(suite: SuiteName, cases: readonly BenchCase[]): Job[] {
  return cases.map((benchCase) => ({
    suite,
    name: benchCase.name,
    isQuick: benchCase.isQuick ?? false,
    isLarge: benchCase.isLarge ?? false,
    run: async ({ device, effort }) => [await measure(device, benchCase, effort)],
  }));
}
