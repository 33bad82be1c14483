export { type Advantages, type CreditOptions, estimateAdvantages } from './credit/advantage.ts';
export { CREDIT_LEVELS, type CreditLevel, checkCredit, isCreditValid } from './credit/credit-level.ts';
export {
  type AdvantageEstimator,
  type EstimatorInput,
  type Normaliser,
  SCALES,
  type Scale,
} from './credit/estimators/estimator.ts';
export { ESTIMATORS, type EstimatorName, estimators, registerEstimator } from './credit/estimators/table.ts';
export { groupValues } from './credit/groups.ts';
export { LOCAL_SIGNALS, type LocalSignal, type LocalTermOptions } from './credit/local-term.ts';
export {
  type MarkValues,
  meanReward,
  REWARD_FORMS,
  REWARD_NORMALISATIONS,
  type RewardForm,
  type RewardNormalisation,
  type RewardOptions,
  type TraceReward,
  tokenRewards,
} from './credit/reward.ts';
export {
  REWARD_FUNCTIONS,
  type RewardFunctionName,
  type RewardWeights,
  weightedFunctions,
} from './credit/reward-functions.ts';
export type { OverlongOptions, RewardSources } from './credit/reward-sources.ts';
export type { ScoredCompletion } from './credit/scored-completion.ts';
export { divisorOf, type Spread } from './credit/spread.ts';
export { CRITIC_CONTROLS, type CriticControl } from './critic/control.ts';
export { CRITIC_KINDS, Critic, type CriticKind, type CriticOptions } from './critic/critic.ts';
export { type ChoiceFault, type CriticChoice, criticChoiceFaults } from './critic/critic-choice.ts';
export type { CriticRows } from './critic/critic-rows.ts';
export { countMarks } from './critic/objectives/count-marks.ts';
export type {
  CriticExample,
  CriticObjective,
  ObjectiveOptions,
  ObjectiveTerm,
  ObjectiveUpdate,
  PreparedObjective,
} from './critic/objectives/objective.ts';
export {
  CRITIC_OBJECTIVES,
  type CriticLossName,
  criticObjectives,
  registerCriticLoss,
} from './critic/objectives/table.ts';
export { CRITIC_POOLINGS, type CriticPooling } from './critic/pooling.ts';
export { ShapedHead, type Shaping } from './critic/shaped-head.ts';
export { checkExperts, type ExpertReport } from './data/check-experts.ts';
export { checkLengths, type LengthLimits, type OverlongPolicy } from './data/check-lengths.ts';
export {
  type BadRowPolicy,
  type CollectedExamples,
  type CollectOptions,
  collectExamples,
} from './data/collect-examples.ts';
export { type ContaminationOptions, findContamination, type Overlap } from './data/contamination.ts';
export { type DataRow, optionalText, requiredText, rowError } from './data/data-row.ts';
export type { Dataset, ExampleOfRow, HubSource } from './data/dataset.ts';
export { DATASETS, type DatasetName, datasets, registerDataset } from './data/datasets.ts';
export { Draws } from './data/draws.ts';
export { canonicalTarget, type Example, foldedPrompt } from './data/example.ts';
export { hashText } from './data/hash-text.ts';
export { THINK_THEN_ANSWER } from './data/instructions.ts';
export { LEAKAGE_PROBES, type LeakageProbe, type ProbedTrace, probeLeakage } from './data/leakage.ts';
export { DataOrder, permutation } from './data/order.ts';
export { type ProcessRow, processRow, solutionText } from './data/process-bench.ts';
export { assertDisjoint, cutDev, type TrainDev } from './data/splits.ts';
export { STREAMS } from './data/streams.ts';
export {
  type GuidedCost,
  type GuidedOptions,
  type GuidedResult,
  generateGuided,
} from './guided/generate-guided.ts';
export { GUIDANCE_METHODS, type Guidance, type GuidanceMethod } from './guided/guidance.ts';
export type { OpsdWeightOptions } from './loss/opsd-weights.ts';
export { DIVERGENCES, type DivergenceName, type DivergenceOptions } from './loss/policy/divergence.ts';
export { POLICY_LOSSES, type PolicyLossName } from './loss/policy/table.ts';
export { NORMALISATIONS, type Normalisation } from './loss/token-weights.ts';
export { METRICS, type MetricAlarm, type MetricDefinition, type MetricName, type MetricRow } from './metrics/names.ts';
export { PHASES, type Phase } from './metrics/phase.ts';
export { CORRUPTIONS, type CorruptionName, countCorruptions } from './perturb/corrupt-target.ts';
export { type EditedReasoning, editReasoning } from './perturb/edit-reasoning.ts';
export { corruptExperts, type ExpertErrorOptions, type ExpertErrors } from './perturb/expert-errors.ts';
export { TEXT_EDITS, type TextEditName } from './perturb/text-edits.ts';
export { longestTask } from './plan/longest-task.ts';
export { measureRun, type PlannedAdapter, type RunMeasure } from './plan/measure-run.ts';
export { MEMORY_PARTS, type MemoryPart, type PartBytes } from './plan/memory-parts.ts';
export type { PhaseMeasure } from './plan/phase-meter.ts';
export type { PlannedCritic, PlannedModel, PlannedRun, PlannedWork } from './plan/planned-run.ts';
export { checkRecords, type Label, setLabel, type TraceRecord } from './record.ts';
export { type RecordJson, recordFromJson, recordToJson } from './record-json.ts';
export { kindOf, type OtherName, type Registration, type Registry } from './registry.ts';
export { RELABEL_MODES, type RelabelMode, type RelabelOptions, relabel, usesChecker } from './relabel.ts';
export { Replay, type ReplayCapacity, type ReplayState } from './replay.ts';
export type { PlannedStage, Reporter } from './reporter.ts';
export { recordLogProbs } from './rollout/record-log-probs.ts';
export { type RolloutOptions, rollout } from './rollout/rollout.ts';
export { type TokenSignalOptions, type TokenSignals, tokenSignals } from './rollout/token-signals.ts';
export { type CriticScheduleOptions, criticLearningRate } from './schedule/critic-schedule.ts';
export {
  backfill,
  GRANULARITIES,
  type Granularity,
  marksOf,
  marksOfText,
  type Segment,
  segmentsOf,
} from './segment/marks.ts';
export { type StepRule, splitSteps } from './segment/step-splitter.ts';
export {
  corruptRecord,
  expertRecord,
  type MarkChoice,
  policyRecord,
  taskMarks,
  taskRecordRules,
} from './task/create-record.ts';
export { isCovered } from './task/inverse-rules/coverage.ts';
export { createDocument, type Document } from './task/inverse-rules/documents.ts';
export type { Setting } from './task/inverse-rules/environment.ts';
export { fudgedLines } from './task/inverse-rules/fudged-lines.ts';
export { longerChains } from './task/inverse-rules/longer-chains.ts';
export { type PlantedError, plantError } from './task/inverse-rules/planted-error.ts';
export { decodePrompt } from './task/inverse-rules/problem.ts';
export { proofread, type Verdict as ReviewVerdict } from './task/inverse-rules/proofread.ts';
export type { InverseRulesOptions, InverseRulesTask } from './task/inverse-rules/task.ts';
export { createInverseRulesTask } from './task/inverse-rules/task.ts';
export { inverseRulesTokenizer } from './task/inverse-rules/tokenizer.ts';
export { type FirstError, firstError, LINE_TOKENS, parseTrace } from './task/inverse-rules/trace.ts';
export { writerTrace } from './task/inverse-rules/writer-trace.ts';
export type { CorruptedExpert, Demonstration, Environment, Task, TaskPrompt } from './task/task.ts';
export { longestTeacherPrompt } from './task/teacher-prompt.ts';
export { createTextTask, type TextCodec, type TextTask, type TextTaskOptions } from './task/text-task.ts';
export { type TokenizerCodecOptions, tokenizerCodec } from './task/tokenizer-codec.ts';
export type { DevOptions } from './train/dev-accuracy.ts';
export { type GrpoOptions, type RoundOptions, trainGrpo } from './train/grpo.ts';
export { ON_SPIKE, type OnSpike } from './train/health.ts';
export type { IrlOptions } from './train/irl/irl-options.ts';
export { trainIrl } from './train/irl.ts';
export { type OpsdOptions, trainOpsd } from './train/opsd.ts';
export type { OptimOptions } from './train/optim-options.ts';
export type { PolicyObjective } from './train/policy-update.ts';
export { type PretrainOptions, pretrain } from './train/pretrain.ts';
export type { Checkpoints, CriticState, RunContext, SampleRow, TrainingResult } from './train/run-context.ts';
export { type SftOptions, trainSft } from './train/sft.ts';
export type { Counters, RestoredState, TrainingState } from './train/training-state.ts';
export { CHECKERS, type CheckerName, createChecker } from './verify/checkers.ts';
export { EXTRACTORS, type Extractor, type ExtractorName, extractAnswer } from './verify/extract.ts';
export {
  FORMAT_REWARDS,
  type FormatReward,
  type FormatRewardName,
  referenceTagCount,
} from './verify/format-rewards.ts';
export type { Checker, ChoiceOptions, Comparison, Outcome, Verdict } from './verify/verdict.ts';
