import type { DecoderModel } from '@dawngrad/models';
import type { Scale } from '../credit/estimators/estimator.ts';
import type { EstimatorName } from '../credit/estimators/table.ts';
import { weightedFunctions } from '../credit/reward-functions.ts';
import { type RewardSources, sourceReward } from '../credit/reward-sources.ts';
import { STREAMS } from '../data/streams.ts';
import type { Normalisation } from '../loss/token-weights.ts';
import { Alarms } from '../metrics/alarms.ts';
import type { TraceRecord } from '../record.ts';
import { rollout } from '../rollout/rollout.ts';
import type { Task } from '../task/task.ts';
import { type DevOptions, devAccuracy, isDevStep } from './dev-accuracy.ts';
import { DeviceMeter } from './device-metrics.ts';
import { Health } from './health.ts';
import { createOptimizer, learningRate, type OptimOptions } from './optim-options.ts';
import { PhaseClock } from './phase-clock.ts';
import { plannedStage } from './planned-stage.ts';
import { type PolicyObjective, policyUpdate } from './policy-update.ts';
import { createReference } from './reference-policy.ts';
import { resampleFlatGroups } from './resample-groups.ts';
import { goBackIfStuck } from './roll-back.ts';
import { roundAdvantages } from './round-advantages.ts';
import { completionTokens, roundMetrics, sampleRow, updateMetrics } from './round-log.ts';
import { roundPrompts } from './round-prompts.ts';
import type { RunContext, TrainingResult } from './run-context.ts';
import { isBestYet, stepEnd } from './step-end.ts';
import type { TrainingState } from './training-state.ts';

/** What rounds of sampling and learning have in common. */
export interface RoundOptions extends PolicyObjective {
  readonly seed: number;
  /** Peak learning rate of the policy. */
  readonly lr: number;
  readonly optim: OptimOptions;
  /** Rewards besides the trainer's own. */
  readonly sources?: RewardSources;
  /** Optimiser steps on each round of samples. */
  readonly updatesPerRound: number;
  readonly normalisation: Normalisation;
  readonly groupSize: number;
  readonly temperature: number;
  /** Rounds. */
  readonly maxSteps: number;
  readonly promptsPerRound: number;
  readonly unlabelledFraction: number;
  readonly microBatchTokens: number;
  readonly dev?: DevOptions;
  /** Prompts of each round whose samples are logged. */
  readonly loggedPrompts: number;
}

export interface GrpoOptions extends RoundOptions {
  readonly scale: Scale;
  /** Baseline and divisor; `group` unless said. */
  readonly estimator?: EstimatorName;
  /** Times that groups without spread are drawn again in a round (DAPO's dynamic sampling); 0 unless said. */
  readonly maxResamples?: number;
}

/**
 * GRPO with the outcome reward: R = 1 (or the weight of outcomes) where the checker accepts a sample, else 0, or with
 * the weighted sum of named reward functions;
 * A = (R - mean of the group) / (std of the group + 1e-4), the same for all tokens of a sample.
 */
