import { auroc } from '../../critic/critic-metrics.ts';
import { STREAMS } from '../../data/streams.ts';
import { rollout } from '../../rollout/rollout.ts';
import { devAccuracy, isDevStep } from '../dev-accuracy.ts';
import { joinExperts } from '../expert-groups.ts';
import { countSkip, stopIfStuck } from '../health.ts';
import { policyUpdate } from '../policy-update.ts';
import { roundAdvantages } from '../round-advantages.ts';
import { roundMetrics, sampleRow, updateMetrics } from '../round-log.ts';
import { roundPrompts } from '../round-prompts.ts';
import type { IrlRun } from './irl-run.ts';

/**
 * One round (r-airl.md, section 12.2): samples, critic updates, scores, one policy update. False where the run was
 * stopped while samples were drawn; then nothing has changed.
 */
export async function irlRound(run: IrlRun, round: number): Promise<boolean> {
  const { policy, critic, task, options, context, reference, optimizer, criticPhase, counters, meter } = run;
  const { seed, maxSteps, groupSize, temperature, reward, microBatchTokens, dev } = options;
  const { nowMs } = context;
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
  if (records === undefined) return false;
  const relabelled = criticPhase.remember(records, round);
  const rolledMs = nowMs();

  // 2. The critic learns from them.
  const criticRow = await criticPhase.read(
    Array.from({ length: criticPhase.roundUpdates }, () => criticPhase.update(round)),
  );
  const criticMs = nowMs();

  // 3. Its logits, after these updates, are the reward.
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
  const scoredMs = nowMs();

  // 4. The policy learns from that.
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
  run.alarms.check(row);
  records.slice(0, options.loggedPrompts * groupSize).forEach((record, i) => {
    context.samples(sampleRow(task, round, record, advantages.rewards[i]!));
  });
  context.reporter.step('irl', round, maxSteps, row);
  stopIfStuck(counters, round);
  return true;
}
