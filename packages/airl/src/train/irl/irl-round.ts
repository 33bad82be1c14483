import { meanReward, rewardScale } from '../../credit/reward.ts';
import { auroc } from '../../critic/critic-metrics.ts';
import { STREAMS } from '../../data/streams.ts';
import type { TraceRecord } from '../../record.ts';
import { rollout } from '../../rollout/rollout.ts';
import { devAccuracy, isDevStep } from '../dev-accuracy.ts';
import { joinExperts } from '../expert-groups.ts';
import { policyUpdate } from '../policy-update.ts';
import { roundAdvantages } from '../round-advantages.ts';
import { completionTokens, roundMetrics, sampleRow, updateMetrics } from '../round-log.ts';
import { roundPrompts } from '../round-prompts.ts';
import { isBestYet } from '../step-end.ts';
import type { IrlRun } from './irl-run.ts';

/**
 * One round (r-airl.md, section 12.2): samples, critic updates, scores, one policy update. False where the run was
 * stopped while samples were drawn; then nothing has changed.
 */
export async function irlRound(run: IrlRun, round: number): Promise<boolean> {
  const { policy, critic, task, options, context, reference, optimizer, criticPhase, counters, health, meter, clock } =
    run;
  const { seed, maxSteps, groupSize, temperature, reward, microBatchTokens, dev } = options;
  const dataRound = round + health.shift;
  health.limit({ policy: optimizer, critic: criticPhase.optimizer });
  clock.begin('rollout');
  meter.restart();

  // 1. Samples of the current policy, labelled and remembered.
  const records = await rollout(
    policy,
    task,
    roundPrompts(task, dataRound, options),
    {
      samplesPerPrompt: groupSize,
      temperature,
      seed,
      stream: STREAMS.rollout,
      round: dataRound,
      marks: reward,
      onProgress: clock.onProgress,
    },
    () => context.shouldAbandonRound?.() === true,
  );
  if (records === undefined) return false;
  const labels = criticPhase.remember(records, dataRound);
  criticPhase.probe(records, context.reporter);
  const sampledTokens = completionTokens(records);
  clock.count('rollout', sampledTokens);

  // 2. The critic learns from them.
  if (criticPhase.roundUpdates > 0) clock.begin('critic');
  const criticSteps = Array.from({ length: criticPhase.roundUpdates }, () => {
    const step = criticPhase.update(dataRound);
    context.onRecorded?.('critic update');
    return step;
  });
  const criticRow = await criticPhase.read(criticSteps);
  if (criticPhase.roundUpdates > 0) {
    clock.count(
      'critic',
      criticSteps.reduce((total, step) => total + (step?.update.tokens ?? 0), 0),
    );
  }

  // 3. Its logits, after these updates, are the reward.
  clock.begin('reward');
  const joined = options.expertInGroup
    ? await joinExperts(policy, records, criticPhase.expertOf, options)
    : { records };
  const seen = criticPhase.seen(joined.records);
  const scores = await critic.score(task, seen, microBatchTokens, reward, run.rewardStatistics);
  seen.forEach(({ critic: rewards }, i) => {
    joined.records[i]!.critic = rewards!;
  });
  const all = await roundAdvantages(
    joined.records,
    joined.records.map(({ critic: rewards }) => rewards!),
    reference,
    { ...options, ...joined, scores, maxTokens: task.maxCompletionTokens },
  );
  // Metrics are of the samples; experts come after them.
  const advantages = { ...all, rewards: all.rewards.slice(0, records.length) };
  clock.count('reward', completionTokens(joined.records));

  // 4. The policy learns from that.
  clock.begin('update');
  const lr = run.rate(counters.step);
  const update = await policyUpdate(policy, reference, optimizer, joined.records, {
    ...options,
    lr,
    updates: options.updatesPerRound,
    maxTokens: task.maxCompletionTokens,
    onRecorded: context.onRecorded,
  });

  counters.step = round;
  counters.tokens += update.tokens;
  const nonFinite = update.nonFinite + (criticRow['health/nonfinite'] ?? 0);
  health.observe(round, {
    policy: update.steps,
    critic: criticPhase.roundUpdates > 0 ? criticPhase.observed : [],
  });
  clock.end();
  clock.count('update', update.tokens * options.updatesPerRound);
  // What the critic says alone: the rewards may have the checker's verdict in them.
  const discrimination = auroc(
    records.map((_, i) => scores[i]!.whole ?? meanReward(scores[i]!.tokens)),
    records.map(({ correct }) => correct),
  );
  const row = {
    step: round,
    lr,
    num_tokens: counters.tokens,
    ...roundMetrics(records, advantages, options.sources?.functions),
    ...updateMetrics(update),
    ...criticRow,
    ...rewardScale(scores, reward),
    ...(options.credit.level === 'token' ? { 'disc/segment_tokens': meanSegment(records) } : {}),
    ...labels,
    ...(discrimination === undefined ? {} : { 'disc/auroc': discrimination }),
    'perf/tokens_per_second': update.tokens / clock.seconds(),
    'health/nonfinite': nonFinite,
    ...health.row(),
    ...meter.row(),
    ...(isDevStep(round, maxSteps, dev) ? await devAccuracy(policy, task, dev, { seed, step: round }, clock) : {}),
    ...clock.row(),
  };
  context.metrics(row);
  run.alarms.check(row);
  records.slice(0, options.loggedPrompts * groupSize).forEach((record, i) => {
    const row = sampleRow(task, round, record, advantages.rewards[i]!);
    context.samples({ ...row, label: record.label, label_reason: record.labelReason });
  });
  context.reporter.step('irl', round, maxSteps, row);
  isBestYet(counters, round, row);
  return true;
}

/** Mean tokens of a segment. */
function meanSegment(records: readonly TraceRecord[]): number {
  return completionTokens(records) / records.reduce((total, { segments }) => total + segments.length, 0);
}
