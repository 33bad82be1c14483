import type { LocaliseMeasure, PolicyMeasure, SeedMeasures } from '../seed-measures.ts';
import type { SeedPair, SeedProblems } from './study-estimate.ts';

/** The temperature that the claims are of. */
export const MAIN_TEMPERATURE = 1;

/** How a policy did on one seed; undefined where it was not measured. */
export function policyOf(
  measures: SeedMeasures,
  name: string,
  temperature: number = MAIN_TEMPERATURE,
): PolicyMeasure | undefined {
  return measures.policies.find((one) => one.name === name && one.temperature === temperature);
}

/** Which test problems count. */
export type ProblemSet = 'all' | 'covered' | 'not covered';

/** The shares of right answers of a policy, by seed. */
export function passRows(
  measures: readonly SeedMeasures[],
  name: string,
  temperature: number = MAIN_TEMPERATURE,
  set: ProblemSet = 'all',
): SeedProblems[] {
  return measures.flatMap((one) => {
    const policy = policyOf(one, name, temperature);
    return policy === undefined ? [] : [{ seed: one.seed, values: chosen(policy.perProblem, one, set) }];
  });
}

/** Two policies on the same problems, of the seeds that have both. */
export function passPairs(
  measures: readonly SeedMeasures[],
  ours: string,
  theirs: string,
  temperature: number = MAIN_TEMPERATURE,
  set: ProblemSet = 'all',
): SeedPair[] {
  return pairsOf(passRows(measures, ours, temperature, set), passRows(measures, theirs, temperature, set));
}

/** Best of N with a selector on a policy's samples, by seed. */
export function rerankRows(
  measures: readonly SeedMeasures[],
  policy: string,
  selector: string,
  n: number,
): SeedProblems[] {
  return measures.flatMap(({ seed, rerank }) =>
    rerank
      .filter((one) => one.policy === policy && one.selector === selector && one.n === n)
      .map(({ perProblem }) => ({ seed, values: perProblem })),
  );
}

export function rerankPairs(
  measures: readonly SeedMeasures[],
  policy: string,
  [ours, theirs]: readonly [string, string],
  n: number,
): SeedPair[] {
  return pairsOf(rerankRows(measures, policy, ours, n), rerankRows(measures, policy, theirs, n));
}

/** Samples of a problem that one is chosen from: 16 as the claim has it, or the most that there are. */
export function mainN(measures: readonly SeedMeasures[]): number {
  const all = measures.flatMap(({ rerank }) => rerank.map(({ n }) => n));
  return all.length === 0 || all.includes(16) ? 16 : Math.max(...all);
}

/** A localiser's hits on one seed. */
export function localiserOf(
  { localise }: SeedMeasures,
  kind: LocaliseMeasure['kind'],
  signal: string,
  rule: LocaliseMeasure['rule'],
): LocaliseMeasure | undefined {
  return localise.find((one) => one.kind === kind && one.signal === signal && one.rule === rule);
}

/** Names in the order in which the seeds have them. */
export function namesOf<Part>(
  measures: readonly SeedMeasures[],
  parts: (measures: SeedMeasures) => readonly Part[],
  name: (part: Part) => string,
): string[] {
  return [...new Set(measures.flatMap((one) => parts(one).map(name)))];
}

function pairsOf(ours: readonly SeedProblems[], theirs: readonly SeedProblems[]): SeedPair[] {
  return ours.flatMap(({ seed, values }) => {
    const other = theirs.find((one) => one.seed === seed);
    return other === undefined ? [] : [{ seed, ours: values, theirs: other.values }];
  });
}

function chosen(values: readonly number[], { isCovered }: SeedMeasures, set: ProblemSet): readonly number[] {
  return set === 'all' ? values : values.filter((_, i) => isCovered[i] === (set === 'covered'));
}
