import {
  CHECKERS,
  type CheckerName,
  CORRUPTIONS,
  type CorruptionName,
  CREDIT_LEVELS,
  CRITIC_CONTROLS,
  CRITIC_KINDS,
  CRITIC_OBJECTIVES,
  type CriticLossName,
  DATASETS,
  type DatasetName,
  DIVERGENCES,
  type DivergenceName,
  ESTIMATORS,
  type EstimatorName,
  GRANULARITIES,
  LOCAL_SIGNALS,
  NORMALISATIONS,
  ON_SPIKE,
  POLICY_LOSSES,
  type PolicyLossName,
  RELABEL_MODES,
  REWARD_FORMS,
  REWARD_NORMALISATIONS,
  type RewardFunctionName,
} from '@dawngrad/airl';
import { BEST_OF_RULES, SELECTOR_NAMES, type SelectorName } from '@dawngrad/eval';
import { type WantedFormat, WEIGHT_FORMATS } from '@dawngrad/models';
import { z } from 'zod';
import { EVALUATION_MODE_NAMES } from '../evaluation/evaluation-mode.ts';
import { between, field, oneOf, positive, section, text, whole, yesNo } from './field.ts';

/** The keys of a table, in the form that a choice needs. */
function namesOf<Name extends string>(table: Readonly<Record<Name, unknown>>): [Name, ...Name[]] {
  return Object.keys(table) as [Name, ...Name[]];
}

const loraSection = (rank: number, help: string) =>
  section({
    rank: field(whole(0), rank, 'rank', help),
    alpha: field(
      positive().nullable(),
      null,
      'number',
      'Scale of the adapters is alpha / rank; null = twice the rank.',
    ),
  });

const runFields = (dir: string) => ({
  dir: field(text(), dir, 'path', 'Folder of the run: config, environment, metrics, samples, checkpoints.', {
    safe: true,
  }),
  name: field(
    text().nullable(),
    null,
    'name',
    'What reports call the run, for which other values may refer to it; null = the name of its folder.',
    { safe: true },
  ),
  seed: field(whole(0).max(2 ** 32 - 1, 'at most 4294967295'), 42, 'number', 'Seed of every random draw.'),
});

export const runSection = (dir: string) => section(runFields(dir));

export const trainingRunSection = (dir: string) =>
  section({
    ...runFields(dir),
    resume: field(
      oneOf(['never', 'auto', 'must']),
      'never',
      'choice',
      'Auto: go on with the run in run.dir, or start it where there is none; must: go on; never: only a new run.',
      { safe: true },
    ),
    report_to: field(
      z
        .array(oneOf(['tensorboard', 'mlflow']), 'a list of names')
        .refine((names) => new Set(names).size === names.length, 'each name once'),
      [],
      'name',
      'Where metrics go besides metrics.jsonl: event files for TensorBoard in the run folder, an MLflow server.',
      { safe: true },
    ),
    tracking_uri: field(
      z.url({ protocol: /^https?$/, error: 'a URL of http or https' }).nullable(),
      null,
      'path',
      'The MLflow server; null = MLFLOW_TRACKING_URI of the environment. Unused unless report_to has mlflow.',
      { safe: true },
    ),
    experiment: field(text(), 'dawngrad', 'name', 'The experiment that an MLflow server files the run under.', {
      safe: true,
    }),
  });

/** The fields that all uses of data share. */
const rowFields = {
  format: field(
    oneOf(namesOf<DatasetName>(DATASETS)),
    'gsm8k',
    'choice',
    'Kind of rows: gsm8k {question, answer}, jsonl {prompt, target, answer}; _kd sets have experts.',
  ),
  path: field(
    text().nullable(),
    null,
    'path',
    'Rows in JSONL, JSON, parquet or Arrow: a file, a folder, or datasets/owner/name on the hub; also --data.',
  ),
  max_rows: field(whole(1).nullable(), null, 'rows', 'Use the first rows of the file only; null = all.'),
  max_prompt_tokens: field(whole(1), 300, 'tokens', 'Longest prompt allowed.'),
  max_completion_tokens: field(
    whole(1),
    824,
    'tokens',
    'Longest completion allowed, for targets and for samples, end token included.',
  ),
  overlong: field(
    oneOf(['error', 'drop']),
    'error',
    'choice',
    'What becomes of rows over a limit; rows are never cut.',
  ),
  split: field(
    text().nullable(),
    null,
    'name',
    'Split of a folder or of a data set on the hub; null = train to train on, test to evaluate.',
  ),
  bad_rows: field(
    oneOf(['error', 'drop']),
    'error',
    'choice',
    'What becomes of rows that cannot be used: one message with their places, or they are left out.',
  ),
  no_system: field(
    yesNo(),
    false,
    'yes/no',
    "Put the data set's instruction into the user's text, also where the chat template has system messages.",
  ),
  checker: field(
    oneOf(namesOf<CheckerName>(CHECKERS)).nullable(),
    null,
    'choice',
    'How a final answer is compared with the gold answer; null = as the format asks for.',
  ),
};

