/** One line for each word that the report uses as a term. */
export const GLOSSARY: readonly (readonly [term: string, meaning: string])[] = [
  ['pass@1', 'share of single samples whose final answer is right, averaged over prompts'],
  ['pass@k', 'chance that k samples of a prompt hold a right one; the unbiased estimate 1 - C(n-m, k) / C(n, k)'],
  [
    '95 % interval',
    'what resampling the prompts allows: percentile bootstrap over prompts, never over samples; Wilson’s where all prompts agree',
  ],
  [
    'paired difference',
    'mean difference on the same prompts; an interval without 0 is a difference that more prompts would most likely keep',
  ],
  [
    'best of N',
    'accuracy of the one sample chosen from N, averaged over windows of N samples of a prompt, ties averaged',
  ],
  [
    'learned reward',
    'the critic’s logit: positive looks like the expert, negative like the policy it was trained against',
  ],
  ['majority vote', 'the most frequent final answer; samples without an answer do not vote'],
  ['reward-weighted vote', 'votes weighted by the softmax of the learned reward'],
  [
    'log-probability',
    'mean log-probability of the policy’s own tokens; tokens written by the environment are left out',
  ],
  ['random', 'the expectation of choosing blindly, equal to pass@1'],
  ['oracle', 'right if any of the N is: the bound of every way to choose'],
  ['AUROC', 'chance that a right completion scores above a wrong one; 50 % is chance'],
  [
    'ECE',
    'mean gap between logistic(reward) and the share that is right, in 10 bins; the critic is trained to tell experts from policies, not to be calibrated',
  ],
];
