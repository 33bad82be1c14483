import type { DecoderModel } from '@dawngrad/models';
import { ToolError } from '@dawngrad/tensor';
import type { CreditOptions } from '../credit/advantage.ts';
import { checkCredit } from '../credit/credit-level.ts';
import type { RewardOptions } from '../credit/reward.ts';
import type { Critic } from '../critic/critic.ts';
import { auroc, criticMetrics } from '../critic/critic-metrics.ts';
import { type CriticUpdate, criticUpdate, readCriticUpdates } from '../critic/critic-update.ts';
import { type DrawnExamples, drawExamples } from '../critic/draw-examples.ts';
import { DataOrder } from '../data/order.ts';
import { STREAMS } from '../data/streams.ts';
import { Alarms } from '../metrics/alarms.ts';
import type { MetricRow } from '../metrics/names.ts';
import { checkRecords, type TraceRecord } from '../record.ts';
import { type RelabelMode, relabel } from '../relabel.ts';
import { Replay } from '../replay.ts';
import { rollout } from '../rollout/rollout.ts';
import { criticLearningRate } from '../schedule/critic-schedule.ts';
import { expertRecord, type MarkChoice, taskRecordRules } from '../task/create-record.ts';
import type { Task } from '../task/task.ts';
import { devAccuracy, isDevStep } from './dev-accuracy.ts';
import { DeviceMeter } from './device-metrics.ts';
import { joinExperts } from './expert-groups.ts';
import type { RoundOptions } from './grpo.ts';
import { countSkip, stopIfStuck } from './health.ts';
import { createOptimizer, learningRate, type OptimOptions } from './optim-options.ts';
import { policyUpdate } from './policy-update.ts';
import { createReference } from './reference-policy.ts';
import { roundAdvantages } from './round-advantages.ts';
import { roundMetrics, sampleRow, updateMetrics } from './round-log.ts';
import { demonstratedPerRound, roundPrompts } from './round-prompts.ts';
import type { RunContext, TrainingResult } from './run-context.ts';
import type { TrainingState } from './training-state.ts';

export interface IrlOptions extends RoundOptions {
  readonly critic: {
    /** Peak learning rate. */
    readonly lr: number;
    /** Updates in which it rises from 0; absent: all of the critic's warm-up. */
    readonly lrWarmupUpdates?: number;
    /** What follows. */
    readonly lrDecay: 'cosine' | 'none';
    /** Of these, the fields of the schedule are not used. */
    readonly optim: OptimOptions;
    /** Targets are 1 - e for experts and e for negatives. */
    readonly labelSmoothing: number;
    readonly updatesPerRound: number;
    readonly expertsPerUpdate: number;
    readonly policyPerUpdate: number;
    /** The fixed-critic control. */
    readonly freezeAfterWarmup: boolean;
  };
  readonly reward: MarkChoice & RewardOptions;
  readonly credit: CreditOptions;
  /** Whether each demonstrated prompt's expert is scored and learned from like one more sample; false unless said. */
  readonly expertInGroup?: boolean;
  /** Corrupted copies of each expert in an update. */
  readonly corruptedPerExpert: number;
  readonly relabel: RelabelMode;
  readonly replay: {
    /** Rounds of samples that updates draw from besides the current one; the warm-up's count as earlier ones. */
    readonly rounds: number;
    /** Least share of an update's policy samples that comes from the current round. */
    readonly onPolicyFraction: number;
  };
  readonly warmup: {
    /** Critic updates before the first round. */
    readonly steps: number;
    /** Completions of the starting policy for each demonstrated prompt. */
    readonly samplesPerPrompt: number;
  };
}

/**
 * R-AIRL (r-airl.md, sections 3, 4 and 12). The critic learns to tell expert traces from the policy's; its
 * logit is the reward of the next policy step; both take turns. Only with `relabel` does it look at
 * answers: otherwise the checker's verdicts go to the log alone. Trains `policy` and `critic` in place.
 */