export const evaluationDataSection = () => section(rowFields);

const trainingFields = {
  ...rowFields,
  dev_fraction: field(
    between(0, 0.9),
    0.1,
    'fraction',
    'Share of the rows kept apart for evaluation during training; 0 = none.',
  ),
};

const expertFields = {
  ...trainingFields,
  expert_error_rate: field(
    between(0, 1),
    0,
    'fraction',
    'Share of the expert traces that are made wrong on purpose before training.',
  ),
};

export const opsdDataSection = () => section(expertFields);

export const grpoDataSection = () => section(trainingFields);

export const sftDataSection = () => section(expertFields);

export const irlDataSection = () =>
  section({
    ...expertFields,
    demonstrations: field(
      whole(1).nullable(),
      null,
      'rows',
      'Rows whose target counts as a demonstration; the rest are unlabelled prompts. null = all with a target.',
    ),
  });

const modelField = field(
  text().nullable(),
  null,
  'path',
  'Model folder in Hugging Face layout, or an id on the hub; also --model.',
);

const dtypeField = field(
  oneOf(['stored', ...WEIGHT_FORMATS] as [WantedFormat, ...WantedFormat[]]),
  'stored',
  'choice',
  'How frozen weights are kept on the device; stored = as in their files. Weights that are trained are f32.',
);

export const evaluationPolicySection = () => section({ model: modelField, dtype: dtypeField });

const trainedFields = (lr: number) => ({
  model: modelField,
  dtype: dtypeField,
  lr: field(positive(), lr, 'number', 'Peak learning rate of the policy.'),
  lora: loraSection(0, 'Rank of the low-rank adapters that are trained; 0 = train all weights.'),
});

export const sftPolicySection = () => section(trainedFields(1e-4));

export const opsdPolicySection = () => section(trainedFields(1e-5));

export const rlPolicySection = (klBeta: number) =>
  section({
    ...trainedFields(1e-5),
    kl_beta: field(
      between(0, 10),
      klBeta,
      'number',
      'Weight of the divergence from the frozen starting policy; 0 = off.',
    ),
    kl_form: field(
      oneOf(namesOf<DivergenceName>(DIVERGENCES)),
      'k3',
      'choice',
      'Estimate of the divergence: k1 -d, k2 d^2/2, k3 e^d - d - 1, with d = log p(start) - log p(now).',
    ),
    kl_place: field(
      oneOf(['loss', 'reward']),
      'loss',
      'choice',
      "Where the divergence is subtracted: in the loss, or summed over a sample's tokens from its reward.",
    ),
    kl_unbiased: field(
      yesNo(),
      false,
      'yes/no',
      "Weigh the divergence in the loss with the probability ratio, so that its gradient is the divergence's own.",
    ),
    loss: field(
      oneOf(namesOf<PolicyLossName>(POLICY_LOSSES)),
      'clipped',
      'choice',
      'Objective: clipped token ratios (PPO, GRPO, DAPO), gspo, cispo, or reinforce without bounds.',
    ),
    clip: field(
      between(0.0001, 1),
      0.2,
      'ratio',
      'The probability ratio is clipped to 1 - clip .. 1 + clip (see clip_high).',
    ),
    clip_high: field(
      between(0.0001, 100).nullable(),
      null,
      'ratio',
      'Upper bound 1 + clip_high of the ratio, where it is another; null = clip.',
    ),
    delta: field(
      between(1, 1000).nullable(),
      null,
      'ratio',
      'Bound of the ratio where the advantage is negative (dual clip); null = none.',
    ),
    entropy_bonus: field(between(0, 1), 0, 'number', 'Weight of the entropy in the objective; 0 = off.'),
    mask_truncated: field(yesNo(), false, 'yes/no', 'Do not learn from samples that were cut at the length limit.'),
    normalisation: field(
      oneOf(NORMALISATIONS),
      'token',
      'choice',
      'What counts equally in the loss: every token of the round, or every sample; constant = sum / length limit.',
    ),
    updates_per_round: field(whole(1), 1, 'updates', 'Optimiser steps on each round of samples.'),
  });

