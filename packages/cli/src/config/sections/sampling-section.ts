import { z } from 'zod';
import { between, field, oneOf, positive, section, whole, yesNo } from '../field.ts';

export const temperatureField = field(positive(), 1, 'number', 'Sampling temperature.');

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
