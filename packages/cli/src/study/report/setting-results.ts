import type { Setting } from '@dawngrad/airl';
import type { LocaliseMeasure, LongerMeasure, SeedMeasures, TrainingMeasure } from '../seed-measures.ts';
import { type Collapse, collapses } from './collapse.ts';
import {
  localiserOf,
  MAIN_TEMPERATURE,
  namesOf,
  type ProblemSet,
  passPairs,
  passRows,
  policyOf,
  rerankPairs,
  rerankRows,
} from './find-measures.ts';
import {
  countDifference,
  countEstimate,
  pairedEstimate,
  problemEstimate,
  type SeedValue,
  type StudyEstimate,
  shareEstimate,
  valueEstimate,
} from './study-estimate.ts';
import { armParts } from './study-names.ts';

/** Every number of one setting: what the tables and figures show. Estimates are null where nothing was measured. */
export interface SettingResults {
  readonly setting: Setting;
  readonly seeds: readonly number[];
  /** Share of the facts that the demonstrations show. */
  readonly coverage: StudyEstimate | null;
  readonly policies: readonly PolicyResult[];
  readonly collapses: readonly Collapse[];
  readonly rerank: readonly RerankResult[];
  readonly auroc: readonly AurocResult[];
  readonly localise: readonly LocaliseResult[];
  readonly variants: readonly VariantResult[];
  readonly longer: readonly LongerResult[];
  readonly training: readonly TrainingResult[];
}

export interface PolicyResult {
  readonly name: string;
  readonly passAt1: readonly PassResult[];
  /** Of samples at temperature 1, as the next three. */
  readonly wellFormed: StudyEstimate | null;
  readonly fullyRight: StudyEstimate | null;
  readonly fudgedPerSample: StudyEstimate | null;
  readonly withFudged: StudyEstimate | null;
}

interface PassResult {
  readonly temperature: number;
  readonly problems: ProblemSet;
  readonly estimate: StudyEstimate | null;
  /** Null of SFT itself. */
  readonly minusSft: StudyEstimate | null;
  readonly minusGrpo: StudyEstimate | null;
}

interface RerankResult {
  readonly policy: string;
  readonly n: number;
  readonly selector: string;
  readonly estimate: StudyEstimate | null;
  readonly minusMean: StudyEstimate | null;
  readonly minusMajority: StudyEstimate | null;
  readonly minusProofReading: StudyEstimate | null;
}

interface AurocResult {
  readonly scorer: string;
  readonly policy: string;
  readonly estimate: StudyEstimate | null;
}

export interface LocaliseResult {
  readonly kind: LocaliseMeasure['kind'];
  readonly localiser: string;
  readonly signal: string;
  readonly rule: LocaliseMeasure['rule'];
  readonly estimate: StudyEstimate | null;
  readonly chance: StudyEstimate | null;
  readonly minusChance: StudyEstimate | null;
}

/** An arm with another credit or with relabelling, against the same density without. */
interface VariantResult {
  readonly name: string;
  readonly of: string;
  readonly passAt1: StudyEstimate | null;
  readonly minusPlain: StudyEstimate | null;
  readonly minusSft: StudyEstimate | null;
}

interface LongerResult {
  readonly steps: number;
  readonly name: string;
  readonly kind: LongerMeasure['kind'];
  readonly estimate: StudyEstimate | null;
}

interface TrainingResult {
  readonly arm: string;
  readonly rounds: number;
  readonly lastAccuracy: StudyEstimate | null;
  readonly bestAccuracy: StudyEstimate | null;
  readonly firstReward: StudyEstimate | null;
  readonly lastReward: StudyEstimate | null;
  readonly lastKl: StudyEstimate | null;
}

/** @param measures of one setting, a seed each; at least one */
export function settingResults(measures: readonly SeedMeasures[]): SettingResults {
  return {
    setting: measures[0]!.setting,
    seeds: measures.map(({ seed }) => seed),
    coverage: shareEstimate(
      measures.map(({ seed, coverage, isCovered }) => ({ seed, value: coverage, n: isCovered.length })),
    ),
    policies: namesOf(
      measures,
      ({ policies }) => policies,
      ({ name }) => name,
    ).map((name) => policyResult(measures, name)),
    collapses: collapses(measures),
    rerank: rerankResults(measures),
    auroc: aurocResults(measures),
    localise: localiseResults(measures),
    variants: variantResults(measures),
    longer: longerResults(measures),
    training: namesOf(
      measures,
      ({ training }) => training,
      ({ arm }) => arm,
    ).map((arm) => trainingResult(measures, arm)),
  };
}

function policyResult(measures: readonly SeedMeasures[], name: string): PolicyResult {
  const own = measures.flatMap(({ policies }) => policies.filter((one) => one.name === name));
  const temperatures = [...new Set(own.map(({ temperature }) => temperature))].sort((a, b) => b - a);
  const less = (other: string, temperature: number, problems: ProblemSet): StudyEstimate | null =>
    name === other ? null : pairedEstimate(passPairs(measures, name, other, temperature, problems));
  const at1 = (key: 'wellFormed' | 'fullyRight' | 'fudgedPerSample' | 'withFudged'): SeedValue[] =>
    measures.flatMap((one) => {
      const policy = policyOf(one, name, MAIN_TEMPERATURE);
      return policy === undefined ? [] : [{ seed: one.seed, value: policy[key], n: policy.perProblem.length }];
    });
  return {
    name,
    passAt1: temperatures.flatMap((temperature) =>
      (['all', 'covered', 'not covered'] as const).map((problems) => ({
        temperature,
        problems,
        estimate: problemEstimate(passRows(measures, name, temperature, problems)),
        minusSft: less('sft', temperature, problems),
        minusGrpo: less('grpo', temperature, problems),
      })),
    ),
    wellFormed: shareEstimate(at1('wellFormed')),
    fullyRight: shareEstimate(at1('fullyRight')),
    fudgedPerSample: valueEstimate(at1('fudgedPerSample')),
    withFudged: shareEstimate(at1('withFudged')),
  };
}

