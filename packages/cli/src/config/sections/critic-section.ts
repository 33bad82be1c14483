import { CRITIC_CONTROLS, CRITIC_KINDS, CRITIC_POOLINGS, type CriticLossName, criticObjectives } from '@dawngrad/airl';
import { between, field, oneOf, positive, section, text, whole, yesNo } from '../field.ts';
import { nameIn } from '../name-in.ts';
import { dtypeField, loraSection } from './model-fields.ts';

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
    trunk_lr_scale: field(
      positive('more than 0 (0.01 for a trunk that hardly moves, or adapters: critic.lora.rank)').max(10, 'at most 10'),
      1,
      'number',
      "Factor of critic.lr for all but the critic's head; below 1 the head learns faster than what it reads.",
    ),
    lora: loraSection(0, "Rank of the critic's low-rank adapters; 0 = train all weights."),
    kind: field(
      oneOf(CRITIC_KINDS),
      'plain',
      'choice',
      'One number f (plain), or reward g and potential h with f = g + gamma h(end) - h(start), logit f - log pi (shaped).',
    ),
    pooling: field(
      oneOf(CRITIC_POOLINGS),
      'last',
      'choice',
      "A segment's value: the logit of its last token, or the mean of those of all its tokens (kind plain).",
    ),
    loss: field(
      nameIn<CriticLossName>(criticObjectives),
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
