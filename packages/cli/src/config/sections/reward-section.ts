import { GRANULARITIES, REWARD_FORMS, REWARD_NORMALISATIONS, type RewardFunctionName } from '@dawngrad/airl';
import { z } from 'zod';
import { between, field, oneOf, positive, section, whole } from '../field.ts';

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

export const irlRewardSection = () =>
  section({ ...criticRewardFields, malformed: malformedField, ...rewardFormFields, ...sourceFields(0) });

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

const malformedField = field(
  between(-1000, 1000).nullable(),
  null,
  'number',
  'The most that a completion may be rewarded which was cut off or holds no answer; null = what the critic says.',
);

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
