import { aurocByPrompt } from '../metrics/calibration.ts';
import { passAtK, rewardWeightedPassAtK } from '../metrics/pass-at-k.ts';
import {
  type BestOfRule,
  bestOf,
  type Candidate,
  RANKER_NAMES,
  type RankerName,
  whyUnavailable,
} from '../metrics/rerank.ts';
import { SELECTOR_NAMES, type SelectorName } from '../metrics/selectors.ts';
import { successAtK } from '../metrics/success-at-k.ts';
import { type Estimate, estimateMean, pairedDifference } from '../stats/estimate.ts';
import { type PairedTest, pairedTest } from '../stats/paired-test.ts';
import type { Resamples } from '../stats/resample.ts';
import { estimateScored, type PromptCandidates, scoredBy } from './candidates.ts';

export interface PassAtK {
  readonly k: number;
  readonly plain: Estimate;
  /** Null without critic scores. */
  readonly rewardWeighted: Estimate | null;
}

/** Best-of-N by one way to choose; `estimates` follow `sizes` of the table, null is "n/a". */
export interface BestOfRow {
  readonly ranker: RankerName;
  readonly estimates: readonly Estimate[] | null;
  readonly unavailable: string | null;
}

/** A difference of the same prompts with tests of whether it is 0. */
export interface TestedDifference {
  readonly difference: Estimate;
  readonly test: PairedTest;
}

/** What choosing by the learned reward gains at the largest N. */
export interface RewardGain {
  readonly overRandom: Estimate;
  readonly overMajority: Estimate;
  readonly overRandomTest: PairedTest;
  readonly overMajorityTest: PairedTest;
}

/** Best-of-N by the learned reward where token scores become one score in another way. */
export interface SelectorRow {
  readonly selector: SelectorName;
  readonly estimates: readonly Estimate[];
  /** At the largest N, over the discounted mean, the published tables' selector. Null for itself. */
  readonly overDiscountedMean: Estimate | null;
  readonly auroc: Estimate | null;
}

/** The accuracy of each prompt at each size, by ranker: computed once for all tables. */
export type BestOfAccuracies = ReadonlyMap<RankerName, readonly (readonly number[])[] | string>;

export function bestOfAccuracies(
  prompts: PromptCandidates,
  sizes: readonly number[],
  rule: BestOfRule,
): BestOfAccuracies {
  const all = prompts.flat();
  return new Map(
    RANKER_NAMES.map((ranker) => [
      ranker,
      whyUnavailable(ranker, all) ?? sizes.map((size) => prompts.map((one) => bestOf(ranker, one, size, rule))),
    ]),
  );
}

export function bestOfRow(ranker: RankerName, accuracies: BestOfAccuracies, resamples: Resamples): BestOfRow {
  const found = accuracies.get(ranker) as readonly (readonly number[])[] | string;
  if (typeof found === 'string') return { ranker, estimates: null, unavailable: found };
  return { ranker, estimates: found.map((values) => estimateMean(values, resamples)), unavailable: null };
}

export function rewardGain(
  ids: readonly string[],
  accuracies: BestOfAccuracies,
  resamples: Resamples,
): RewardGain | null {
  const last = (ranker: RankerName): readonly number[] => {
    const found = accuracies.get(ranker);
    return typeof found === 'string' ? [] : (found?.at(-1) ?? []);
  };
  const reward = last('reward');
  if (reward.length === 0) return null;
  const over = (ranker: RankerName): TestedDifference => testedDifference(ids, reward, last(ranker), resamples);
  const [random, majority] = [over('random'), over('majority')];
  return {
    overRandom: random.difference,
    overMajority: majority.difference,
    overRandomTest: random.test,
    overMajorityTest: majority.test,
  };
}

/** The mean of a - b over prompts, with its interval and tests. */
export function testedDifference(
  ids: readonly string[],
  a: readonly number[],
  b: readonly number[],
  resamples: Resamples,
): TestedDifference {
  return {
    difference: pairedDifference(byId(ids, a), byId(ids, b), resamples),
    test: pairedTest(
      a.map((value, i) => value - b[i]!),
      resamples.seed,
    ),
  };
}

function byId(ids: readonly string[], values: readonly number[]): Map<string, number> {
  return new Map(ids.map((id, i) => [id, values[i]!]));
}

/** `prompts` scored by each selector; null without critic scores. */
export function selectorRows(
  ids: readonly string[],
  scoredPrompts: (selector: SelectorName) => PromptCandidates,
  sizes: readonly number[],
  rule: BestOfRule,
  resamples: Resamples,
): SelectorRow[] | null {
  const found = SELECTOR_NAMES.map((selector) => {
    const prompts = scoredPrompts(selector);
    if (whyUnavailable('reward', prompts.flat()) !== null) return null;
    const values = sizes.map((size) => prompts.map((one) => bestOf('reward', one, size, rule)));
    const auroc = estimateScored(
      scoredBy(prompts, (c) => c.reward),
      aurocByPrompt,
      resamples,
    );
    return { selector, values, auroc };
  });
  const discounted = found.find((one) => one?.selector === 'discounted-mean')?.values.at(-1);
  if (discounted === undefined) return null;
  return found
    .filter((one) => one !== null)
    .map(({ selector, values, auroc }) => ({
      selector,
      estimates: values.map((one) => estimateMean(one, resamples)),
      overDiscountedMean:
        selector === 'discounted-mean'
          ? null
          : pairedDifference(byId(ids, values.at(-1)!), byId(ids, discounted), resamples),
      auroc,
    }));
}

/** success@k|N: whether the k best by the learned reward among the first N samples hold a correct one. */
export function successRows(
  prompts: PromptCandidates,
  ks: readonly number[],
  size: number,
  resamples: Resamples,
): { readonly k: number; readonly estimate: Estimate }[] | null {
  if (whyUnavailable('reward', prompts.flat()) !== null) return null;
  return ks
    .filter((k) => k <= size)
    .map((k) => ({
      k,
      estimate: estimateMean(
        prompts.map((candidates) => {
          const first = candidates.slice(0, size);
          return successAtK(
            first.map((c) => c.reward as number),
            first.map((c) => c.correct),
            k,
          );
        }),
        resamples,
      ),
    }));
}

export function estimatePassAtK(prompts: PromptCandidates, k: number, resamples: Resamples): PassAtK {
  const right = (candidates: readonly Candidate[]): number => candidates.filter((c) => c.correct).length;
  const scored = whyUnavailable('reward', prompts.flat()) === null;
  return {
    k,
    plain: estimateMean(
      prompts.map((c) => passAtK(c.length, right(c), k)),
      resamples,
    ),
    rewardWeighted: scored
      ? estimateMean(
          prompts.map((c) =>
            rewardWeightedPassAtK(
              c.map((one) => one.reward as number),
              c.map((one) => one.correct),
              k,
            ),
          ),
          resamples,
        )
      : null,
  };
}
