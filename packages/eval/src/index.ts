export {
  type BestOfRow,
  type EvaluationOptions,
  type EvaluationSummary,
  evaluateRows,
  type PassAtK,
  passAt1ByPrompt,
  type Separation,
} from './evaluate-rows.ts';
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
export { aboveChance, chanceHit, chanceOfAny, type Grid, hitsChange } from './localise/grid.ts';
export type { HeadlineRow } from './localise/headline.ts';
export type { JudgedRow, Measure } from './localise/judge.ts';
export { largestChange, largestDifference, largestDrop } from './localise/localisers.ts';
export { pairDetail } from './localise/pair-detail.ts';
export { harmonicMean, type ProcessRow } from './localise/process-f1.ts';
export type { ScoredPair } from './localise/scored-pair.ts';
export { type LabelledOptions, type SpanSummary, type SpanTrace, summariseSpans } from './localise/span-summary.ts';
export { type StepSummary, summariseSteps } from './localise/step-summary.ts';
export type { StepTrace } from './localise/step-trace.ts';
export { SIGNAL_NAMES, type SignalName, type TraceSignals } from './localise/trace-signals.ts';
export {
  type AnnotatedCase,
  labelledUnit,
  scoreSpan,
  summariseUnits,
  type UnitSummary,
  type VisibleUnit,
} from './localise/unit-summary.ts';
export { aurocByPrompt, eceByPrompt, type Scored, scoreProbability } from './metrics/calibration.ts';
export { effectiveCorrect, passAtK, rewardWeightedPassAtK, softmaxMass } from './metrics/pass-at-k.ts';
export { bestOf, type Candidate, RANKER_NAMES, type RankerName } from './metrics/rerank.ts';
export { type AnswerSpan, SELECTOR_NAMES, type SelectorName, selectScore } from './metrics/selectors.ts';
export { oracle, successAtK } from './metrics/success-at-k.ts';
export { majorityShare, weightedMajorityShare } from './metrics/vote.ts';
export { groupByPrompt, joinRows, type PromptGroup } from './prompt-group.ts';
export { type RowContext, rowOfRecord } from './record-row.ts';
export type { ReportCompletion, ReportToken } from './report/completions.ts';
export type { Curve, MetricRow, StageCurves } from './report/curves.ts';
export { formatEstimate, formatPercent, formatPoints } from './report/format.ts';
export type { Histogram } from './report/histogram.ts';
export { type ReportInput, type ReportMethod, type ReportRun, renderReport } from './report/report.ts';
export {
  type EvaluatedPolicy,
  type ReportSummary,
  type Rerank,
  type ResultRow,
  type StageMetrics,
  summarise,
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
  readRows,
} from './row.ts';
export { type Estimate, estimateMean, estimateStatistic, pairedDifference } from './stats/estimate.ts';
export { drawResamples, type Interval, percentileInterval, type Resamples } from './stats/resample.ts';
export { wilsonInterval } from './stats/wilson.ts';
