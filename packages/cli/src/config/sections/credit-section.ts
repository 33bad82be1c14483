import { CREDIT_LEVELS, type EstimatorName, estimators, LOCAL_SIGNALS } from '@dawngrad/airl';
import { between, field, oneOf, section, yesNo } from '../field.ts';
import { nameIn } from '../name-in.ts';

const scaleField = field(
  oneOf(['group', 'batch', 'none']),
  'group',
  'choice',
  'Whose standard deviation divides the advantages.',
);

const estimatorField = field(
  nameIn<EstimatorName>(estimators),
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
