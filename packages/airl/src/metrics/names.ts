/** When a metric tells that something is wrong: above or below a value, for so many rows in a row. */
export interface MetricAlarm {
  readonly above?: number;
  readonly below?: number;
  /** Rows in a row; 1 unless said. */
  readonly steps?: number;
}

export interface MetricDefinition {
  readonly unit: string;
  readonly meaning: string;
  readonly alarm?: MetricAlarm;
}

/**
 * Every key that a trainer may write to `metrics.jsonl`, in one place: tests compare the rows of each
 * trainer with it, and trainers tell of an alarm once (`Alarms`). Names follow trl where it has them and
 * imitation for the adversarial game ("disc").
 */
export const METRICS = {
  step: { unit: 'count', meaning: 'optimiser steps (SFT) or rounds (GRPO, R-AIRL) finished' },
  loss: { unit: 'nats', meaning: 'the objective that was differentiated, with its global denominator' },
  lr: { unit: '-', meaning: 'learning rate of the policy at this step' },
  grad_norm: { unit: '-', meaning: 'norm of the policy gradient before clipping', alarm: { above: 10 } },
  num_tokens: { unit: 'tokens', meaning: 'completion tokens trained on so far' },

  reward: { unit: 'reward', meaning: 'mean reward of a completion, as it entered the advantage' },
  reward_std: { unit: 'reward', meaning: 'standard deviation of that reward over the round' },
  frac_reward_zero_std: {
    unit: 'fraction',
    meaning: 'groups whose rewards are all equal, which give no signal',
    alarm: { above: 0.8, steps: 20 },
  },
  accuracy: {
    unit: 'fraction',
    meaning: 'completions of the round that the checker calls correct (not used by R-AIRL)',
  },
  unparsed: { unit: 'fraction', meaning: 'completions of the round in which the checker finds no answer' },
  kl: {
    unit: 'nats',
    meaning: 'mean k3 divergence from the reference policy over trained tokens',
    alarm: { above: 2 },
  },
  entropy: { unit: 'nats/token', meaning: 'mean entropy of the policy over trained tokens' },
  kl_k1: { unit: 'nats', meaning: 'the same divergence by the estimate k1: without bias, of any sign; near kl' },
  kl_k2: { unit: 'nats', meaning: 'the same divergence by the estimate k2, half the squared difference; near kl' },
  'clip_ratio/region_mean': { unit: 'fraction', meaning: 'trained tokens whose ratio was clipped' },
  'clip_ratio/low_mean': {
    unit: 'fraction',
    meaning: 'trained tokens held at the lower bound of the ratio; 0 with one update a round, healthy below 0.2',
    alarm: { above: 0.5 },
  },
  'clip_ratio/high_mean': {
    unit: 'fraction',
    meaning: 'trained tokens held at the upper bound of the ratio; 0 with one update a round, healthy below 0.2',
    alarm: { above: 0.5 },
  },
  'ratio/min': { unit: 'ratio', meaning: 'least pi(new) / pi(old) of a trained token, 1 at most; healthy above 0.1' },
  'ratio/max': {
    unit: 'ratio',
    meaning: 'largest pi(new) / pi(old) of a trained token, 1 at least; healthy below 10',
    alarm: { above: 100 },
  },
  'completions/mean_length': { unit: 'tokens', meaning: 'mean length of the completions' },
  'completions/min_length': { unit: 'tokens', meaning: 'shortest completion' },
  'completions/max_length': { unit: 'tokens', meaning: 'longest completion' },
  'completions/mean_length_right': { unit: 'tokens', meaning: 'mean length of the correct completions' },
  'completions/mean_length_wrong': { unit: 'tokens', meaning: 'mean length of the other completions' },
  'completions/clipped_ratio': {
    unit: 'fraction',
    meaning: 'completions cut at the length limit',
    alarm: { above: 0.3 },
  },
  'sampling/ratio_raw_max': {
    unit: 'ratio',
    meaning:
      "e^d - 1, d = sampling/logp_diff_max: how far trainer and sampler's ratio may be from 1, where it should be",
  },
  'sampling/resampled_groups': {
    unit: 'count',
    meaning: 'groups of the round without spread that were drawn again, each time counted; healthy below the prompts',
  },
  'sampling/logp_diff_max': {
    unit: 'nats',
    meaning: 'largest |log-probability by the sampler - by the trainer| before the first update on a round',
    alarm: { above: 1e-4 },
  },

  'disc/loss': { unit: 'nats', meaning: "the critic's loss, mean of both classes" },
  'disc/loss_expert': { unit: 'nats', meaning: "the critic's loss on experts" },
  'disc/loss_policy': { unit: 'nats', meaning: "the critic's loss on negatives" },
  'disc/acc': {
    unit: 'fraction',
    meaning: 'mean of the two accuracies below',
    alarm: { above: 0.98, below: 0.52, steps: 50 },
  },
  'disc/acc_expert': { unit: 'fraction', meaning: 'experts with a positive logit' },
  'disc/acc_policy': { unit: 'fraction', meaning: 'negatives with a negative logit' },
  'disc/logit_expert': { unit: 'logit', meaning: 'mean logit of experts' },
  'disc/logit_policy': { unit: 'logit', meaning: 'mean logit of negatives' },
  'disc/entropy': { unit: 'nats', meaning: "mean entropy of the critic's predictions" },
  'disc/calibration_ece': { unit: 'fraction', meaning: "expected calibration error of the critic's predictions" },
  'disc/auroc': {
    unit: 'fraction',
    meaning: 'chance that a correct sample of the round scores above a wrong one (not used in training)',
  },
  'disc/grad_norm': { unit: '-', meaning: 'norm of the critic gradient before clipping', alarm: { above: 10 } },
  'disc/lr': { unit: '-', meaning: 'learning rate of the critic' },
  'disc/updates': { unit: 'count', meaning: 'critic updates so far, warm-up included' },
  'disc/skipped': {
    unit: 'count',
    meaning: 'critic updates of the row skipped, since relabelling left no wrong sample to learn from',
  },
  'disc/on_policy': { unit: 'count', meaning: 'negatives of the last update from the current round' },
  'disc/replayed': { unit: 'count', meaning: 'negatives of the last update from earlier rounds' },
  'disc/corrupted': { unit: 'count', meaning: 'corrupted experts in the last update' },
  'disc/relabelled': { unit: 'count', meaning: 'samples of the round that count as experts' },

  'eval/accuracy': { unit: 'fraction', meaning: 'accuracy on dev prompts' },
  'eval/n': { unit: 'count', meaning: 'completions behind that accuracy' },

  step_time: { unit: 's', meaning: 'wall time of the step' },
  'time/rollout': { unit: 's', meaning: 'share of it spent on sampling' },
  'time/reward': { unit: 's', meaning: 'share of it spent on scoring' },
  'time/critic': { unit: 's', meaning: 'share of it spent on critic updates' },
  'time/update': { unit: 's', meaning: 'share of it spent on the policy update' },
  'perf/tokens_per_second': {
    unit: 'tok/s',
    meaning: "completion tokens sampled and trained on, by step time; in a critic's warm-up, those that it read",
  },
  'perf/dispatches': { unit: 'count', meaning: 'kernel launches of the step' },
  'perf/submits': { unit: 'count', meaning: 'command lists that the step gave to the device' },
  'mem/live_bytes': { unit: 'bytes', meaning: 'device memory in use at the end of the step' },
  'mem/peak_bytes': { unit: 'bytes', meaning: 'most device memory in use so far' },
  'health/nonfinite': { unit: 'count', meaning: 'gradient values of the step that are not finite' },
  'health/skipped': { unit: 'count', meaning: 'steps skipped so far', alarm: { above: 5 } },
} as const satisfies Record<string, MetricDefinition>;

export type MetricName = keyof typeof METRICS;

/** One row of metrics: any of the known keys. */
export type MetricRow = Partial<Record<MetricName, number>>;
