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
  /**
   * Where the value is in a sound run: [least, most], both allowed and null where there is no bound, or words
   * where that depends on the run. Absent: it says nothing about the run's health by itself.
   */
  readonly healthy?: readonly [number | null, number | null] | string;
  readonly alarm?: MetricAlarm;
  /** What to do where it is outside; every alarm has it. */
  readonly remedy?: string;
}

/**
 * Every key that a trainer may write to `metrics.jsonl`, in one place: `dawngrad metrics` and docs/metrics.md
 * are made from it, tests compare the rows of each trainer with it in both directions, and trainers tell of an
 * alarm once (`Alarms`). Names follow trl where it has them and imitation for the adversarial game ("disc").
 */
export const METRICS = {
  step: { unit: 'count', meaning: 'optimiser steps (SFT) or rounds (GRPO, R-AIRL) finished' },
  loss: {
    unit: 'nats',
    meaning: 'the objective that was differentiated, with its global denominator',
    healthy: 'falls in SFT; near 0 by construction with advantages',
  },
  lr: { unit: '-', meaning: 'learning rate of the policy at this step' },
  grad_norm: {
    unit: '-',
    meaning: 'norm of the policy gradient before clipping',
    healthy: [0, 10],
    alarm: { above: 10 },
    remedy:
      'lower policy.lr or lengthen optim.warmup_ratio; look at the samples of that step. With token credit: raise sampling.group_size or lower credit.gamma.',
  },
  num_tokens: { unit: 'tokens', meaning: 'completion tokens trained on so far' },

  reward: {
    unit: 'reward',
    meaning: 'mean reward of a completion, as it entered the advantage',
    healthy: 'rises in GRPO; level in R-AIRL, whose critic moves along',
  },
  reward_std: {
    unit: 'reward',
    meaning: 'standard deviation of that reward over the round',
    healthy: 'above 0, or there is no signal',
  },
  frac_reward_zero_std: {
    unit: 'fraction',
    meaning: 'groups whose rewards are all equal, which give no signal',
    healthy: [0, 0.8],
    alarm: { above: 0.8, steps: 20 },
    remedy:
      'raise sampling.group_size or sampling.max_resamples, or choose prompts that are neither solved nor hopeless.',
  },
  'rewards/correctness/mean': {
    unit: 'reward',
    meaning: 'mean over the round of reward function correctness, by its weight',
  },
  'rewards/correctness/std': { unit: 'reward', meaning: 'standard deviation of the same over the round' },
  'rewards/tag_count/mean': {
    unit: 'reward',
    meaning: 'mean over the round of reward function tag_count, by its weight',
  },
  'rewards/tag_count/std': { unit: 'reward', meaning: 'standard deviation of the same over the round' },
  'rewards/soft_format/mean': {
    unit: 'reward',
    meaning: 'mean over the round of reward function soft_format, by its weight',
  },
  'rewards/soft_format/std': { unit: 'reward', meaning: 'standard deviation of the same over the round' },
  'rewards/strict_format/mean': {
    unit: 'reward',
    meaning: 'mean over the round of reward function strict_format, by its weight',
  },
  'rewards/strict_format/std': { unit: 'reward', meaning: 'standard deviation of the same over the round' },
  'rewards/integer_answer/mean': {
    unit: 'reward',
    meaning: 'mean over the round of reward function integer_answer, by its weight',
  },
  'rewards/integer_answer/std': { unit: 'reward', meaning: 'standard deviation of the same over the round' },
  'rewards/xmlcount/mean': {
    unit: 'reward',
    meaning: 'mean over the round of reward function xmlcount, by its weight',
  },
  'rewards/xmlcount/std': { unit: 'reward', meaning: 'standard deviation of the same over the round' },
  accuracy: {
    unit: 'fraction',
    meaning: 'completions of the round that the checker calls correct (not used by R-AIRL)',
    healthy: 'rises',
  },
  unparsed: {
    unit: 'fraction',
    meaning: 'completions of the round in which the checker finds no answer',
    healthy: 'falls',
  },
  kl: {
    unit: 'nats',
    meaning: 'mean k3 divergence from the reference policy over trained tokens',
    healthy: [0, 2],
    alarm: { above: 2 },
    remedy: 'raise policy.kl_beta or lower policy.lr: the policy has left its start.',
  },
  entropy: {
    unit: 'nats/token',
    meaning: 'mean entropy of the policy over trained tokens',
    healthy: 'falls slowly; a fall to 0 within a few rounds is a collapse (policy.entropy_bonus, policy.kl_beta)',
  },
  kl_k1: { unit: 'nats', meaning: 'the same divergence by the estimate k1: without bias, of any sign; near kl' },
  kl_k2: { unit: 'nats', meaning: 'the same divergence by the estimate k2, half the squared difference; near kl' },
  'clip_ratio/region_mean': {
    unit: 'fraction',
    meaning: 'trained tokens whose ratio was clipped',
    healthy: [0, 0.2],
  },
  'clip_ratio/low_mean': {
    unit: 'fraction',
    meaning: 'trained tokens held at the lower bound of the ratio; 0 with one update a round',
    healthy: [0, 0.2],
    alarm: { above: 0.5 },
    remedy: 'lower policy.updates_per_round or policy.lr.',
  },
  'clip_ratio/high_mean': {
    unit: 'fraction',
    meaning: 'trained tokens held at the upper bound of the ratio; 0 with one update a round',
    healthy: [0, 0.2],
    alarm: { above: 0.5 },
    remedy: 'lower policy.updates_per_round or policy.lr.',
  },
  'ratio/min': {
    unit: 'ratio',
    meaning: 'least pi(new) / pi(old) of a trained token, 1 at most',
    healthy: [0.1, 1],
  },
  'ratio/max': {
    unit: 'ratio',
    meaning: 'largest pi(new) / pi(old) of a trained token, 1 at least',
    healthy: [1, 10],
    alarm: { above: 100 },
    remedy: 'lower policy.updates_per_round or policy.lr.',
  },
  'completions/mean_length': {
    unit: 'tokens',
    meaning: 'mean length of the completions',
    healthy: 'well below data.max_completion_tokens',
  },
  'completions/min_length': { unit: 'tokens', meaning: 'shortest completion' },
  'completions/max_length': { unit: 'tokens', meaning: 'longest completion' },
  'completions/mean_length_right': { unit: 'tokens', meaning: 'mean length of the correct completions' },
  'completions/mean_length_wrong': { unit: 'tokens', meaning: 'mean length of the other completions' },
  'completions/clipped_ratio': {
    unit: 'fraction',
    meaning: 'completions cut at the length limit',
    healthy: [0, 0.3],
    alarm: { above: 0.3 },
    remedy: 'raise data.max_completion_tokens, or set policy.mask_truncated or reward.overlong_buffer_tokens.',
  },
  'sampling/ratio_raw_max': {
    unit: 'ratio',
    meaning:
      "e^d - 1, d = sampling/logp_diff_max: how far trainer and sampler's ratio may be from 1, where it should be",
    healthy: [0, 1e-4],
  },
  'sampling/resampled_groups': {
    unit: 'count',
    meaning: 'groups of the round without spread that were drawn again, each time counted',
    healthy: 'below the prompts of a round',
  },
  'sampling/logp_diff_max': {
    unit: 'nats',
    meaning: 'largest |log-probability by the sampler - by the trainer| before the first update on a round',
    healthy: [0, 1e-4],
    alarm: { above: 1e-4 },
    remedy: 'expected with quantised or 16-bit weights; otherwise run dawngrad doctor and report it.',
  },

  'disc/loss': {
    unit: 'nats',
    meaning: "the critic's loss, mean of both classes",
    healthy: 'bce and pairwise: between 0.2 and 0.69 = ln 2, which is chance; wasserstein: below 0',
  },
  'disc/loss_expert': { unit: 'nats', meaning: "the critic's loss on experts" },
  'disc/loss_policy': { unit: 'nats', meaning: "the critic's loss on negatives" },
  'disc/acc': {
    unit: 'fraction',
    meaning:
      "mean of the two accuracies below; of losses without a border at 0 the chance that an expert's logit is above a negative's",
    healthy: [0.52, 0.98],
    alarm: { above: 0.98, below: 0.52, steps: 50 },
    remedy:
      'too high, the reward is flat: lower critic.lr or critic.updates_per_round, raise critic.label_smoothing, see leak/most; too low, it is blind: raise them or warmup.steps.',
  },
  'disc/acc_expert': { unit: 'fraction', meaning: 'experts with a positive logit', healthy: 'near disc/acc' },
  'disc/acc_policy': { unit: 'fraction', meaning: 'negatives with a negative logit', healthy: 'near disc/acc' },
  'disc/logit_expert': { unit: 'logit', meaning: 'mean logit of experts', healthy: 'above 0, within reward.clip' },
  'disc/logit_policy': { unit: 'logit', meaning: 'mean logit of negatives', healthy: 'below 0, within reward.clip' },
  'disc/entropy': {
    unit: 'nats',
    meaning: "mean entropy of the critic's predictions",
    healthy: 'above 0.05; at 0 the critic is certain and its reward saturated',
  },
  'disc/calibration_ece': {
    unit: 'fraction',
    meaning: "expected calibration error of the critic's predictions",
    healthy: [0, 0.2],
  },
  'disc/auroc': {
    unit: 'fraction',
    meaning: 'chance that a correct sample of the round scores above a wrong one (not used in training)',
    healthy: 'above 0.5; at 0.5 the reward says nothing about answers',
  },
  'disc/penalty': {
    unit: '-',
    meaning: "what the gradient penalty adds to the critic's loss (critic.loss=wasserstein)",
    healthy: 'well below critic.penalty_weight, its value where the critic is flat',
  },
  'disc/input_gradient': {
    unit: '-',
    meaning: "mean norm of the critic's gradient by the embeddings between experts and negatives",
    healthy: 'near 1 once the critic has learned',
  },
  'disc/segment_tokens': {
    unit: 'tokens',
    meaning:
      "mean length of a segment of the round's samples; with token credit each of its tokens has its reward, so that long ones weigh more",
  },
  'disc/reward_mean': {
    unit: 'reward',
    meaning: 'mean reward at the marks of the round, by critic temperature, before it is whitened and clipped',
  },
  'disc/reward_std': {
    unit: 'reward',
    meaning: 'standard deviation of the same: the scale of f - log pi, or what a whitened reward was divided by',
    healthy: 'the same order from round to round',
  },
  'disc/grad_norm': {
    unit: '-',
    meaning: 'norm of the critic gradient before clipping',
    healthy: [0, 10],
    alarm: { above: 10 },
    remedy: 'lower critic.lr or lengthen warmup.steps.',
  },
  'disc/lr': { unit: '-', meaning: 'learning rate of the critic' },
  'disc/updates': { unit: 'count', meaning: 'critic updates so far, warm-up included' },
  'disc/skipped': {
    unit: 'count',
    meaning: 'critic updates of the row skipped, since relabelling, or leaving out cut samples, left no negative',
    healthy: '0, except with relabelling once most samples are right',
    alarm: { above: 0, steps: 20 },
    remedy:
      'the critic stands still: with relabelling the policy has no wrong samples left, stop or take harder prompts; with negatives.drop_cut raise data.max_completion_tokens.',
  },
  'disc/on_policy': { unit: 'count', meaning: 'negatives of the last update from the current round' },
  'disc/replayed': { unit: 'count', meaning: 'negatives of the last update from earlier rounds' },
  'disc/corrupted': { unit: 'count', meaning: 'corrupted experts in the last update' },
  'disc/stored': { unit: 'count', meaning: "wrong traces that came with the experts' rows in the last update" },
  'disc/expert_errors': {
    unit: 'count',
    meaning: 'experts of the last update that were made wrong on purpose (data.expert_error_rate)',
    healthy: '0, but in the ablation',
  },
  'disc/cut': {
    unit: 'count',
    meaning: 'samples of the round that the critic does not see, since they were cut at the length limit',
  },
  'disc/control': {
    unit: '-',
    meaning: 'control that the critic is under: 1 shuffled_labels, 2 length_only; absent without one',
    healthy: 'absent',
  },
  'disc/compared': {
    unit: 'count',
    meaning: 'samples of the round compared with an answer to their own prompt, for relabelling',
    healthy: 'all samples of demonstrated prompts',
  },
  'disc/relabelled': { unit: 'count', meaning: 'samples of the round that count as experts' },

  'opsd/teacher_logp': {
    unit: 'nats/token',
    meaning: 'mean log-probability of sampled tokens under the base that is shown the expert (OPSD)',
    healthy: 'rises',
  },
  'opsd/base_logp': {
    unit: 'nats/token',
    meaning: 'the same without the expert; it falls as the student leaves the base',
  },
  'opsd/weight_mean': {
    unit: 'weight',
    meaning: 'mean weight of a sampled token, before weights are normalised',
    healthy: 'rises',
  },
  'opsd/weight_std': {
    unit: 'weight',
    meaning: 'standard deviation of these weights',
    healthy: 'above 0, or nothing is taught',
  },
  'opsd/weight_clipped': {
    unit: 'fraction',
    meaning: 'sampled tokens whose weight met a bound of opsd.clip',
    healthy: [0, 0.2],
  },

  'leak/tokens': {
    unit: 'AUROC',
    meaning:
      'how well the number of tokens alone tells experts from the first samples that the critic sees; 0.5 = not at all',
    healthy: [0.5, 0.8],
  },
  'leak/end': {
    unit: 'AUROC',
    meaning: 'how well the end token alone tells experts from the first samples that the critic sees; 0.5 = not at all',
    healthy: [0.5, 0.8],
  },
  'leak/characters': {
    unit: 'AUROC',
    meaning:
      'how well the number of characters alone tells experts from the first samples that the critic sees; 0.5 = not at all',
    healthy: [0.5, 0.8],
  },
  'leak/lines': {
    unit: 'AUROC',
    meaning:
      'how well the number of lines alone tells experts from the first samples that the critic sees; 0.5 = not at all',
    healthy: [0.5, 0.8],
  },
  'leak/blank_lines': {
    unit: 'AUROC',
    meaning:
      'how well the number of blank lines alone tells experts from the first samples that the critic sees; 0.5 = not at all',
    healthy: [0.5, 0.8],
  },
  'leak/white_space': {
    unit: 'AUROC',
    meaning:
      'how well the share of white space alone tells experts from the first samples that the critic sees; 0.5 = not at all',
    healthy: [0.5, 0.8],
  },
  'leak/edge_space': {
    unit: 'AUROC',
    meaning:
      'how well white space at the ends alone tells experts from the first samples that the critic sees; 0.5 = not at all',
    healthy: [0.5, 0.8],
  },
  'leak/tags': {
    unit: 'AUROC',
    meaning:
      'how well the number of think and answer tags alone tells experts from the first samples that the critic sees; 0.5 = not at all',
    healthy: [0.5, 0.8],
  },
  'leak/markdown': {
    unit: 'AUROC',
    meaning:
      'how well the number of markdown marks alone tells experts from the first samples that the critic sees; 0.5 = not at all',
    healthy: [0.5, 0.8],
  },
  'leak/digits': {
    unit: 'AUROC',
    meaning:
      'how well the share of digits alone tells experts from the first samples that the critic sees; 0.5 = not at all',
    healthy: [0.5, 0.8],
  },
  'leak/most': {
    unit: 'AUROC',
    meaning: 'the largest of leak/*: what a critic can do that reads nothing of the reasoning',
    healthy: [0.5, 0.8],
    alarm: { above: 0.8 },
    remedy:
      'start from a policy that writes like the experts (train sft), raise negatives.per_expert; of leak/end raise data.max_completion_tokens or set negatives.drop_cut; then compare with a run under critic.control=length_only.',
  },

  'eval/accuracy': { unit: 'fraction', meaning: 'accuracy on dev prompts', healthy: 'rises' },
  'eval/n': { unit: 'count', meaning: 'completions behind that accuracy' },

  step_time: {
    unit: 's',
    meaning: 'wall time of the step: its rollout, reward, critic and update; evaluation and saves are beside it',
  },
  'time/rollout': { unit: 's', meaning: 'time of the step spent on sampling and on making records of the samples' },
  'time/reward': { unit: 's', meaning: "time of the step spent on the critic's rewards and on advantages" },
  'time/critic': { unit: 's', meaning: 'time of the step spent on critic updates' },
  'time/update': { unit: 's', meaning: "time of the step spent on the policy's update, the reference's pass included" },
  'time/eval': { unit: 's', meaning: 'time of the evaluation on dev prompts after the step' },
  'time/save': { unit: 's', meaning: 'time of the checkpoint that was saved after the row before' },
  'time/rollout_share': {
    unit: 'fraction',
    meaning: 'time/rollout by the time from the row before: step, evaluation, save',
  },
  'time/reward_share': { unit: 'fraction', meaning: 'time/reward by the time from the row before' },
  'time/critic_share': { unit: 'fraction', meaning: 'time/critic by the time from the row before' },
  'time/update_share': { unit: 'fraction', meaning: 'time/update by the time from the row before' },
  'time/eval_share': { unit: 'fraction', meaning: 'time/eval by the time from the row before' },
  'time/save_share': {
    unit: 'fraction',
    meaning: 'time/save by the time from the row before',
    healthy: 'below 0.2 over a run; else raise train.checkpoint_every_steps',
  },
  'perf/tokens_per_second': {
    unit: 'tok/s',
    meaning: "completion tokens sampled and trained on, by step time; in a critic's warm-up, those that it read",
  },
  'perf/rollout_tokens_per_second': { unit: 'tok/s', meaning: 'completion tokens sampled, by time/rollout' },
  'perf/reward_tokens_per_second': { unit: 'tok/s', meaning: 'completion tokens given a reward, by time/reward' },
  'perf/critic_tokens_per_second': {
    unit: 'tok/s',
    meaning: 'completion tokens of the critic updates, by time/critic',
  },
  'perf/update_tokens_per_second': {
    unit: 'tok/s',
    meaning: 'completion tokens trained on, once for each optimiser step, by time/update',
  },
  'perf/eval_tokens_per_second': { unit: 'tok/s', meaning: 'completion tokens of the evaluation, by time/eval' },
  'perf/dispatches': { unit: 'count', meaning: 'kernel launches of the step' },
  'perf/submits': { unit: 'count', meaning: 'command lists that the step gave to the device' },
  'mem/live_bytes': {
    unit: 'bytes',
    meaning: 'device memory in use at the end of the step',
    healthy: 'level from step to step',
  },
  'mem/peak_bytes': { unit: 'bytes', meaning: 'most device memory in use so far', healthy: 'level after a few steps' },
  'health/nonfinite': {
    unit: 'count',
    meaning: 'gradient values of the step that are not finite; the step is then skipped',
    healthy: [0, 0],
  },
  'health/skipped': {
    unit: 'count',
    meaning: 'steps skipped so far',
    healthy: [0, 5],
    alarm: { above: 5 },
    remedy: 'lower policy.lr and critic.lr, or optim.max_grad_norm.',
  },
  'health/spikes': {
    unit: 'count',
    meaning: 'updates so far whose loss or gradient norm was over 6 standard deviations above the 128 before it',
    healthy: 'few, and not more and more often',
    alarm: { above: 20 },
    remedy: 'look at the samples of those steps; lower the learning rate, or set train.on_spike=skip.',
  },
  'health/rollbacks': {
    unit: 'count',
    meaning: 'times that the run went back to a checkpoint, since too many steps were skipped; it ends at the fourth',
    healthy: [0, 0],
    alarm: { above: 0 },
    remedy: 'look at the data after that checkpoint; lower policy.lr and critic.lr.',
  },
} as const satisfies Record<string, MetricDefinition>;

export type MetricName = keyof typeof METRICS;

/** One row of metrics: any of the known keys. */
export type MetricRow = Partial<Record<MetricName, number>>;
