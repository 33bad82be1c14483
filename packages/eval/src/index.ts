export {
  type BestOfRow,
  type EvaluationOptions,
  type EvaluationSummary,
  evaluateRows,
  type PassAtK,
  passAt1ByPrompt,
  type Separation,
} from './evaluate-rows.ts';
export { aurocByPrompt, eceByPrompt, type Scored, scoreProbability } from './metrics/calibration.ts';
export {
  aboveChance,
  chanceHit,
  type Grid,
  hitsChange,
  largestDrop,
  randomAveragePrecision,
} from './metrics/localise.ts';
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