function rerankResults(measures: readonly SeedMeasures[]): RerankResult[] {
  const sizes = [...new Set(measures.flatMap(({ rerank }) => rerank.map(({ n }) => n)))].sort((a, b) => b - a);
  const policies = namesOf(
    measures,
    ({ rerank }) => rerank,
    ({ policy }) => policy,
  );
  return policies.flatMap((policy) => {
    const own = (one: SeedMeasures): SeedMeasures['rerank'] => one.rerank.filter((row) => row.policy === policy);
    return namesOf(measures, own, ({ selector }) => selector).flatMap((selector) =>
      sizes.flatMap((n): RerankResult[] => {
        const less = (other: string): StudyEstimate | null =>
          selector === other ? null : pairedEstimate(rerankPairs(measures, policy, [selector, other], n));
        const estimate = problemEstimate(rerankRows(measures, policy, selector, n));
        if (estimate === null) return [];
        return [
          {
            policy,
            n,
            selector,
            estimate,
            minusMean: less('mean'),
            minusMajority: less('majority'),
            minusProofReading: less('proof-reading'),
          },
        ];
      }),
    );
  });
}

function aurocResults(measures: readonly SeedMeasures[]): AurocResult[] {
  const keyOf = ({ scorer, policy }: SeedMeasures['auroc'][number]): string => JSON.stringify([scorer, policy]);
  return namesOf(measures, ({ auroc }) => auroc, keyOf).map((key) => {
    const [scorer, policy] = JSON.parse(key) as [string, string];
    return {
      scorer,
      policy,
      estimate: shareEstimate(
        measures.flatMap(({ seed, auroc, isCovered }) =>
          auroc.flatMap((one) =>
            keyOf(one) === key && one.value !== null ? [{ seed, value: one.value, n: isCovered.length }] : [],
          ),
        ),
      ),
    };
  });
}

function localiseResults(measures: readonly SeedMeasures[]): LocaliseResult[] {
  const keyOf = ({ kind, localiser, signal, rule }: LocaliseMeasure): string =>
    JSON.stringify({ kind, localiser, signal, rule });
  return namesOf(measures, ({ localise }) => localise, keyOf).map((key) => {
    const named = JSON.parse(key) as Pick<LocaliseMeasure, 'kind' | 'localiser' | 'signal' | 'rule'>;
    const rows = measures.flatMap((one) => {
      const found = localiserOf(one, named.kind, named.signal, named.rule);
      return found === undefined || found.n === 0 ? [] : [{ seed: one.seed, found }];
    });
    return {
      ...named,
      estimate: countEstimate(rows.map(({ seed, found }) => ({ seed, hits: found.hits, n: found.n }))),
      chance: shareEstimate(rows.map(({ seed, found }) => ({ seed, value: found.chance, n: found.n }))),
      minusChance: countDifference(
        rows.map(({ seed, found }) => ({ seed, ours: found, theirs: { share: found.chance, n: null } })),
      ),
    };
  });
}

function variantResults(measures: readonly SeedMeasures[]): VariantResult[] {
  return namesOf(
    measures,
    ({ policies }) => policies,
    ({ name }) => name,
  ).flatMap((name): VariantResult[] => {
    const of = armParts(name)?.of ?? null;
    if (of === null) return [];
    return [
      {
        name,
        of,
        passAt1: problemEstimate(passRows(measures, name)),
        minusPlain: pairedEstimate(passPairs(measures, name, of)),
        minusSft: pairedEstimate(passPairs(measures, name, 'sft')),
      },
    ];
  });
}

function longerResults(measures: readonly SeedMeasures[]): LongerResult[] {
  const keyOf = ({ steps, name, kind }: LongerMeasure): string => JSON.stringify({ steps, name, kind });
  return namesOf(measures, ({ longer }) => longer, keyOf).map((key) => {
    const rows = measures.flatMap(({ seed, longer }) =>
      longer.filter((one) => keyOf(one) === key).map((one) => ({ seed, one })),
    );
    const problems = rows.flatMap(({ seed, one }) =>
      one.perProblem === undefined ? [] : [{ seed, values: one.perProblem }],
    );
    return {
      ...(JSON.parse(key) as Pick<LongerMeasure, 'steps' | 'name' | 'kind'>),
      estimate:
        problems.length > 0
          ? problemEstimate(problems)
          : shareEstimate(
              rows.flatMap(({ seed, one }) => (one.value === null ? [] : [{ seed, value: one.value, n: 0 }])),
            ),
    };
  });
}

function trainingResult(measures: readonly SeedMeasures[], arm: string): TrainingResult {
  const own = measures.flatMap(({ seed, training }) =>
    training.filter((one) => one.arm === arm).map((one) => ({ seed, one })),
  );
  const of = (key: keyof Omit<TrainingMeasure, 'arm' | 'rounds'>): SeedValue[] =>
    own.flatMap(({ seed, one }) => {
      const value = one[key] ?? null;
      return value === null ? [] : [{ seed, value, n: 0 }];
    });
  return {
    arm,
    rounds: Math.max(...own.map(({ one }) => one.rounds)),
    lastAccuracy: shareEstimate(of('lastAccuracy')),
    bestAccuracy: shareEstimate(of('bestAccuracy')),
    firstReward: valueEstimate(of('firstReward')),
    lastReward: valueEstimate(of('lastReward')),
    lastKl: valueEstimate(of('lastKl')),
  };
}