export async function trainIrl(
  policy: DecoderModel,
  critic: Critic,
  task: Task,
  options: IrlOptions,
  context: RunContext,
): Promise<TrainingResult> {
  const { seed, maxSteps, groupSize, temperature, reward, warmup, microBatchTokens, dev } = options;
  const { checkpoints, reporter, nowMs } = context;
  checkCredit(reward.granularity, options.credit.level);
  if (task.demonstrations.length === 0) {
    throw new ToolError('config', { op: task.name, expected: 'at least one demonstration', got: 'none' });
  }
  const roundUpdates = options.critic.freezeAfterWarmup ? 0 : options.critic.updatesPerRound;
  const demonstrated = demonstratedPerRound(task, options);
  if (demonstrated === 0 && roundUpdates > 0) {
    throw new ToolError('config', {
      op: 'train.unlabelled_fraction, train.prompts_per_round',
      expected: 'at least one demonstrated prompt a round, for the critic to learn from',
      got: `none of ${options.promptsPerRound} at an unlabelled fraction of ${options.unlabelledFraction}`,
      hint: 'lower train.unlabelled_fraction or raise train.prompts_per_round.',
    });
  }
  const reference = options.klBeta > 0 ? await createReference(policy) : undefined;
  const optimizer = createOptimizer(policy.trainableParameters(), options.optim);
  const rate = learningRate(options.lr, maxSteps, options.optim);
  const criticOptimizer = createOptimizer(critic.parameters(), options.critic.optim);
  const criticRate = {
    peak: options.critic.lr,
    warmup: options.critic.lrWarmupUpdates ?? warmup.steps,
    total: warmup.steps + maxSteps * roundUpdates,
    decay: options.critic.lrDecay,
  };

  const experts = task.demonstrations.map((demonstration) => ({
    demonstration,
    record: expertRecord(task, demonstration, reward),
  }));
  const expertOf = new Map(experts.map(({ record }) => [record.promptId, record]));
  const promptOf = new Map(task.demonstrations.map((demonstration) => [demonstration.id, demonstration]));
  // The updates of a warm-up cannot see more prompts than they draw.
  const warmupPrompts = Math.min(experts.length, warmup.steps * options.critic.expertsPerUpdate);
  const warmupCapacity = warmupPrompts * warmup.samplesPerPrompt;
  const capacity = (options.replay.rounds + 1) * demonstrated * groupSize;
  const replayOf = (size: number, held: Replay<TraceRecord>['state']): Replay<TraceRecord> =>
    new Replay<TraceRecord>({ positives: size, negatives: size }, held);

  let replay = replayOf(warmupCapacity, { positives: [], negatives: [] });
  const counters = { step: 0, tokens: 0, skipped: 0, skippedInRow: 0, criticUpdates: 0 };
  const state = (): TrainingState => {
    return { method: 'irl', policy, optimizer, critic, criticOptimizer, replay, counters };
  };

  /** Checks and labels new samples; those of demonstrated prompts go into the critic's memory. */
  const remember = (records: readonly TraceRecord[], round: number): number => {
    const demonstrated = records.filter(({ promptId }) => expertOf.has(promptId));
    const theirExperts = new Set(demonstrated.map(({ promptId }) => expertOf.get(promptId)!));
    checkRecords([...theirExperts, ...records], taskRecordRules(task, reward));
    const { relabelled } = relabel(demonstrated, {
      mode: options.relabel,
      round,
      experts: expertOf,
      check: (completionText, gold, { promptId }) => task.check(completionText, { ...promptOf.get(promptId), gold }),
    });
    replay.push({
      positives: demonstrated.filter(({ label }) => label === 'positive'),
      negatives: demonstrated.filter(({ label }) => label === 'negative'),
    });
    return relabelled;
  };

  /**
   * Records the next critic update on examples drawn for it. Where relabelling has left no negative there is
   * nothing to tell apart: the update counts, so that the schedule goes on, and is undefined.
   */
  const updateCritic = (
    round: number,
  ): { readonly drawn: DrawnExamples; readonly update: CriticUpdate } | undefined => {
    const counts = { ...options.critic, corruptedPerExpert: options.corruptedPerExpert };
    const share = { round, fraction: options.replay.onPolicyFraction };
    const drawn = drawExamples(task, experts, replay, counts, reward, { seed, update: counters.criticUpdates, share });
    counters.criticUpdates++;
    if (options.relabel !== 'off' && drawn.negatives.length === 0) return undefined;
    const update = criticUpdate(critic, criticOptimizer, task, drawn, {
      lr: criticLearningRate(counters.criticUpdates, criticRate),
      labelSmoothing: options.critic.labelSmoothing,
      microBatchTokens,
    });
    return { drawn, update };
  };

  /** Reads a round's critic updates; the row describes the last one. */
  const finishUpdates = async (recorded: readonly ReturnType<typeof updateCritic>[]): Promise<MetricRow> => {
    const updates = recorded.filter((one) => one !== undefined);
    const results = await readCriticUpdates(updates.map(({ update }) => update));
    const last = updates.at(-1);
    const nonFinite = results.reduce((total, result) => total + result.nonFinite, 0);
    const counts = {
      'health/nonfinite': nonFinite,
      'disc/updates': counters.criticUpdates,
      'disc/skipped': recorded.length - updates.length,
    };
    if (last === undefined) return counts;
    return {
      ...counts,
      ...criticMetrics(results.at(-1)!, options.critic.labelSmoothing),
      'disc/on_policy': last.drawn.onPolicy,
      'disc/replayed': last.drawn.replayed,
      'disc/corrupted': last.drawn.corrupted,
    };
  };

  try {
    const restored = await checkpoints?.restore(state());
    if (restored?.replay !== undefined) {
      replay = replayOf(counters.criticUpdates < warmup.steps ? warmupCapacity : capacity, restored.replay);
    }
    const meter = new DeviceMeter(policy.device);
    const alarms = new Alarms(reporter);
    const isNew = counters.step === 0 && counters.criticUpdates === 0;
    if (isNew && isDevStep(0, maxSteps, dev)) {
      context.metrics({ step: 0, ...(await devAccuracy(policy, task, dev, { seed, step: 0 })) });
    }

    // Warm-up: the critic alone, against samples of the starting policy.
    if (isNew && warmup.steps > 0) {
      reporter.note(`sampling ${warmupCapacity} completions of the starting policy for the critic's warm-up`);
      const order = new DataOrder(seed, STREAMS.dataOrder, task.demonstrations.length);
      const prompts = Array.from({ length: warmupPrompts }, (_, i) => task.demonstrations[order.at(i)]!);
      const samples = await rollout(
        policy,
        task,
        prompts,
        {
          samplesPerPrompt: warmup.samplesPerPrompt,
          temperature,
          seed,
          stream: STREAMS.warmupRollout,
          round: 0,
          marks: reward,
        },
        () => context.shouldAbandonRound?.() === true,
      );
      if (samples === undefined) return { status: 'stopped', step: 0 };
      remember(samples, 0);
    }
    while (counters.criticUpdates < warmup.steps) {
      const startMs = nowMs();
      meter.restart();
      const recorded = updateCritic(0);
      const criticRow = await finishUpdates([recorded]);
      const tokens = recorded?.update.tokens ?? 0;
      const row: MetricRow = {
        step: 0,
        ...criticRow,
        'perf/tokens_per_second': tokens / ((nowMs() - startMs) / 1000),
        ...meter.row(),
      };
      countSkip(counters, row['health/nonfinite'] ?? 0);
      context.metrics(row);
      alarms.check(row);
      reporter.step('critic warm-up', counters.criticUpdates, warmup.steps, row);
      stopIfStuck(counters, 0);
      const stops = context.shouldStop();
      if (stops || counters.criticUpdates === warmup.steps) await checkpoints?.save(state(), { isBest: false });
      if (stops) return { status: 'stopped', step: 0 };
    }
    if (counters.step === 0) {
      replay = replayOf(capacity, options.replay.rounds > 0 ? replay.state : { positives: [], negatives: [] });
    }

    let savedStep = counters.step;
    while (counters.step < maxSteps) {
      const round = counters.step + 1;
      const startMs = nowMs();
      meter.restart();

      // 1. Samples of the current policy, labelled and remembered.
      const records = await rollout(
        policy,
        task,
        roundPrompts(task, round, options),
        {
          samplesPerPrompt: groupSize,
          temperature,
          seed,
          stream: STREAMS.rollout,
          round,
          marks: reward,
        },
        () => context.shouldAbandonRound?.() === true,
      );
      if (records === undefined) {
        if (savedStep < counters.step) await checkpoints?.save(state(), { isBest: false });
        return { status: 'stopped', step: counters.step };
      }
      const relabelled = remember(records, round);
      const rolledMs = nowMs();

      // 2. The critic learns from them.
      const criticRow = await finishUpdates(Array.from({ length: roundUpdates }, () => updateCritic(round)));
      const criticMs = nowMs();

      // 3. Its logits, after these updates, are the reward.
      const joined = options.expertInGroup ? await joinExperts(policy, records, expertOf, options) : { records };
      await critic.score(task, joined.records, microBatchTokens, reward);
      const all = await roundAdvantages(
        joined.records,
        joined.records.map(({ critic: rewards }) => rewards!),
        reference,
        { ...options, ...joined, maxTokens: task.maxCompletionTokens },
      );
      // Metrics are of the samples; experts come after them.
      const advantages = { ...all, rewards: all.rewards.slice(0, records.length) };
      const scoredMs = nowMs();

      // 4. The policy learns from that.
      const lr = rate(counters.step);
      const update = await policyUpdate(policy, reference, optimizer, joined.records, {
        ...options,
        lr,
        updates: options.updatesPerRound,
        maxTokens: task.maxCompletionTokens,
      });

      counters.step = round;
      counters.tokens += update.tokens;
      const nonFinite = update.nonFinite + (criticRow['health/nonfinite'] ?? 0);
      countSkip(counters, nonFinite);
      const endMs = nowMs();
      const discrimination = auroc(
        advantages.rewards,
        records.map(({ correct }) => correct),
      );
      const row = {
        step: round,
        lr,
        num_tokens: counters.tokens,
        ...roundMetrics(records, advantages),
        ...updateMetrics(update),
        ...criticRow,
        'disc/relabelled': relabelled,
        ...(discrimination === undefined ? {} : { 'disc/auroc': discrimination }),
        step_time: (endMs - startMs) / 1000,
        'time/rollout': (rolledMs - startMs) / 1000,
        'time/critic': (criticMs - rolledMs) / 1000,
        'time/reward': (scoredMs - criticMs) / 1000,
        'time/update': (endMs - scoredMs) / 1000,
        'perf/tokens_per_second': update.tokens / ((endMs - startMs) / 1000),
        'health/nonfinite': nonFinite,
        'health/skipped': counters.skipped,
        ...meter.row(),
        ...(isDevStep(round, maxSteps, dev) ? await devAccuracy(policy, task, dev, { seed, step: round }) : {}),
      };
      context.metrics(row);
      alarms.check(row);
      records.slice(0, options.loggedPrompts * groupSize).forEach((record, i) => {
        context.samples(sampleRow(task, round, record, advantages.rewards[i]!));
      });
      reporter.step('irl', round, maxSteps, row);
      stopIfStuck(counters, round);

      const isLast = round === maxSteps;
      const stops = context.shouldStop() && !isLast;
      if (checkpoints !== undefined && (stops || isLast || round % checkpoints.everySteps === 0)) {
        await checkpoints.save(state(), { isBest: false });
        savedStep = round;
      }
      if (stops) return { status: 'stopped', step: round };
    }
    return { status: 'finished', step: counters.step };
  } finally {
    reference?.dispose();
    optimizer.dispose();
    criticOptimizer.dispose();
  }
}