export const criticSection = () =>
  section({
    model: field(
      text().nullable(),
      null,
      'path',
      'Model folder that the critic starts from; null = the policy at its start, whose frozen base it then shares.',
    ),
    dtype: dtypeField,
    lr: field(positive(), 1e-5, 'number', 'Peak learning rate of the critic.'),
    lora: loraSection(0, "Rank of the critic's low-rank adapters; 0 = train all weights."),
    kind: field(
      oneOf(CRITIC_KINDS),
      'plain',
      'choice',
      'One number f (plain), or reward g and potential h with f = g + gamma h(end) - h(start), logit f - log pi (shaped).',
    ),
    loss: field(
      oneOf(namesOf<CriticLossName>(CRITIC_OBJECTIVES)),
      'bce',
      'choice',
      'Balanced cross-entropy; Bradley-Terry pairs of whole traces, as in GAD; Wasserstein with a gradient penalty.',
    ),
    pairwise: section({
      margin: field(between(0, 100), 0, 'logit', "What an expert's logit is to lead by (loss pairwise)."),
      negatives_per_prompt: field(
        whole(0),
        0,
        'samples',
        'Samples of a prompt that its expert is compared with, drawn for each update; 0 = all (loss pairwise).',
      ),
    }),
    penalty_weight: field(between(0, 10_000), 10, 'number', 'Weight of the gradient penalty (loss wasserstein).'),
    penalty_pairs: field(
      whole(1).nullable(),
      null,
      'samples',
      'Pairs of expert and negative that the penalty is taken between; null = one an expert (loss wasserstein).',
    ),
    shaping: section({
      gamma: field(between(0, 1), 1, 'number', 'Discount of the potential at the end of a segment (kind shaped).'),
      clamp: field(positive().nullable(), null, 'logit', 'Bound of the shaping; null = none (kind shaped).'),
      lr_mult: field(between(0, 100), 0.5, 'number', "Factor of the potential's learning rate (kind shaped)."),
      h_l2: field(between(0, 100), 1e-4, 'number', 'Weight of the squared potentials in the loss (kind shaped).'),
      shape_l2: field(between(0, 100), 1e-4, 'number', 'Weight of the squared shaping in the loss (kind shaped).'),
    }),
    label_smoothing: field(
      between(0, 0.49),
      0.1,
      'fraction',
      'Targets are 1 - e for experts and e for negatives (loss bce).',
    ),
    lr_warmup_updates: field(
      whole(0).nullable(),
      null,
      'updates',
      'Updates in which the learning rate rises from 0; null = all of warmup.steps.',
    ),
    lr_decay: field(oneOf(['cosine', 'none']), 'cosine', 'choice', "The critic's learning rate after its warm-up."),
    weight_decay: field(
      between(0, 10).nullable(),
      null,
      'number',
      'Decoupled weight decay of the critic; null = optim.weight_decay.',
    ),
    updates_per_round: field(whole(1), 3, 'updates', 'Critic updates in each round.'),
    experts_per_update: field(
      whole(1).nullable(),
      null,
      'samples',
      'Expert traces in each critic update; null = those of the whole round, and of the replayed samples.',
    ),
    policy_per_update: field(
      whole(1).nullable(),
      null,
      'samples',
      'Policy samples in each critic update; null = the whole round and replayed ones, see replay.',
    ),
    freeze: field(
      yesNo(),
      false,
      'yes/no',
      'Never train the critic, which critic.model or warmup.load_from then names: no warm-up, no updates.',
    ),
    freeze_after_warmup: field(
      yesNo(),
      false,
      'yes/no',
      'Stop training the critic after its warm-up (the fixed-critic control).',
    ),
    control: field(
      oneOf(CRITIC_CONTROLS),
      'none',
      'choice',
      'Controls to compare with: labels shuffled within each prompt, or nothing seen of a completion but its length.',
    ),
  });

