export { type CollectRowsOptions, collectRows, type RowCollection, readRows } from './collect-rows.ts';
export { compareRuns, type NamedRows, passAt1OverSeeds, type RunComparison } from './compare-runs.ts';
export {
  BEST_OF_SIZES,
  type EvaluationOptions,
  type EvaluationSummary,
  evaluateRows,
  PASS_KS,
  passAt1ByPrompt,
  type Separation,
} from './evaluate-rows.ts';
export type { BestOfRow, PassAtK, RewardGain, SelectorRow, TestedDifference } from './evaluation/best-of-summary.ts';
export type { CalibrationNumbers, CalibrationSummary } from './evaluation/calibration-summary.ts';
export type { CategoryRow } from './evaluation/category-rows.ts';
export {
  EVALUATION_SCHEMA,
  type EvaluationCell,
  type EvaluationFile,
  type EvaluationFileOptions,
  type EvaluationSettings,
  type EvaluationSource,
  evaluationFile,
} from './evaluation/evaluation-file.ts';
export type { CorrelationMatrix, RewardDifference } from './evaluation/reward-tests.ts';
export { type ChartSpec, COLUMN_WIDTH, type Figure, type TextMeasure, type TextStyle } from './figures/figure.ts';
export type { FigureInput, TrainingRun } from './figures/figure-input.ts';
export { FIGURE_KIND_NAMES, FIGURE_KINDS, type FigureKindName } from './figures/figure-kinds.ts';
export { CATEGORIES } from './figures/palette.ts';
export type { TraceChoice, TracePair, TracePairs } from './figures/trace-comparison.ts';
export { type Annotation, parseAnnotation, saysAnswerOnly } from './localise/annotation.ts';
export { averagePrecision, randomAveragePrecision } from './localise/average-precision.ts';
export { changedPositions } from './localise/changed-positions.ts';
export {
  type ControlledOptions,
  type ControlledSummary,
  type MeasuredPair,
  measurePairs,
  summariseControlled,
} from './localise/controlled-summary.ts';
export { deltaMetrics } from './localise/delta-metrics.ts';
export { fitThreshold } from './localise/fit-threshold.ts';
export { aboveChance, chanceHit, chanceOfAny, type Grid, hitsChange } from './localise/grid.ts';
export type { HeadlineRow } from './localise/headline.ts';
export type { JudgedRow, Measure } from './localise/judge.ts';
export { largestChange, largestDifference, largestDrop } from './localise/localisers.ts';
export { pairDetail } from './localise/pair-detail.ts';
export { harmonicMean, type ProcessRow } from './localise/process-f1.ts';
export type { ScoredPair } from './localise/scored-pair.ts';
export { severityTable } from './localise/severity-table.ts';
export { type LabelledOptions, type SpanSummary, type SpanTrace, summariseSpans } from './localise/span-summary.ts';
export { type StepSummary, summariseSteps } from './localise/step-summary.ts';
export { type StepTrace, stepBadness, stepChanges } from './localise/step-trace.ts';
export { SIGNAL_NAMES, type SignalName, type TraceSignals } from './localise/trace-signals.ts';
export {
  type AnnotatedCase,
  labelledUnit,
  scoreSpan,
  summariseUnits,
  type UnitSummary,
  type VisibleUnit,
} from './localise/unit-summary.ts';
export {
  aurocByPrompt,
  brierByPrompt,
  eceByPrompt,
  type ReliabilityBin,
  reliabilityBins,
  type Scored,
  scoreProbability,
  type ToProbability,
} from './metrics/calibration.ts';
export { effectiveCorrect, passAtK, rewardWeightedPassAtK, softmaxMass } from './metrics/pass-at-k.ts';
export {
  BEST_OF_RULES,
  type BestOfRule,
  bestOf,
  type Candidate,
  RANKER_NAMES,
  type RankerName,
} from './metrics/rerank.ts';
export { fitIsotonic, fitTemperature, type IsotonicScaling, type TemperatureScaling } from './metrics/scaling.ts';
export { type AnswerSpan, answerSpan, SELECTOR_NAMES, type SelectorName, selectScore } from './metrics/selectors.ts';
export { oracle, successAtK } from './metrics/success-at-k.ts';
export { majorityShare, weightedMajorityShare } from './metrics/vote.ts';
export { groupByPrompt, joinRows, type PromptGroup } from './prompt-group.ts';
export { type RowContext, rowOfRecord } from './record-row.ts';
export { formatReferenceRow, promptKey } from './reference-row.ts';
export type { ReportCompletion, ReportCompletions } from './report/completion-blocks.ts';
export { formatDuration, formatEstimate, formatPercent, formatPoints } from './report/format.ts';
export type { Plot, PlotLine } from './report/page-data.ts';
export { type RenderOptions, renderReport } from './report/render-report.ts';
export type {
  MissingPart,
  ReportDifference,
  ReportInput,
  ReportRun,
  ReportSection,
} from './report/report-input.ts';
export type { MetricRow, StageMetrics } from './report/stages.ts';
export {
  type EvaluatedPolicy,
  type PolicyNumbers,
  type ReportSummary,
  type Rerank,
  type ResultRow,
  summarise,
  summaryOf,
} from './report/summarise.ts';
export { bestOfTable, resultTable } from './report/summary-tables.ts';
export { type Column, renderMarkdownTable, renderTextTable, type Table } from './report/table.ts';
export {
  type EvalRow,
  formatRow,
  isCorrect,
  type Message,
  parseRow,
  ROW_SCHEMA,
  type RowSource,
} from './row.ts';
export { averageRanks, pearson, spearman } from './stats/correlation.ts';
export { type Estimate, estimateMean, estimateStatistic, pairedDifference } from './stats/estimate.ts';
export { type PairedTest, pairedTest } from './stats/paired-test.ts';
export { drawResamples, type Interval, percentileInterval, type Resamples } from './stats/resample.ts';
export { estimateOverSeeds, type SeedEstimate } from './stats/seeds.ts';
export { tInterval } from './stats/student.ts';
export { type WelchTest, welchTest } from './stats/welch.ts';
export { wilsonInterval } from './stats/wilson.ts';
export type { LocalisationRun, LocalisationSummary } from './tables/localisation-table.ts';
export { inLabelOrder, type LabelOrder, seedGroups } from './tables/order-runs.ts';
export type { NumberCell, PaperCell, PaperColumn, PaperTable } from './tables/paper-table.ts';
export { checkDistinct, type PlotRun, type RunLabels, type SeedGroup } from './tables/plot-run.ts';
export type { TableInput } from './tables/table-input.ts';
export { TABLE_KIND_NAMES, TABLE_KINDS, type TableKindName } from './tables/table-kinds.ts';
export { writeCsv } from './tables/write-csv.ts';
export { writeLatex } from './tables/write-latex.ts';
export { writeMarkdown } from './tables/write-markdown.ts';
export { parseTransferLabel, type TransferLabel, transferLabel } from './transfer/transfer-label.ts';
export {
  type TransferCell,
  type TransferMatrix,
  type TransferOptions,
  type TransferRows,
  transferMatrix,
} from './transfer/transfer-matrix.ts';
export { transferCsv, transferLatex, transferMarkdown, transferText } from './transfer/transfer-text.ts';
