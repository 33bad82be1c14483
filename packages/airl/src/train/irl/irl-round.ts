import { auroc } from '../../critic/critic-metrics.ts';
import { STREAMS } from '../../data/streams.ts';
import { rollout } from '../../rollout/rollout.ts';
import { devAccuracy, isDevStep } from '../dev-accuracy.ts';
import { joinExperts } from '../expert-groups.ts';
import { countSkip, stopIfStuck } from '../health.ts';
import { policyUpdate } from '../policy-update.ts';
import { roundAdvantages } from '../round-advantages.ts';
import { completionTokens, roundMetrics, sampleRow, updateMetrics } from '../round-log.ts';
import { roundPrompts } from '../round-prompts.ts';
import type { IrlRun } from './irl-run.ts';

/**
 * One round (r-airl.md, section 12.2): samples, critic updates, scores, one policy update. False where the run was
 * stopped while samples were drawn; then nothing has changed.
 */
export async function irlRound(run: IrlRun, round: number): Promise<boolean> {
  const { policy, critic, task, options, context, reference, optimizer, criticPhase, counters, meter, clock } = run;
  const { seed, maxSteps, groupSize, temperature, reward, microBatchTokens, dev } = options;
  clock.begin('rollout');
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
      onProgress: clock.onProgress,
    },
    () => context.shouldAbandonRound?.() === true,
  );
  if (records === undefined) return false;
  const relabelled = criticPhase.remember(records, round);
  const sampledTokens = completionTokens(records);
  clock.count('rollout', sampledTokens);

  // 2. The critic learns from them.
  if (criticPhase.roundUpdates > 0) clock.begin('critic');
  const criticSteps = Array.from({ length: criticPhase.roundUpdates }, () => criticPhase.update(round));
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
  await critic.score(task, joined.records, microBatchTokens, reward);
  const all = await roundAdvantages(
    joined.records,
    joined.records.map(({ critic: rewards }) => rewards!),
    reference,
    { ...options, ...joined, maxTokens: task.maxCompletionTokens },
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
  });

  counters.step = round;
  counters.tokens += update.tokens;
  const nonFinite = update.nonFinite + (criticRow['health/nonfinite'] ?? 0);
  countSkip(counters, nonFinite);
  clock.end();
  clock.count('update', update.tokens * options.updatesPerRound);
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
    'perf/tokens_per_second': update.tokens / clock.seconds(),
    'health/nonfinite': nonFinite,
    'health/skipped': counters.skipped,
    ...meter.row(),
    ...(isDevStep(round, maxSteps, dev) ? await devAccuracy(policy, task, dev, { seed, step: round }, clock) : {}),
    ...clock.row(),
  };
  context.metrics(row);
  run.alarms.check(row);
  records.slice(0, options.loggedPrompts * groupSize).forEach((record, i) => {
    context.samples(sampleRow(task, round, record, advantages.rewards[i]!));
  });
  context.reporter.step('irl', round, maxSteps, row);
  stopIfStuck(counters, round);
  return true;
}