export const evaluationCriticSection = () =>
  section({
    model: field(text().nullable(), null, 'path', 'Folder of a trained critic; null = rerank without a reward.'),
    dtype: dtypeField,
  });

const rewardFunctionField = (help: string) => field(between(0, 100), 0, 'number', help);

const rewardFunctionsSection = section({
  correctness: rewardFunctionField('Weight of an answer that the checker calls right (1); the reference gives 2.'),
  tag_count: rewardFunctionField('Weight of each of the four tags occurring once: at most 0.5.'),
  soft_format: rewardFunctionField('Weight of the tags following one another anywhere: 0.5.'),
  strict_format: rewardFunctionField('Weight of a text that is a think and an answer block and nothing else: 0.5.'),
  integer_answer: rewardFunctionField('Weight of an answer of digits alone: 0.5.'),
  xmlcount: rewardFunctionField(
    "Weight of the reference's own tag count: at most 0.501, less for text behind the answer, without a lower bound.",
  ),
} satisfies Record<RewardFunctionName, unknown>);

/** Rewards of a sample as a whole, weighted. */
const sourceFields = (outcomeWeight: number) => ({
  outcome_weight: field(
    between(0, 100),
    outcomeWeight,
    'number',
    'Reward of an answer that the checker calls right; 0 = answers are not looked at.',
  ),
  format_weight: field(
    between(0, 100),
    0,
    'number',
    "Weight of the form of a sample's text (tags once, in order, nothing else: at most 1.5); 0 = off.",
  ),
  overlong_buffer_tokens: field(
    whole(0),
    0,
    'tokens',
    'Tokens before the length limit over which a penalty rises from 0; 0 = no penalty.',
  ),
  overlong_penalty: field(between(0, 100), 1, 'number', 'The penalty of a sample at the length limit.'),
  // Weights by name; where one is above 0 they take the place of outcome_weight and format_weight.
  functions: rewardFunctionsSection,
});

export const grpoRewardSection = () => section(sourceFields(1));

export const rewardSection = () =>
  section({
    ...criticRewardFields,
    form: field(
      oneOf(REWARD_FORMS).nullable(),
      null,
      'choice',
      'Form of the reward: f, g, or f-minus-logpi of the sampling policy; null = f of a plain critic, g of a shaped one.',
    ),
  });

export const irlRewardSection = () => section({ ...criticRewardFields, ...rewardFormFields, ...sourceFields(0) });

const criticRewardFields = {
  granularity: field(
    oneOf(GRANULARITIES),
    'sparse',
    'choice',
    'Completion tokens the critic is read at: the last, step ends, a grid, all.',
  ),
  interval_tokens: field(whole(1), 15, 'tokens', 'Grid of granularity interval.'),
  temperature: field(positive(), 1, 'number', 'Critic logits are divided by this.'),
  clip: field(
    z.tuple([z.number('a number'), z.number('a number')], 'a pair [low, high] or null').nullable(),
    [-5, 5],
    'logit',
    'Bounds [low, high] of the reward; null = none.',
  ),
};

const rewardFormFields = {
  form: field(
    oneOf(REWARD_FORMS),
    'f',
    'choice',
    'What of the critic is the reward: f; f-minus-logpi; or g, the reward head of a shaped critic.',
  ),
  shape_weight: field(
    between(0, 100).nullable(),
    null,
    'number',
    'Weight of the shaping that is added to g; null = g alone, 1 = the same as f (form g).',
  ),
  logpi: field(
    oneOf(['sum', 'mean']),
    'sum',
    'choice',
    'How log pi is taken over the tokens of a segment (form f-minus-logpi); the scale is in disc/reward_std.',
  ),
  normalise: field(
    oneOf(REWARD_NORMALISATIONS),
    'none',
    'choice',
    'Whiten rewards, before they are clipped, by mean and deviation of the round (batch) or of all rounds (running).',
  ),
};

const scaleField = field(
  oneOf(['group', 'batch', 'none']),
  'group',
  'choice',
  'Whose standard deviation divides the advantages.',
);

const estimatorField = field(
  oneOf(namesOf<EstimatorName>(ESTIMATORS)),
  'group',
  'choice',
  'Advantages: group (mean of the group, then scale), dr_grpo (mean alone), rloo (mean of the others), reinforce_pp.',
);

export const grpoCreditSection = () => section({ estimator: estimatorField, scale: scaleField });