export async function trainGrpo(
  policy: DecoderModel,
  task: Task,
  options: GrpoOptions,
  context: RunContext,
): Promise<TrainingResult> {
  const { seed, maxSteps, groupSize, temperature, scale, estimator = 'group', maxResamples = 0, dev } = options;
  const functions = options.sources?.functions ?? {};
  const outcomeWeight = options.sources?.outcomeWeight ?? (weightedFunctions(functions).length === 0 ? 1 : 0);
  const sources = { ...options.sources, outcomeWeight };
  const rewardOf = (record: TraceRecord): number => sourceReward(record, sources, task.maxCompletionTokens) ?? 0;
  const { checkpoints, reporter } = context;
  const clock = new PhaseClock(context);
  const reference = options.klBeta > 0 ? await createReference(policy) : undefined;
  const optimizer = createOptimizer(policy.trainableParameters(), options.optim);
  const rate = learningRate(options.lr, maxSteps, options.optim);
  const counters = { step: 0, tokens: 0, bestAccuracy: -1, bestStep: 0 };
  const health = new Health(reporter, context.onSpike);
  const state: TrainingState = { method: 'grpo', policy, optimizer, counters, parts: { health } };
  try {
    await checkpoints?.restore(state);
    const meter = new DeviceMeter(policy.device);
    const alarms = new Alarms(reporter);
    reporter.plan?.([plannedStage('grpo', counters.step, maxSteps, dev, checkpoints)]);
    if (counters.step === 0 && isDevStep(0, maxSteps, dev)) {
      context.metrics({ step: 0, ...(await devAccuracy(policy, task, dev, { seed, step: 0 }, clock)), ...clock.row() });
    }
    let savedStep = counters.step;
    while (counters.step < maxSteps) {
      const round = counters.step + 1;
      const dataRound = round + health.shift;
      clock.begin('rollout');
      meter.restart();

      const shouldAbandon = (): boolean => context.shouldAbandonRound?.() === true;
      const sampled = await rollout(
        policy,
        task,
        roundPrompts(task, dataRound, options),
        {
          samplesPerPrompt: groupSize,
          temperature,
          seed,
          stream: STREAMS.rollout,
          round: dataRound,
          marks: { granularity: 'sparse' },
          onProgress: clock.onProgress,
        },
        shouldAbandon,
      );
      const informative =
        sampled &&
        (await resampleFlatGroups(
          policy,
          task,
          sampled,
          dataRound,
          { ...options, maxResamples, rewardOf, onProgress: clock.onProgress },
          shouldAbandon,
        ));
      if (informative === undefined) {
        if (savedStep < counters.step) await checkpoints?.save(state, { isBest: false });
        return { status: 'stopped', step: counters.step };
      }
      const { records, resampled } = informative;
      clock.count('rollout', completionTokens(records));

      clock.begin('reward');
      const advantages = await roundAdvantages(
        records,
        records.map(({ correct, completionIds }) =>
          new Float32Array(completionIds.length).fill(correct ? outcomeWeight : 0),
        ),
        reference,
        {
          ...options,
          credit: { level: 'sequence', estimator, scale, gamma: 1 },
          // The outcome is the reward of the tokens already.
          sources: { ...options.sources, outcomeWeight: 0 },
          maxTokens: task.maxCompletionTokens,
        },
      );

      clock.count('reward', completionTokens(records));

      clock.begin('update');
      const lr = rate(counters.step);
      health.limit({ policy: optimizer });
      const update = await policyUpdate(policy, reference, optimizer, records, {
        ...options,
        lr,
        updates: options.updatesPerRound,
        maxTokens: task.maxCompletionTokens,
        onRecorded: context.onRecorded,
      });

      counters.step = round;
      counters.tokens += update.tokens;
      health.observe(round, { policy: update.steps });
      clock.end();
      clock.count('update', update.tokens * options.updatesPerRound);
      const row = {
        step: round,
        lr,
        num_tokens: counters.tokens,
        ...roundMetrics(records, advantages, functions),
        ...updateMetrics(update),
        ...(maxResamples > 0 ? { 'sampling/resampled_groups': resampled } : {}),
        'perf/tokens_per_second': update.tokens / clock.seconds(),
        ...health.row(),
        ...meter.row(),
        ...(isDevStep(round, maxSteps, dev) ? await devAccuracy(policy, task, dev, { seed, step: round }, clock) : {}),
        ...clock.row(),
      };
      context.metrics(row);
      alarms.check(row);
      records.slice(0, options.loggedPrompts * groupSize).forEach((record, i) => {
        context.samples(sampleRow(task, round, record, advantages.rewards[i]!));
      });
      reporter.step('grpo', round, maxSteps, row);
      if (await goBackIfStuck(() => state, health, context)) {
        savedStep = counters.step;
        continue;
      }

      const end = stepEnd(context, { step: round, maxSteps, isBest: isBestYet(counters, round, row) });
      if (end.saves) {
        await clock.during('save', async () => checkpoints?.save(state, end));
        savedStep = round;
      }
      if (end.stops) return { status: 'stopped', step: round };
    }
    return { status: 'finished', step: counters.step };
  } finally {
    reference?.dispose();
    optimizer.dispose();
  }
}
