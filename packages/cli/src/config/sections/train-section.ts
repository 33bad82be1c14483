import { ON_SPIKE } from '@dawngrad/airl';
import { between, field, oneOf, positive, section, whole, yesNo } from '../field.ts';

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

export const microBatchField = field(
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