export const irlCreditSection = () =>
  section({
    level: field(
      oneOf(CREDIT_LEVELS),
      'sequence',
      'choice',
      'What an advantage belongs to: the completion, a segment, a token.',
    ),
    gamma: field(
      between(0, 1).nullable(),
      null,
      'number',
      'Discount of later rewards, for token credit only; null = 1.',
    ),
    estimator: estimatorField,
    scale: scaleField,
    local: field(
      oneOf(['off', ...LOCAL_SIGNALS]),
      'off',
      'choice',
      'Added to sequence credit: change of the reward from segment to segment, or g of a shaped critic.',
    ),
    expert_in_group: field(
      yesNo(),
      false,
      'yes/no',
      "Score and learn from each demonstrated prompt's expert like one more sample of its group.",
    ),
    local_weight: field(between(0, 10), 0.05, 'number', 'Weight of that change, which is normalised.'),
  });

export const negativesSection = () =>
  section({
    per_expert: field(
      whole(0),
      1,
      'copies',
      'Corrupted copies of each expert trace that the critic sees as negatives.',
    ),
    functions: field(
      z.array(oneOf([...CORRUPTIONS] as [CorruptionName, ...CorruptionName[]]), 'a list of names'),
      ['flip_operator_in_one_step', 'corrupt_answer_nearby_number', 'corrupt_numbers'],
      'name',
      'Edits that corrupt a trace; a number of them and which ones are drawn for each copy.',
    ),
    stored_per_expert: field(
      whole(0).nullable(),
      null,
      'samples',
      'Wrong traces that came with the rows (corrupted_reasonings), for each expert of an update; null = all.',
    ),
    drop_cut: field(
      yesNo(),
      false,
      'yes/no',
      'Do not show the critic samples that were cut at the length limit: they lack the end token of every expert.',
    ),
  });

export const relabelSection = () =>
  section({
    mode: field(
      oneOf(RELABEL_MODES),
      'off',
      'choice',
      'Count samples with the right answer as experts; anything but off uses the answers.',
    ),
  });

export const replaySection = () =>
  section({
    rounds: field(
      whole(0),
      0,
      'rounds',
      'Rounds of samples that critic updates draw from besides the current one; 0 = none.',
    ),
    on_policy_fraction: field(
      between(0, 1),
      0.5,
      'fraction',
      "Least share of an update's policy samples that comes from the current round.",
    ),
  });

export const warmupSection = () =>
  section({
    steps: field(whole(0), 50, 'updates', 'Critic updates before the first policy update.'),
    load_from: field(
      text().nullable(),
      null,
      'path',
      'Run that kept its warm-up, or checkpoint of a run, whose critic this one starts as; null = none.',
    ),
    continue: field(
      yesNo(),
      false,
      'yes/no',
      'Do warmup.steps updates on top of those that a loaded critic had; false = take them as done.',
    ),
    load_optimizer: field(
      yesNo(),
      true,
      'yes/no',
      "Load the state of the critic's optimiser as well (warmup.load_from).",
    ),
    keep: field(
      yesNo(),
      false,
      'yes/no',
      'Never remove the checkpoint at the end of the warm-up, for warmup.load_from of other runs.',
    ),
    samples_per_prompt: field(
      whole(1),
      4,
      'samples',
      'Completions of the starting policy for each demonstration prompt.',
    ),
  });

const temperatureField = field(positive(), 1, 'number', 'Sampling temperature.');

const samplingFields = {
  group_size: field(whole(2), 8, 'samples', 'Completions of each prompt in a round.'),
  temperature: temperatureField,
};

export const samplingSection = () => section(samplingFields);

export const opsdSamplingSection = () =>
  section({ ...samplingFields, group_size: field(whole(1), 8, 'samples', 'Completions of each prompt in a round.') });

export const opsdSection = () =>
  section({
    temperature: field(
      positive(),
      1,
      'number',
      'Divides the log-ratio of the base with and without the expert, which is the weight of a token.',
    ),
    clip: field(
      z.tuple([z.number('a number'), z.number('a number')], 'a pair [low, high] or null').nullable(),
      [-5, 5],
      'number',
      'Bounds [low, high] of the weights; null = none.',
    ),
    normalise: field(
      yesNo(),
      false,
      'yes/no',
      "Take off the round's mean weight and divide by the standard deviation, after the bounds.",
    ),
  });

