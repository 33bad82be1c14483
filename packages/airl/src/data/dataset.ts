import type { CheckerName } from '../verify/checkers.ts';
import type { DataRow } from './data-row.ts';
import type { Example } from './example.ts';

/** What a row gives; the id is the row's own `id` or its place, unless it is set here. */
export type ExampleOfRow = Omit<Example, 'id' | 'system'> & { readonly id?: string; readonly system?: string };

/** Where a data set is published, and which files hold which split. */
export interface HubSource {
  /** `owner/name` of the data set's repository. */
  readonly repo: string;
  readonly files: Readonly<Record<string, readonly string[]>>;
}

/** A kind of rows, and what is asked of answers to them. */
export interface Dataset {
  /** The fields of a row, for help texts. */
  readonly fields: string;
  /** The instruction before each question; absent where rows bring their own. */
  readonly system?: string;
  /** How an answer is compared with the gold answer. */
  readonly checker: CheckerName;
  readonly source?: HubSource;
  /** The example of a row, or undefined for a row that does not belong to the set. Throws `rowError`. */
  readonly toExample: (row: DataRow) => ExampleOfRow | undefined;
}
