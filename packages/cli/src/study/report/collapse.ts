import type { SeedMeasures } from '../seed-measures.ts';
import { policyOf } from './find-measures.ts';
import { isIrl } from './study-names.ts';

/** Share of samples that must follow the grammar. */
const WELL_FORMED = 0.9;
/** Points below SFT: twice what repeating SFT on one seed moves it. */
const BELOW_SFT = 0.1;

/**
 * When training has destroyed a policy. Failed: there is none; to leave that out would report the survivors. Below the
 * base: it has lost what it began with. Malformed: it has left the language in which the reward means anything. Far below
 * SFT: twice as far as SFT itself moves when it is repeated on one seed, so chance does not explain it.
 */
export const COLLAPSE_RULE =
  'A policy has collapsed where its training failed or where, at temperature 1, its pass@1 is below the base’s, or less than 90 % of its samples follow the grammar to the end, or its pass@1 is more than 10 points below SFT’s on the same seed.';

export interface Collapse {
  readonly policy: string;
  readonly seed: number;
  /** Which conditions it met, with their figures. */
  readonly reasons: readonly string[];
}

/** The policies of R-AIRL that collapsed. */
export function collapses(measures: readonly SeedMeasures[]): Collapse[] {
  return measures.flatMap((one) =>
    irlNames(one).flatMap((policy) => {
      const reasons = collapseReasons(one, policy);
      return reasons.length === 0 ? [] : [{ policy, seed: one.seed, reasons }];
    }),
  );
}

/** Arms of R-AIRL that a seed has, those too whose training failed. */
export function irlNames({ policies, failed = [] }: SeedMeasures): string[] {
  return [...new Set([...policies.map(({ name }) => name), ...failed.map(({ arm }) => arm)].filter(isIrl))];
}

function collapseReasons(measures: SeedMeasures, name: string): string[] {
  const failed = measures.failed?.find(({ arm }) => arm === name);
  if (failed !== undefined) return [`training failed: ${failed.message}`];
  const policy = policyOf(measures, name);
  if (policy === undefined) return [];
  const pass = mean(policy.perProblem);
  const of = (other: string): number | null => {
    const found = policyOf(measures, other);
    return found === undefined ? null : mean(found.perProblem);
  };
  const [base, sft] = [of('base'), of('sft')];
  return [
    ...(base !== null && pass < base ? [`pass@1 ${percent(pass)} below the base’s ${percent(base)}`] : []),
    ...(policy.wellFormed < WELL_FORMED ? [`${percent(policy.wellFormed)} well-formed`] : []),
    ...(sft !== null && pass < sft - BELOW_SFT ? [`pass@1 ${percent(pass)} against SFT’s ${percent(sft)}`] : []),
  ];
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