export const grpoSamplingSection = () =>
  section({
    ...samplingFields,
    max_resamples: field(
      whole(0),
      0,
      'number',
      'Times that prompts whose samples all have the same reward give way to further prompts in a round; 0 = never.',
    ),
  });

export const evaluationSamplingSection = () =>
  section({
    temperature: temperatureField,
    top_p: field(
      between(0.01, 1),
      1,
      'fraction',
      'Sample from the likeliest tokens that together have this probability; 1 = all. The paper takes 0.95.',
    ),
  });

export const guidanceSection = () =>
  section({
    method: field(
      oneOf(['none', 'topk', 'chunk']),
      'none',
      'choice',
      'How the critic guides decoding: not, by rescoring the likeliest tokens, or by choosing among continuations.',
    ),
    k: field(whole(1), 5, 'tokens', 'With topk: likeliest tokens that the critic rescores at each step.'),
    alpha: field(between(-1e6, 1e6), 1, 'number', "With topk: weight of the critic's score; it is added to the logit."),
    step_size: field(whole(1), 10, 'tokens', 'With chunk: tokens of each continuation that is tried.'),
    n_candidates: field(whole(1), 4, 'samples', 'With chunk: continuations that are tried; the best is kept.'),
    gamma: field(
      between(0.01, 1),
      0.95,
      'number',
      'With chunk: discount of position scores, the newest weighing most.',
    ),
  });

export const optimSection = () =>
  section({
    beta1: field(between(0, 0.9999), 0.9, 'number', "Decay of AdamW's first moment."),
    beta2: field(between(0, 0.99999), 0.99, 'number', "Decay of AdamW's second moment."),
    epsilon: field(positive(), 1e-8, 'number', 'Added to the root of the second moment.'),
    weight_decay: field(between(0, 10), 0.1, 'number', 'Decoupled weight decay of matrices, see decay_all.'),
    decay_all: field(yesNo(), false, 'yes/no', 'Apply weight decay to biases and the weights of norms too.'),
    max_grad_norm: field(positive(), 1, 'number', 'Gradients are scaled down to this global norm.'),
    schedule: field(oneOf(['cosine', 'linear', 'constant']), 'cosine', 'choice', 'Learning rate after its warm-up.'),
    warmup_ratio: field(between(0, 1), 0.1, 'fraction', 'Share of the steps in which the learning rate rises from 0.'),
    final_ratio: field(between(0, 1), 0, 'ratio', 'Learning rate at the end, as a share of the peak.'),
  });

const microBatchField = field(
  whole(1),
  8192,
  'tokens',
  'Most tokens in one pass through a model; changes memory, not results.',
  { safe: true },
);

const stepFields = {
  micro_batch_tokens: microBatchField,
  gradient_checkpointing: field(
    yesNo(),
    false,
    'yes/no',
    'Keep only the input of each block for the gradient and compute the rest again: less memory, a third more work.',
    { safe: true },
  ),
  checkpoint_every_steps: field(
    whole(1),
    50,
    'steps',
    'Steps from one checkpoint to the next; the last step always has one.',
    { safe: true },
  ),
  keep_checkpoints: field(whole(1), 2, 'checkpoints', 'Checkpoints kept besides the best.', { safe: true }),
  save_best: field(
    yesNo(),
    true,
    'yes/no',
    'Save each step with a new best accuracy on the dev rows too and keep the best, which uses the checker.',
    { safe: true },
  ),
  on_spike: field(
    oneOf(ON_SPIKE),
    'note',
    'choice',
    'A loss or gradient norm 6 deviations above the last 128 steps: told, left out (by its norm), or the end of the run.',
    { safe: true },
  ),
};

export const sftTrainSection = () =>
  section({
    max_steps: field(whole(1), 500, 'steps', 'Optimiser steps.', { safe: true }),
    rows_per_step: field(whole(1), 16, 'rows', 'Rows in each optimiser step.'),
    keep_best: field(
      yesNo(),
      false,
      'yes/no',
      'End with the weights that were best on the dev rows, which uses the checker.',
    ),
    full_text: field(
      yesNo(),
      false,
      'yes/no',
      'Train on the tokens of prompts too, as the reference does; false = completions alone.',
    ),
    ...stepFields,
  });

