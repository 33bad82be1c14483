import { DIVERGENCES, type DivergenceName, NORMALISATIONS, POLICY_LOSSES, type PolicyLossName } from '@dawngrad/airl';
import { between, field, oneOf, positive, section, whole, yesNo } from '../field.ts';
import { dtypeField, loraSection, modelField } from './model-fields.ts';
import { namesOf } from './names-of.ts';

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
