import { ToolError } from '@dawngrad/tensor';
import type { EvalRow } from '../row.ts';
import type { PlotRun, RunLabels } from '../tables/plot-run.ts';
import { CATEGORIES } from './palette.ts';
import type { TraceChoice, TracePairs } from './trace-comparison.ts';

/** Rows of metrics.jsonl of a training run. */
export interface TrainingRun {
  readonly labels: RunLabels;
  readonly source: string;
  readonly metrics: readonly Readonly<Record<string, unknown>>[];
}

/** What a figure is made of. */
export interface FigureInput {
  /** In the order in which they are shown. */
  readonly runs: readonly PlotRun[];
  readonly trainings: readonly TrainingRun[];
  /** Rows of evaluations, for the kinds that show completions. */
  readonly rowsOf: (run: PlotRun) => readonly EvalRow[];
  /** The text of each token of a completion; null where no tokenizer is known. */
  readonly piecesOf: (run: PlotRun, row: EvalRow) => readonly string[] | null;
  /** Scored clean and edited traces. */
  readonly pairs: readonly TracePairs[];
  readonly trace: TraceChoice;
  /** Prompts that are shown, of kinds that show completions. */
  readonly prompts?: number;
  /** Keys of metrics.jsonl. */
  readonly metrics?: readonly string[];
}

/** @throws ToolError 'usage' where there are more series than can be told apart */
export function checkSeries(count: number, figure: string, most: number = CATEGORIES.length): void {
  if (count <= most) return;
  throw new ToolError('config', {
    op: figure,
    expected: `at most ${most} runs in one figure`,
    got: String(count),
    hint: 'choose with where, or make one figure for each value of a label with each.',
  });
}