const roundFields = {
  max_steps: field(whole(1), 500, 'rounds', 'Rounds of sampling and learning.', { safe: true }),
  prompts_per_round: field(whole(1), 16, 'prompts', 'Prompts in each round.'),
  logged_prompts: field(whole(0), 1, 'prompts', 'Prompts of each round whose samples go to samples.jsonl.', {
    safe: true,
  }),
  ...stepFields,
};

export const grpoTrainSection = () => section(roundFields);

export const opsdTrainSection = () => section(roundFields);

export const irlTrainSection = () =>
  section({
    ...roundFields,
    unlabelled_fraction: field(
      between(0, 1),
      0.5,
      'fraction',
      "Share of a round's prompts that have no demonstration, where there are such.",
    ),
  });

export const trainEvalSection = () =>
  section({
    every_steps: field(
      whole(1),
      50,
      'steps',
      'Steps from one evaluation to the next; the first and the last are always evaluated.',
      { safe: true },
    ),
    prompts: field(whole(1), 64, 'prompts', 'Dev prompts in an evaluation, at most.'),
    samples_per_prompt: field(whole(1), 1, 'samples', 'Completions of each dev prompt.'),
    temperature: temperatureField,
  });

export const evaluateEvalSection = () =>
  section({
    mode: field(
      oneOf(EVALUATION_MODE_NAMES),
      'generate',
      'choice',
      'Sample (generate, aime), or take given completions: pregenerated_policy for log-probabilities, ..._and_reward.',
    ),
    input: field(text().nullable(), null, 'path', 'Given completions: a file of rows, ours or of the reference.'),
    input_dir: field(
      text().nullable(),
      null,
      'path',
      'Folder of the given completions, where eval.input is null; null = policy.model.',
    ),
    input_candidates: field(
      z.array(text(), 'a list of file names').min(1, 'at least one name').nullable(),
      null,
      'name',
      'File names to look for there, in order; null = those of the mode.',
    ),
    output: field(
      text().nullable(),
      null,
      'path',
      'File of the rows, in run.dir; null = that of the mode, such as eval_results_gsm8k.jsonl.',
    ),
    policy_log_probs: field(
      yesNo().nullable(),
      null,
      'yes/no',
      "Whether rows have the policy's log-probabilities; null = yes.",
    ),
    critic_scores: field(
      yesNo().nullable(),
      null,
      'yes/no',
      'Whether the critic scores; null = if critic.model names one and the mode scores.',
    ),
    temperatures: field(
      z
        .array(between(0, 100), 'a list of numbers')
        .min(1, 'at least one number')
        .refine((values) => new Set(values).size === values.length, 'different numbers')
        .nullable(),
      null,
      'number',
      'Sample at each of these, into a file each (..._t0p5.jsonl); null = sampling.temperature alone. 0 = greedy.',
    ),
    best_of: field(
      z.array(whole(1), 'a list of whole numbers').min(1, 'at least one number').nullable(),
      null,
      'samples',
      'The N of best-of-N; null = 1, 2, 3, 5, 8, 16 as far as there are samples, and all of them.',
    ),
    best_of_rule: field(
      oneOf([...BEST_OF_RULES]),
      'subsets',
      'choice',
      'Which N: the mean over all subsets of N samples, or the first N, as the published tables have it.',
    ),
    selector: field(
      oneOf([...SELECTOR_NAMES] as [SelectorName, ...SelectorName[]]),
      'mean',
      'choice',
      'How token scores become the score of a completion; the published tables take discounted-mean.',
    ),
    calibration_rows: field(
      text().nullable(),
      null,
      'path',
      'Rows of dev prompts that the same critic scored: temperature and isotonic scaling are fitted on them.',
    ),
    tolerate: field(
      yesNo(),
      false,
      'yes/no',
      'Leave out rows that cannot be read, and prompts without all of their rows, and say so; also --tolerate.',
    ),
    samples_per_prompt: field(whole(1), 16, 'samples', 'Completions of each prompt.'),
    ks: field(
      z.array(whole(1), 'a list of whole numbers').min(1, 'at least one number').nullable(),
      null,
      'samples',
      'The k of pass@k; null = 1, 3, 5 and 10 as far as there are samples.',
    ),
    resamples: field(whole(100), 1000, 'resamples', 'Bootstrap resamples of prompts behind each 95 % interval.'),
    batch: field(
      whole(1),
      64,
      'samples',
      'Completions between two writes to the disk, whole prompts; changes memory, not results.',
      { safe: true },
    ),
    micro_batch_tokens: microBatchField,
  });
