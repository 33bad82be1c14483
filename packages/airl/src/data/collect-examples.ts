import { ToolError } from '@dawngrad/tensor';
import type { RowOrFault } from './data-row.ts';
import { rowError } from './data-row.ts';
import type { Dataset } from './dataset.ts';
import { type DatasetName, datasets } from './datasets.ts';
import type { Example } from './example.ts';
import { isBadRow, parseJsonl } from './parse-jsonl.ts';

/** What becomes of a file with rows that cannot be used. */
export type BadRowPolicy = 'error' | 'drop';

export interface CollectOptions {
  /** Rows to read at most, counted before any is left out. Default: all. */
  readonly maxRows?: number;
  /** Default `error`. */
  readonly badRows?: BadRowPolicy;
  /** Whether rows must have an expert's completion; those without are bad rows. Default: as the name's `_kd` says. */
  readonly needsTarget?: boolean;
}

export interface CollectedExamples {
  readonly examples: readonly Example[];
  /** Rows read. */
  readonly rows: number;
  /** Rows that do not belong to the set. */
  readonly skipped: number;
  /** Rows left out under `drop`. */
  readonly dropped: number;
  /** The faults of the first rows left out, with file and number. */
  readonly faults: readonly string[];
}

const SHOWN_FAULTS = 5;

/** Makes examples of rows as they come; the rows themselves are not kept. */
export class ExampleCollector {
  private readonly dataset: Dataset;
  private readonly options: CollectOptions;
  private readonly needsTarget: boolean;
  private readonly examples: Example[] = [];
  private readonly placeOfId = new Map<string, string>();
  private readonly faults: { readonly fault: ToolError; readonly place: string }[] = [];
  private rows = 0;
  private skipped = 0;
  private bad = 0;

  constructor(name: DatasetName, options: CollectOptions = {}) {
    this.dataset = datasets.get(name);
    this.options = options;
    this.needsTarget = options.needsTarget ?? name.endsWith('_kd');
  }

  /** Takes a row; false when no more are wanted. */
  add(row: RowOrFault): boolean {
    this.rows++;
    try {
      if (isBadRow(row)) throw row.fault;
      const made = this.dataset.toExample(row);
      if (made === undefined) this.skipped++;
      else {
        if (this.needsTarget && made.target === undefined) throw rowError(row, "an expert's reasoning", 'none');
        const place = `${row.file}:${row.number}`;
        const id = made.id ?? place;
        const earlier = this.placeOfId.get(id);
        if (earlier !== undefined) throw rowError(row, 'an id of its own', `"${id}", the id of ${earlier}`);
        this.placeOfId.set(id, place);
        const system = made.system ?? this.dataset.system;
        this.examples.push({ ...made, id, ...(system === undefined ? {} : { system }) });
      }
    } catch (fault) {
      // Anything but a row's own fault is a bug and must be seen.
      if (!(fault instanceof ToolError)) throw fault;
      this.bad++;
      if (this.faults.length < SHOWN_FAULTS) this.faults.push({ fault, place: String(row.number) });
    }
    return this.rows !== this.options.maxRows;
  }

  /**
   * The examples. Bad rows are one error that shows the first and tells the places of others; under `drop`
   * they are counted. A file that gives no example is an error either way.
   *
   * @param file the file's name, or the names of several, for the message
   */
  finish(file: string): CollectedExamples {
    const { examples, rows, skipped, bad, faults } = this;
    if (bad > 0 && ((this.options.badRows ?? 'error') === 'error' || examples.length === 0)) throw this.badRowsError();
    if (examples.length === 0) {
      throw new ToolError('config', {
        op: file,
        expected: 'at least one row',
        got: rows === 0 ? 'an empty file' : `${rows} rows, none of this data set`,
      });
    }
    return { examples, rows, skipped, dropped: bad, faults: faults.map(({ fault }) => fault.message) };
  }

  private badRowsError(): ToolError {
    const { fault } = this.faults[0]!;
    const others = this.faults.slice(1).map(({ place }) => place);
    const more = this.bad - 1 - others.length;
    const places = `${others.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
    const { op, expected, got, hint } = fault.detail;
    const whole = this.bad === 1 ? got : `${got}; ${this.bad} of ${this.rows} rows cannot be used, also ${places}`;
    const advice =
      hint ?? (this.bad < this.rows ? 'Mend them, or leave such rows out with data.bad_rows=drop.' : undefined);
    return new ToolError(fault.code, {
      op,
      expected,
      got: whole,
      ...(advice === undefined ? {} : { hint: advice }),
      cause: fault,
    });
  }
}

/**
 * The examples of a JSONL file's lines.
 *
 * @param file the name for error messages and ids
 * @throws ToolError `config` for bad rows, naming file and lines
 */
export function collectExamples(
  name: DatasetName,
  lines: Iterable<string>,
  file: string,
  options: CollectOptions = {},
): CollectedExamples {
  const collector = new ExampleCollector(name, options);
  for (const row of parseJsonl(lines, file)) if (!collector.add(row)) break;
  return collector.finish(file);
}
