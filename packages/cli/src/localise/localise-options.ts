import type { DatasetName, Granularity, TextEditName } from '@dawngrad/airl';
import type { SelectorName } from '@dawngrad/eval';
import type { WantedFormat } from '@dawngrad/models';

/** What marks the errors: edits of our own, or labels that come with the data. */
export type LabelKind = 'controlled' | 'processbench' | 'prm800k' | 'spans' | 'annotations';

/** The command line of `dawngrad localise`; the names are those of the reference where it has them. */
export interface LocaliseOptions {
  readonly model: string;
  readonly critic: string;
  readonly data: string;
  readonly labels: LabelKind;
  readonly outputDir: string;
  readonly annotations?: string;
  readonly dataFormat: DatasetName;
  readonly split: string;
  readonly system: boolean;
  readonly granularity?: Granularity;
  readonly intervalTokens?: number;
  readonly dtype: WantedFormat;
  readonly criticDtype: WantedFormat;
  readonly traceSource: 'expert' | 'pregenerated';
  readonly pregenerated?: string;
  readonly cleanCorrectPolicy: 'require' | 'prefer' | 'ignore';
  readonly maxExamples: number;
  readonly startIndex: number;
  readonly maxSeverity: number;
  readonly variantsPerSeverity: number;
  readonly perturbFns: readonly TextEditName[];
  readonly aggregate: SelectorName;
  readonly localWindow: number;
  readonly windows: readonly number[];
  readonly hitKs: readonly number[];
  readonly zscoreBins: number;
  readonly zscoreMode: 'robust' | 'standard';
  readonly smoothWindow: number;
  readonly onsetThreshold: number;
  readonly onsetPersistence: number;
  readonly devFraction?: number;
  readonly resamples?: number;
  readonly seed: number;
  readonly maxPromptTokens: number;
  readonly maxCompletionTokens: number;
  readonly microBatchTokens: number;
  readonly json?: boolean;
}
