import { type CheckerName, type DatasetName, datasets } from '@dawngrad/airl';

export interface RowCheckerConfig {
  readonly format: DatasetName;
  /** Null: the one that the format asks for. */
  readonly checker: CheckerName | null;
}

/** The checker of a run's rows; training and evaluation take the same (D17). */
export function rowChecker({ format, checker }: RowCheckerConfig): CheckerName {
  return checker ?? datasets.get(format).checker;
}
